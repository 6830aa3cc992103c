/* SPDX-License-Identifier: Apache-2.0 */
/* Is an address inside the home? Asks the kernel for the interfaces; any thread. */
#ifndef GATEWAYD_CONSENT_CONSENT_ADDRESS_H
#define GATEWAYD_CONSENT_CONSENT_ADDRESS_H

#include <stdbool.h>

/* Is this address (literal IPv4/IPv6, a zone "%eth0" is allowed) loopback or on a network
 * of one of our interfaces? Point-to-point links lead away from home and do not count. */
bool consent_address_is_local(const char *address);

#endif
