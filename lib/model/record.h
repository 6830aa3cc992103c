/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading is one value of one point; a record is what one device gave in one wake-up of
 * its bus thread; a batch is some records of one catalogue on their way from a host to
 * the latest-value table and the store.
 */
#ifndef GATEWAYD_MODEL_RECORD_H
#define GATEWAYD_MODEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/catalog.h"
#include "lib/model/value.h"

struct reading {
    uint32_t point;        /* index in the device */
    uint8_t quality;       /* enum gw_quality */
    int32_t detail;        /* device's error code with GW_DEVICE_ERROR */
    struct gw_value value; /* physical; type NONE: no value. Strings live in the batch */
};

struct record {
    uint32_t device;    /* index in the catalogue */
    int64_t t_boot_ns;  /* middle of the span of its requests */
    uint32_t first_reading, n_readings; /* in batch->readings */
};

struct record_batch {
    struct catalog *catalog; /* a reference */
    struct record *records;
    struct reading *readings;
    uint32_t n_records, n_readings;
    uint32_t records_capacity, readings_capacity;
    struct record_string *strings; /* owned texts */
    bool failed;                   /* no memory: incomplete, drop it and count */
};

/* Takes a reference on the catalogue. */
struct record_batch *record_batch_new(struct catalog *catalog);
void record_batch_free(struct record_batch *batch);
/* Begins the next record; the readings added after it are its own. */
void record_batch_begin(struct record_batch *batch, uint32_t device, int64_t t_boot_ns);
/* Copies the value, string included. */
void record_batch_add(struct record_batch *batch, uint32_t point, enum gw_quality quality,
                      int32_t detail, const struct gw_value *value);
/* Memory it holds, for the bounds of queues. */
size_t record_batch_bytes(const struct record_batch *batch);

/* ---- what the store gives back --------------------------------------------------- */

enum stored_kind {
    STORED_READINGS = 1,
    STORED_EVENT = 2,
    STORED_GAP = 3,
    STORED_CORRECTION = 4,
};

struct stored_value {
    const char *point;
    const char *unit;
    uint8_t quality;
    int32_t detail;
    struct gw_value value;
};

/* One record as stored: named for ever by (gateway, epoch, boot, seq). Strings and arrays
 * are borrowed from the reader until its next step. */
struct stored_record {
    enum stored_kind kind;
    uint64_t seq;
    const char *epoch, *boot; /* hex ids */
    int64_t t_boot_ns;
    int64_t t_wall_ms;        /* best known now */
    uint8_t clock;            /* enum clock_trust */
    uint32_t period_ms;       /* 0: raw; 60000: a 1-minute mean of the thinned log */
    const char *device;       /* "" for events of the gateway itself */
    enum category category;
    uint32_t n_values;
    const struct stored_value *values; /* STORED_READINGS */
    /* STORED_EVENT: code ("route-online"), severity word, text.
     * STORED_GAP: text = reason; seq_from..seq_to, count, from/to wall ms.
     * STORED_CORRECTION: seq_from..seq_to, add_ms, error_ms. */
    const char *code, *severity, *text;
    uint64_t seq_from, seq_to, count;
    int64_t from_ms, to_ms;
    int64_t add_ms, error_ms;
    uint8_t of_clock;      /* STORED_CORRECTION: what the corrected times are worth */
    /* GAP, CORRECTION: */
    const char *of_epoch, *of_boot; /* of the range, when other than its own; else NULL */
    uint32_t n_corrections; /* that t_wall_ms has in it already */
};

#endif
