/* SPDX-License-Identifier: Apache-2.0 */
/* What a host process takes away from itself, after exec and before it loads a plugin. */
#ifndef GATEWAYD_DEVHOST_LOCKDOWN_H
#define GATEWAYD_DEVHOST_LOCKDOWN_H

/* Main thread, before any other thread exists. Failures are not fatal: each measure is
 * one of several. */
void lockdown_host(void);

#endif
