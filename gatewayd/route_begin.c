/* SPDX-License-Identifier: Apache-2.0 */
/* Where a route begins; see route_begin.h. Between the consent that was entered and the
 * cursor in the store. */
#include "gatewayd/route_begin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/store_facts.h"
#include "gatewayd/store/store_read.h"

void route_begin_mark(void *arg)
{
    struct forwarding *forwarding = arg;
    struct store_stats stats;

    store_commit(forwarding->store); /* what waits for it was recorded before */
    store_get_stats(forwarding->store, &stats);
    snprintf(forwarding->present.epoch, sizeof forwarding->present.epoch, "%s",
             stats.epoch);
    forwarding->present.seq = stats.last_seq;
}

static void set_cursor(struct route_link *link)
{
    const struct forwarding *forwarding = link->owner;
    struct store_cursor cursor = {.low = 0};
    struct store_stats stats;

    store_get_stats(forwarding->store, &stats);
    /* nor what closed epochs hold */
    store_cursor_forget(forwarding->store, link->route.name);
    snprintf(cursor.epoch, sizeof cursor.epoch, "%s", stats.epoch);
    cursor.low = strcmp(forwarding->present.epoch, stats.epoch) == 0
                     ? forwarding->present.seq
                     : stats.last_seq;
    store_cursor_save(forwarding->store, link->route.name, &cursor);
}

/* The fact "route.NAME" says for whom the cursor stands. */
void route_begin(struct route_link *link, bool is_allowed)
{
    struct store *store = link->owner->store;
    const char *now = is_allowed ? link->route.recipient : "(refused)";
    char key[100], *before;
    bool is_new;

    snprintf(key, sizeof key, "route.%s", link->route.name);
    before = store_fact_get(store, key);
    is_new = !before || strcmp(before, now) != 0;
    if (is_new && is_allowed && strcmp(now, "self") != 0)
        set_cursor(link);
    if (is_new)
        store_fact_put(store, key, now);
    free(before);
}
