/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant as the JSON record kept in the store's list of consent events, with the
 * sections of ISO/IEC TS 27560 (header, processing, pii, party, event) as far as we know
 * them. Pure.
 */
#ifndef GATEWAYD_CONSENT_CONSENT_JSON_H
#define GATEWAYD_CONSENT_CONSENT_JSON_H

#include "lib/config/config.h"

/* malloc'ed text, or NULL: no memory. */
char *consent_grant_to_json(const struct config_grant *grant);
/* Back; malloc'ed strings inside *ret_grant, free with consent_grant_done. -EINVAL: not
 * such a record; *ret_grant untouched then. */
int consent_grant_from_json(const char *json, struct config_grant *ret_grant);
void consent_grant_done(struct config_grant *grant);

#endif
