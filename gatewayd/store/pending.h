/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the next commit: rows of the log without numbers yet. Readings are
 * packed into blocks as they come, so that a second's worth of batches need not stay in
 * memory for the whole commit interval. The store's thread only.
 */
#ifndef GATEWAYD_STORE_PENDING_H
#define GATEWAYD_STORE_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "gatewayd/store/block_put.h"
#include "gatewayd/store/gap.h"
#include "lib/model/record.h"

/* The wall time believed now: wall_ms - boot_ms, and whether it can be trusted. */
struct belief {
    int64_t offset_ms;
    uint8_t trust; /* enum clock_trust */
};
struct belief belief_now(void);

struct pending_row {
    struct pending_row *next;
    enum stored_kind kind;
    uint32_t n_records, n_readings;
    int64_t t_first_ns, t_last_ns;
    struct belief belief;
    enum category category;                      /* of an event */
    const char *device, *code, *severity, *text; /* of an event; inside data */
    size_t len;
    uint8_t *data; /* behind the struct */
};

struct pending {
    struct pending_row *first, **last;
    size_t bytes;
    struct block_writer writer;
    struct pending_row
        open; /* head of the block being written; its data is the writer's */
    const struct reading **slots;
    uint32_t n_slots;
};

void pending_init(struct pending *pending);
void pending_done(struct pending *pending);

/* 0; -ENOMEM or -EINVAL (point or device out of range): the record is not taken. */
int pending_add_record(struct pending *pending, struct layouts *layouts,
                       const struct record_batch *batch, const struct record *record,
                       struct belief belief);
int pending_add_event(struct pending *pending, int64_t t_boot_ns, struct belief belief,
                      const char *device, enum category category, const char *code,
                      const char *severity, const char *text);
int pending_add_gap(struct pending *pending, int64_t t_boot_ns, struct belief belief,
                    const struct gap *gap);
/* Ends the open block: afterwards all rows are in the list. 0 or -ENOMEM. */
int pending_close_block(struct pending *pending);
bool pending_is_empty(const struct pending *pending);
/* Forgets the rows (stored). */
void pending_clear(struct pending *pending);

#endif
