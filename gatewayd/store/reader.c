/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log back; see reader.h. Rows come from one statement, records are decoded
 * one at a time out of the row's blob, names from the dictionary in memory. Used by
 * forwarding, on the store's thread, with the writing connection: no second one is needed
 * for it.
 */
#include "gatewayd/store/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_get.h"
#include "lib/base/clock.h"
#include "lib/sqlite/stmt.h"

struct store_reader {
    const struct logbook *book;
    struct store_reader **home;
    unsigned generation;
    struct sqlite3_stmt *log, *moved, *event;
    struct sqlite3_stmt *rows; /* log or moved */
    struct epoch epoch;        /* being read */
    struct block_reader block;
    struct gap gap;
    uint64_t from_seq, last_seq;
    uint64_t seq, n_left; /* in the row */
    enum stored_kind kind;
    uint32_t period_ms;
    const struct logbook_boot *boot;
    struct belief belief;
    uint32_t n_corrections; /* that are in it */
    struct correction correction;
    struct stored_value *values;
    uint32_t values_capacity;
};

struct store_reader *reader_new(const struct logbook *book, struct store_reader **home)
{
    struct store_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return NULL;
    reader->book = book;
    reader->home = home;
    reader->generation = book->generation;
    block_reader_init(&reader->block, book->layouts);
    return reader;
}

void reader_free(struct store_reader *reader)
{
    if (!reader)
        return;
    stmt_finish(&reader->log);
    stmt_finish(&reader->moved);
    stmt_finish(&reader->event);
    block_reader_done(&reader->block);
    free(reader->values);
    free(reader);
}

void reader_end(struct store_reader *reader)
{
    if (reader->rows)
        stmt_reset(reader->rows);
    if (reader->event)
        stmt_reset(reader->event);
    reader->n_left = 0;
    if (*reader->home || reader->generation != reader->book->generation)
        reader_free(reader);
    else
        *reader->home = reader;
}

/* The last row that begins at or below ?1 may hold it; none of it lies below ?3. */
static int prepare_rows(struct store_reader *reader)
{
    const bool is_moved = reader->epoch.is_moved;
    struct sqlite3_stmt **stmt = is_moved ? &reader->moved : &reader->log;
    int rc = 0;

    if (!*stmt)
        rc = stmt_prepare(
            reader->book->db,
            is_moved ? "SELECT key,n,kind,period_ms,boot,offset_ms,clock,data,t_first_ms"
                       " FROM moved WHERE key >= ifnull((SELECT max(key) FROM moved"
                       " WHERE key <= ?1 AND key >= ?3),?3) AND key <= ?2 ORDER BY key"
                     : "SELECT seq,n,kind,period_ms,boot,offset_ms,clock,data,t_first_ms"
                       " FROM log WHERE seq >= ifnull((SELECT max(seq) FROM log"
                       " WHERE seq <= ?1 AND seq >= ?3),?3) AND seq <= ?2 ORDER BY seq",
            stmt);
    reader->rows = rc == 0 ? *stmt : NULL;
    return rc;
}

int reader_begin(struct store_reader *reader, const struct epoch *epoch,
                 uint64_t from_seq)
{
    const struct logbook *book = reader->book;
    uint64_t base = epoch_base(epoch);
    int rc;

    reader->epoch = *epoch;
    reader->from_seq = from_seq > epoch->first_seq ? from_seq : epoch->first_seq;
    reader->last_seq =
        epoch->last_seq == UINT64_MAX ? book->next_seq - 1 : epoch->last_seq;
    reader->n_left = 0;
    reader->block.layout_base = epoch->layout_base;
    rc = prepare_rows(reader);
    if (rc == 0) {
        stmt_bind_i64(reader->rows, 1, (int64_t)(base + reader->from_seq));
        stmt_bind_i64(reader->rows, 2, (int64_t)(base + reader->last_seq));
        stmt_bind_i64(reader->rows, 3, (int64_t)base);
    }
    return rc;
}

/* 1: on a row; 0: no more. */
static int next_row(struct store_reader *reader)
{
    struct sqlite3_stmt *rows = reader->rows;
    const void *data;
    size_t len;
    int rc = stmt_step(rows);

    if (rc <= 0)
        return rc;
    reader->seq = (uint64_t)stmt_i64(rows, 0) - epoch_base(&reader->epoch);
    reader->n_left = (uint64_t)stmt_i64(rows, 1);
    reader->kind = (enum stored_kind)stmt_i64(rows, 2);
    reader->period_ms = (uint32_t)stmt_i64(rows, 3);
    reader->boot = logbook_find_boot(reader->book, stmt_i64(rows, 4));
    reader->belief = corrections_apply(
        &reader->book->corrections, reader->epoch.is_moved ? reader->epoch.id : 0,
        reader->seq,
        (struct belief){.offset_ms = stmt_i64(rows, 5),
                        .trust = (uint8_t)stmt_i64(rows, 6)},
        &reader->n_corrections);
    data = stmt_blob(rows, 7, &len);
    if (reader->kind == STORED_READINGS &&
        block_reader_begin(&reader->block, data, len) < 0)
        return -EUCLEAN;
    if (reader->kind == STORED_GAP && gap_get(data, len, &reader->gap) < 0)
        return -EUCLEAN;
    if (reader->kind == STORED_CORRECTION &&
        correction_get(data, len, &reader->correction) < 0)
        return -EUCLEAN;
    return 1;
}

static int next_readings(struct store_reader *reader, struct stored_record *record)
{
    const struct layout *layout;
    int rc = block_get(&reader->block, &layout, &record->t_boot_ns);

    if (rc <= 0)
        return rc == -ENOMEM ? rc : -EUCLEAN; /* fewer records than the row says */
    if (layout->n_points > reader->values_capacity) {
        struct stored_value *bigger =
            realloc(reader->values, layout->n_points * sizeof *bigger);

        if (!bigger)
            return -ENOMEM;
        reader->values = bigger;
        reader->values_capacity = layout->n_points;
    }
    for (uint32_t i = 0; i < layout->n_points; i++) {
        const struct block_value *value = &reader->block.values[i];

        if (value->is_present)
            reader->values[record->n_values++] =
                (struct stored_value){layout->points[i], layout->units[i], value->quality,
                                      value->detail, value->value};
    }
    record->values = reader->values;
    record->device = layout->device;
    record->category = layout->category;
    return 1;
}

static int next_event(struct store_reader *reader, struct stored_record *record)
{
    struct sqlite3_stmt *stmt;
    int rc = 0;

    if (!reader->event)
        rc = stmt_prepare(reader->book->db,
                          "SELECT t_boot_ns,category,device,code,severity,text FROM event"
                          " WHERE seq=?1",
                          &reader->event);
    if (rc < 0)
        return rc;
    stmt = reader->event;
    stmt_reset(stmt);
    stmt_bind_i64(stmt, 1, (int64_t)(epoch_base(&reader->epoch) + record->seq));
    rc = stmt_step(stmt);
    if (rc <= 0)
        return rc < 0 ? rc : -EUCLEAN;
    record->t_boot_ns = stmt_i64(stmt, 0);
    record->category = (enum category)stmt_i64(stmt, 1);
    record->device = stmt_text(stmt, 2);
    record->code = stmt_text(stmt, 3);
    record->severity = stmt_text(stmt, 4);
    record->text = stmt_text(stmt, 5);
    return 1;
}

/* What never had a number lies on this boot's time; what had one was resolved when it
 * went. */
static int next_gap(struct store_reader *reader, struct stored_record *record)
{
    const struct gap *gap = &reader->gap;
    bool numbered = gap->seq_from != 0;
    int64_t offset_ms = numbered ? 0 : reader->belief.offset_ms;

    record->t_boot_ns = stmt_i64(reader->rows, 8) * CLOCK_NS_PER_MS;
    record->category = CATEGORY_STATUS;
    record->device = gap->device;
    record->text = gap->reason;
    record->seq_from = numbered ? gap->seq_from : record->seq;
    record->seq_to = numbered ? gap->seq_to : record->seq;
    record->count = gap->count;
    if (gap->epoch[0] && strcmp(gap->epoch, record->epoch) != 0)
        record->of_epoch = gap->epoch;
    record->from_ms = gap->from_ms + offset_ms;
    record->to_ms = gap->to_ms + offset_ms;
    return 1;
}

static int next_correction(struct store_reader *reader, struct stored_record *record)
{
    const struct correction *correction = &reader->correction;

    record->t_boot_ns = stmt_i64(reader->rows, 8) * CLOCK_NS_PER_MS;
    record->category = CATEGORY_STATUS;
    record->seq_from = correction->seq_from;
    record->seq_to = correction->seq_to;
    record->add_ms = correction->add_ms;
    record->error_ms = correction->error_ms;
    record->of_clock = correction->clock;
    if (strcmp(correction->epoch, record->epoch) != 0)
        record->of_epoch = correction->epoch;
    if (strcmp(correction->boot, record->boot) != 0)
        record->of_boot = correction->boot;
    return 1;
}

static int next_record(struct store_reader *reader, struct stored_record *record)
{
    switch (reader->kind) {
    case STORED_READINGS:
        return next_readings(reader, record);
    case STORED_EVENT:
        return next_event(reader, record);
    case STORED_GAP:
        return next_gap(reader, record);
    case STORED_CORRECTION:
        return next_correction(reader, record);
    }
    return -EUCLEAN;
}

int reader_next(struct store_reader *reader, struct stored_record *ret_record)
{
    int rc;

    if (reader->generation != reader->book->generation)
        return -ESTALE; /* the store went over to another database */
    do {
        while (reader->n_left == 0)
            if ((rc = next_row(reader)) <= 0)
                return rc;
        *ret_record =
            (struct stored_record){.kind = reader->kind,
                                   .seq = reader->seq++,
                                   .epoch = reader->epoch.hex,
                                   .boot = reader->boot ? reader->boot->hex : "",
                                   .period_ms = reader->period_ms,
                                   .clock = reader->belief.trust,
                                   .n_corrections = reader->n_corrections,
                                   .device = "",
                                   .code = "",
                                   .severity = "",
                                   .text = ""};
        reader->n_left--;
        rc = next_record(reader, ret_record);
    } while (rc > 0 && ret_record->seq < reader->from_seq);
    ret_record->t_wall_ms =
        ret_record->t_boot_ns / CLOCK_NS_PER_MS + reader->belief.offset_ms;
    return rc;
}
