/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tables, as steps from version to version; a step once released never
 * changes. */
#ifndef GATEWAYD_STORE_SCHEMA_H
#define GATEWAYD_STORE_SCHEMA_H

#define SCHEMA_APPLICATION_ID 0x67774c31 /* "gwL1" */
#define SCHEMA_VERSION 4

extern const char *const schema_steps[SCHEMA_VERSION];

#endif
