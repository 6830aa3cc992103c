/* SPDX-License-Identifier: Apache-2.0 */
/* The list of consent events in the store, filled from the configuration's paper
 * grants. */
#ifndef GATEWAYD_GRANTS_H
#define GATEWAYD_GRANTS_H

#include "gatewayd/store/store.h"
#include "lib/consent/consent.h"

struct grants_hooks {
    void *ctx;
    /* Any thread. */
    void (*event)(void *ctx, const char *code, const char *severity, const char *text);
    /* Store's thread: before anything is entered. NULL: not asked for. */
    void (*entering)(void *ctx);
};

/* Loop: on the store's thread, before whatever is posted later, grants not seen yet are
 * entered and the whole list is played into `consent`. 0 or -ENOMEM. */
int grants_enter(struct store *store, struct consent *consent,
                 const struct config *config, const struct grants_hooks *hooks);
/* Store's thread: the list may have grown behind our back, the store is another one
 * (brought back from RAM, restored). */
void grants_reload(struct store *store, struct consent *consent);
/* Store's thread, now and then: what ended while the clock was trusted stays ended when
 * the next boot has none. */
void grants_check_clock(struct store *store, struct consent *consent);

#endif
