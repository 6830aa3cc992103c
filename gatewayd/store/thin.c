/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thinning the log; see thin.h. Called by the writer when the log stands at its bound.
 * One pass: rows are decoded and summed per layout and period, deleted, and what came out
 * is written under the number of the last record in each sum.
 */
#include "gatewayd/store/thin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/block_get.h"
#include "gatewayd/store/block_put.h"
#include "lib/base/clock.h"
#include "lib/model/value.h"
#include "lib/sqlite/stmt.h"

#define ROWS_KEPT 32 /* the newest stay as they are: some minutes */
/* fewer are not worth a gap of their own */
#define RAW_ROWS_MIN 48
#define MINUTE_ROWS_MIN 512
#define MINUTE_ROWS_MAX 4096 /* half hours of many devices */

struct slot_sum {
    bool seen;
    uint8_t quality;
    int32_t detail;
    uint32_t n;
    double total;
    struct gw_value last; /* the last good one */
    char *text;           /* of it, owned */
};

struct sum {
    const struct layout *layout;
    int64_t boot, period; /* number of the period in UTC */
    struct belief belief; /* as stored: corrections of its seq go on top */
    int64_t t_boot_ns;
    uint64_t last_seq;
    bool is_open;
    struct slot_sum slots[];
};

struct thin_row {
    struct thin_row *next;
    uint64_t seq;
    int64_t boot, t_ms;
    struct belief belief;
    size_t len;
    uint8_t data[];
};

struct thinning {
    struct logbook *book;
    enum thin_stage stage;
    int64_t period_ms;
    struct block_reader reader;
    struct block_writer packer;
    struct sum **sums; /* by layout id */
    uint32_t n_sums;
    struct thin_row *first, **last;
    struct gap gap;
};

static bool is_counter(const char *point)
{
    size_t len = strlen(point);

    return len > 3 && strcmp(point + len - 3, "_wh") == 0;
}

/* ---- what comes out ---- */

static void make_reading(const struct slot_sum *slot, bool counter, uint32_t point,
                         struct reading *ret)
{
    *ret = (struct reading){
        .point = point, .quality = slot->quality, .detail = slot->detail};
    if (slot->last.type == GW_TYPE_NONE)
        return;
    ret->quality = GW_GOOD;
    ret->detail = 0;
    ret->value = slot->last;
    if (!counter && slot->n > 0)
        ret->value = (struct gw_value){.type = GW_TYPE_FLOAT32,
                                       .v.f = (float)(slot->total / slot->n)};
}

static int add_out(struct thinning *thinning, const struct sum *sum)
{
    struct thin_row *row = malloc(sizeof *row + thinning->packer.len);

    if (!row)
        return -ENOMEM;
    *row = (struct thin_row){.seq = sum->last_seq,
                             .boot = sum->boot,
                             .t_ms = sum->t_boot_ns / CLOCK_NS_PER_MS,
                             .belief = sum->belief,
                             .len = thinning->packer.len};
    memcpy(row->data, thinning->packer.data, row->len);
    *thinning->last = row;
    thinning->last = &row->next;
    return 0;
}

/* Packs the sum as a record; none when nothing of it is kept. */
static int close_sum(struct thinning *thinning, struct sum *sum)
{
    const struct layout *from = sum->layout, *to = from;
    const bool counters = thinning->stage == THIN_TO_COUNTERS;
    const struct reading **slots;
    struct reading *readings;
    uint32_t n = 0;
    int rc = -ENOMEM;

    sum->is_open = false;
    if (counters)
        to = layouts_counters(thinning->book->layouts, from);
    if (!to)
        return 0;
    readings = calloc(from->n_points + 1, sizeof *readings);
    slots = calloc(from->n_points + 1, sizeof(struct reading *));
    for (uint32_t i = 0; readings && slots && i < from->n_points; i++) {
        bool counter = is_counter(from->points[i]);

        if (counters && !counter)
            continue;
        if (sum->slots[i].seen)
            slots[n] = &readings[i];
        make_reading(&sum->slots[i], counter, n++, &readings[i]);
    }
    if (readings && slots) {
        block_writer_clear(&thinning->packer);
        rc = block_put(&thinning->packer, to, sum->t_boot_ns, slots);
    }
    if (rc == 0)
        rc = add_out(thinning, sum);
    free(readings);
    free(slots);
    return rc;
}

/* ---- what goes in ---- */

static void sum_free(struct sum *sum)
{
    for (uint32_t i = 0; sum && i < sum->layout->n_points; i++)
        free(sum->slots[i].text);
    free(sum);
}

static struct sum *sum_for(struct thinning *thinning, const struct layout *layout)
{
    if (layout->id >= thinning->n_sums) {
        struct sum **bigger =
            realloc(thinning->sums, (layout->id + 1) * sizeof(struct sum *));

        if (!bigger)
            return NULL;
        memset(bigger + thinning->n_sums, 0,
               (layout->id + 1 - thinning->n_sums) * sizeof(struct sum *));
        thinning->sums = bigger;
        thinning->n_sums = layout->id + 1;
    }
    if (!thinning->sums[layout->id]) {
        struct sum *sum = calloc(1, sizeof *sum + layout->n_points * sizeof *sum->slots);

        if (sum)
            sum->layout = layout;
        thinning->sums[layout->id] = sum;
    }
    return thinning->sums[layout->id];
}

static int add_value(struct slot_sum *slot, const struct block_value *value)
{
    double number;

    slot->seen = true;
    slot->quality = value->quality;
    slot->detail = value->detail;
    if (value->quality != GW_GOOD || value->value.type == GW_TYPE_NONE)
        return 0;
    slot->last = value->value;
    if (value->value.type == GW_TYPE_STRING) {
        free(slot->text);
        slot->text = strdup(value->value.v.s);
        slot->last.v.s = slot->text;
        return slot->text ? 0 : -ENOMEM;
    }
    if (value->value.type != GW_TYPE_BOOL && value_to_double(&value->value, &number)) {
        slot->total += number;
        slot->n++;
    }
    return 0;
}

static void open_sum(struct thinning *thinning, struct sum *sum, int64_t boot,
                     int64_t period, struct belief belief, int64_t resolved_ms)
{
    sum->is_open = true;
    sum->boot = boot;
    sum->period = period;
    sum->belief = belief;
    sum->t_boot_ns = (period * thinning->period_ms - resolved_ms) * CLOCK_NS_PER_MS;
    for (uint32_t i = 0; i < sum->layout->n_points; i++) {
        char *text = sum->slots[i].text;

        sum->slots[i] = (struct slot_sum){.text = text};
    }
}

static int add_record(struct thinning *thinning, const struct layout *layout,
                      int64_t t_boot_ns, uint64_t seq, int64_t boot, struct belief belief)
{
    struct sum *sum = sum_for(thinning, layout);
    uint32_t n;
    int64_t resolved_ms =
        corrections_apply(&thinning->book->corrections, 0, seq, belief, &n).offset_ms;
    int64_t period =
        (t_boot_ns / CLOCK_NS_PER_MS + resolved_ms) / thinning->period_ms;
    int rc = 0;

    if (!sum)
        return -ENOMEM;
    if (sum->is_open && (sum->period != period || sum->boot != boot))
        rc = close_sum(thinning, sum);
    if (!sum->is_open)
        open_sum(thinning, sum, boot, period, belief, resolved_ms);
    sum->last_seq = seq;
    for (uint32_t i = 0; i < layout->n_points && rc == 0; i++)
        if (thinning->reader.values[i].is_present)
            rc = add_value(&sum->slots[i], &thinning->reader.values[i]);
    return rc;
}

/* Columns: seq, n, boot, offset_ms, clock, data, t_first_ms, t_last_ms. */
static int add_row(struct thinning *thinning, struct sqlite3_stmt *stmt)
{
    uint64_t seq = (uint64_t)stmt_i64(stmt, 0), n = (uint64_t)stmt_i64(stmt, 1);
    struct belief belief = {.offset_ms = stmt_i64(stmt, 3),
                            .trust = (uint8_t)stmt_i64(stmt, 4)};
    struct gap *gap = &thinning->gap;
    const struct layout *layout;
    int64_t t_boot_ns, offset_ms;
    uint32_t n_applied;
    size_t len;
    const void *data = stmt_blob(stmt, 5, &len);
    int rc = block_reader_begin(&thinning->reader, data, len);

    offset_ms =
        corrections_apply(&thinning->book->corrections, 0, seq, belief, &n_applied)
            .offset_ms;
    if (gap->count == 0) {
        gap->seq_from = seq;
        gap->from_ms = stmt_i64(stmt, 6) + offset_ms;
    }
    gap->seq_to = seq + n - 1;
    gap->to_ms = stmt_i64(stmt, 7) + offset_ms;
    gap->count += n;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        rc = block_get(&thinning->reader, &layout, &t_boot_ns);
        rc = rc > 0 ? add_record(thinning, layout, t_boot_ns, seq + i, stmt_i64(stmt, 2),
                                 belief)
                    : rc;
    }
    return rc == -EBADMSG ? 0 : rc; /* what cannot be read goes with the gap */
}

/* ---- in the database ---- */

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The seq below which there are rows enough; 0: too few. */
static int find_end(struct thinning *thinning, uint64_t from, uint64_t *ret_below)
{
    struct sqlite3_stmt *stmt = NULL;
    const bool raw = thinning->stage == THIN_TO_MINUTES;
    /* a raw row takes a page or more, a minute's the tenth of one */
    int64_t pages = db_pragma_i64(thinning->book->db, "max_page_count");
    int64_t kept = least_of(pages / 16, ROWS_KEPT);
    int64_t least = raw ? least_of(pages / 16, RAW_ROWS_MIN)
                        : least_of(pages / 2, MINUTE_ROWS_MIN);
    int rc = stmt_prepare(thinning->book->db,
                          "SELECT seq FROM log WHERE seq>=?1 AND (SELECT count(*) FROM"
                          " (SELECT 1 FROM log WHERE seq>=?1 AND kind=1 AND period_ms=?2"
                          " LIMIT ?3))=?3 ORDER BY seq DESC LIMIT 1 OFFSET ?4",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)from);
    stmt_bind_i64(stmt, 2, raw ? 0 : 60000);
    stmt_bind_i64(stmt, 3, least + kept);
    stmt_bind_i64(stmt, 4, kept);
    rc = stmt_step(stmt);
    *ret_below = rc > 0 ? (uint64_t)stmt_i64(stmt, 0) : 0;
    stmt_finish(&stmt);
    return rc < 0 ? rc : 0;
}

static int read_rows(struct thinning *thinning, uint64_t from, uint64_t below,
                     unsigned *ret_rows)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t was_ms = thinning->stage == THIN_TO_COUNTERS ? 60000 : 0;
    uint64_t end = UINT64_MAX;
    int rc = stmt_prepare(thinning->book->db,
                          "SELECT seq,n,boot,offset_ms,clock,data,t_first_ms,t_last_ms"
                          " FROM log WHERE seq>=?1 AND seq<?2 AND kind=1 AND period_ms=?3"
                          " ORDER BY seq LIMIT ?4",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)from);
    stmt_bind_i64(stmt, 2, (int64_t)below);
    stmt_bind_i64(stmt, 3, was_ms);
    stmt_bind_i64(stmt, 4, was_ms ? MINUTE_ROWS_MAX : THIN_ROWS_MAX);
    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        uint64_t seq = (uint64_t)stmt_i64(stmt, 0);

        if (*ret_rows == 0) {
            const struct epoch *epoch = epochs_at(&thinning->book->epochs, seq);

            end = epoch ? epoch->last_seq : UINT64_MAX;
            if (epoch && end != UINT64_MAX)
                memcpy(thinning->gap.epoch, epoch->hex, sizeof thinning->gap.epoch);
        }
        if (seq > end) { /* the numbers of a gap are those of one epoch */
            rc = 0;
            break;
        }
        rc = add_row(thinning, stmt);
        ++*ret_rows;
    }
    stmt_finish(&stmt);
    for (uint32_t i = 0; i < thinning->n_sums && rc == 0; i++)
        if (thinning->sums[i] && thinning->sums[i]->is_open)
            rc = close_sum(thinning, thinning->sums[i]);
    return rc;
}

static int delete_rows(struct thinning *thinning)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(thinning->book->db,
                          "DELETE FROM log WHERE seq BETWEEN ?1 AND ?2 AND kind=1 AND"
                          " period_ms=?3",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, (int64_t)thinning->gap.seq_from);
    stmt_bind_i64(stmt, 2, (int64_t)thinning->gap.seq_to);
    stmt_bind_i64(stmt, 3, thinning->stage == THIN_TO_COUNTERS ? 60000 : 0);
    rc = stmt_run(stmt);
    stmt_finish(&stmt);
    return rc;
}

static int write_rows(struct thinning *thinning)
{
    struct sqlite3_stmt *stmt = thinning->book->insert_row;
    int rc = 0;

    for (const struct thin_row *row = thinning->first; row && rc == 0; row = row->next) {
        stmt_bind_i64(stmt, 1, (int64_t)row->seq);
        stmt_bind_i64(stmt, 2, 1);
        stmt_bind_i64(stmt, 3, STORED_READINGS);
        stmt_bind_i64(stmt, 4, thinning->period_ms);
        stmt_bind_i64(stmt, 5, row->boot);
        stmt_bind_i64(stmt, 6, row->t_ms);
        stmt_bind_i64(stmt, 7, row->t_ms);
        stmt_bind_i64(stmt, 8, row->belief.offset_ms);
        stmt_bind_i64(stmt, 9, row->belief.trust);
        stmt_bind_blob(stmt, 10, row->data, row->len);
        rc = stmt_run(stmt);
    }
    return rc;
}

static void finish(struct thinning *thinning)
{
    while (thinning->first) {
        struct thin_row *next = thinning->first->next;

        free(thinning->first);
        thinning->first = next;
    }
    for (uint32_t i = 0; i < thinning->n_sums; i++)
        sum_free(thinning->sums[i]);
    free(thinning->sums);
    block_reader_done(&thinning->reader);
    block_writer_done(&thinning->packer);
}

int thin_rows(struct logbook *book, enum thin_stage stage, uint64_t *from,
              unsigned *ret_rows)
{
    struct thinning thinning = {.book = book,
                                .stage = stage,
                                .period_ms = stage == THIN_TO_MINUTES ? 60000 : 1800000};
    uint64_t below;
    int rc;

    thinning.last = &thinning.first;
    block_reader_init(&thinning.reader, book->layouts);
    block_writer_init(&thinning.packer);
    *ret_rows = 0;
    rc = find_end(&thinning, *from, &below);
    if (rc == 0 && below > 0)
        rc = read_rows(&thinning, *from, below, ret_rows);
    if (rc == 0 && *ret_rows > 0) {
        snprintf(thinning.gap.reason, sizeof thinning.gap.reason, "%s",
                 stage == THIN_TO_MINUTES ? "thinned" : "disk-bound");
        rc = delete_rows(&thinning);
        if (rc == 0)
            rc = logbook_write_layouts(book);
        if (rc == 0)
            rc = write_rows(&thinning);
        if (rc == 0)
            rc = logbook_write_gap(book, &thinning.gap);
        *from = thinning.gap.seq_to + 1;
    }
    finish(&thinning);
    return rc;
}
