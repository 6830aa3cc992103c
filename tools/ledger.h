/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver has of each gateway's log: per (topic prefix, epoch) the numbers
 * covered, as ranges. Gives the receipts of CONTRACT 4 and survives in a file. One
 * thread.
 */
#ifndef GATEWAYD_TOOLS_LEDGER_H
#define GATEWAYD_TOOLS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

/* More holes than this: the receipt claims less. */
#define LEDGER_MISSING_MAX 64

struct ledger_range {
    uint64_t first, last;
};

struct ledger_log {
    struct ledger_log *next;
    char *prefix; /* "gw/SITE/ID/" */
    char *epoch;
    size_t n, capacity;
    struct ledger_range *ranges; /* ascending, with a hole between each two */
    bool changed;                /* since the last receipt */
};

struct ledger {
    struct ledger_log *logs;
};

void ledger_done(struct ledger *ledger);
/* Notes a message; anything but readings, event, gap and correction is passed over.
 * -EBADMSG: such a message that does not follow the contract; -ENOMEM. */
int ledger_take(struct ledger *ledger, const char *topic, const char *payload,
                size_t len);
/* first <= last. 0 or -ENOMEM. */
int ledger_add(struct ledger_log *log, uint64_t first, uint64_t last);
/* The log's receipt as JSON. */
void ledger_put_receipt(const struct ledger_log *log, struct strbuf *buf);

/* A text file, replaced as a whole and synced. A missing file is an empty ledger. */
int ledger_load(struct ledger *ledger, const char *path);
int ledger_save(const struct ledger *ledger, const char *path);

#endif
