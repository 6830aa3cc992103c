/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Energy in slots and days; see query.h. From the slots that are kept and, with the
 * meters as the last run left them, from the rows of the log that came after it. On the
 * caller's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/history/history_state.h"
#include "gatewayd/store/summary.h"
#include "lib/config/zone.h"
#include "lib/energy/slots.h"
#include "lib/sqlite/stmt.h"

#define LOOK_EVERY 1024
#define KNOWN_PERCENT 98 /* as a meter has it */

struct sum {
    int64_t start_ms, end_ms, wh;
    uint32_t device, known_s;
    int32_t off_grid_s;
    enum energy_flow flow;
    uint8_t flags;
    bool is_open;
};

struct answering {
    struct history *history;
    const struct energy_query *query;
    struct history_answer *answer;
    uint32_t device; /* UINT32_MAX: all */
    struct sum *sums;
    uint32_t n, capacity, max;
    uint32_t (*latest)[ENERGY_FLOWS]; /* by device: the last sum, + 1 */
    uint32_t n_latest;
    int64_t day_start_ms, day_end_ms, cut_ms;
};

static const char *zone_of(const struct answering *a)
{
    return a->query->timezone ? a->query->timezone : "UTC";
}

/* ---- adding ---- */

static void find_bounds(struct answering *a, int64_t slot_ms, struct sum *sum)
{
    int64_t length_ms = FLOWS_SLOT_MS;

    switch (a->query->slot) {
    case ENERGY_DAY:
        if (slot_ms < a->day_start_ms || slot_ms >= a->day_end_ms)
            (void)zone_day_bounds_ms(zone_of(a), slot_ms, &a->day_start_ms,
                                     &a->day_end_ms);
        sum->start_ms = a->day_start_ms;
        sum->end_ms = a->day_end_ms;
        return;
    case ENERGY_30_MIN:
        length_ms = 2 * FLOWS_SLOT_MS;
        break;
    case ENERGY_15_MIN:
        break;
    }
    sum->start_ms = slot_ms / length_ms * length_ms;
    sum->end_ms = sum->start_ms + length_ms;
}

/* What lies behind is not whole. */
static void cut_at(struct answering *a, int64_t t_ms)
{
    struct sum sum;

    find_bounds(a, t_ms, &sum);
    if (sum.start_ms < a->cut_ms)
        a->cut_ms = sum.start_ms;
}

static int grow(struct answering *a)
{
    uint32_t capacity = a->capacity ? 2 * a->capacity : 256;
    struct sum *bigger = realloc(a->sums, capacity * sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    a->sums = bigger;
    a->capacity = capacity;
    return 0;
}

/* 1: no more fits. */
static int add(struct answering *a, const struct flow_slot *slot, int32_t off_grid_s,
               bool is_open)
{
    struct sum fresh = {.device = slot->device,
                        .flow = slot->flow,
                        .off_grid_s = off_grid_s >= 0 ? 0 : -1};
    struct sum *sum;
    uint32_t *latest;

    if (slot->device >= a->n_latest ||
        (a->device != UINT32_MAX && slot->device != a->device))
        return 0;
    find_bounds(a, slot->slot.start_ms, &fresh);
    if (fresh.start_ms < a->query->from_ms || fresh.start_ms >= a->query->to_ms)
        return 0;
    latest = &a->latest[slot->device][slot->flow];
    if (*latest == 0 || a->sums[*latest - 1].start_ms != fresh.start_ms) {
        if (a->n == a->max) {
            a->cut_ms = fresh.start_ms;
            return 1;
        }
        if (a->n == a->capacity && grow(a) < 0)
            return -ENOMEM;
        a->sums[a->n++] = fresh;
        *latest = a->n;
    }
    sum = &a->sums[*latest - 1];
    sum->wh += slot->slot.wh;
    sum->known_s += slot->slot.known_s;
    sum->flags |= slot->slot.flags;
    sum->is_open |= is_open;
    if (sum->off_grid_s >= 0 && off_grid_s >= 0)
        sum->off_grid_s += off_grid_s;
    else
        sum->off_grid_s = -1;
    return 0;
}

/* ---- what is kept ---- */

static int add_blob(struct answering *a, int64_t slot, struct sqlite3_stmt *stmt)
{
    struct slots_reader reader;
    struct flow_slot flow;
    int32_t off_grid_s;
    size_t len;
    const void *data = stmt_blob(stmt, 1, &len);
    int rc = slots_reader_init(&reader, data, len);

    while (rc == 0 && (rc = slots_next(&reader, &flow, &off_grid_s)) > 0) {
        flow.slot.start_ms = slot * FLOWS_SLOT_MS;
        rc = add(a, &flow, off_grid_s, false);
        if (rc > 0)
            break;
    }
    return rc == -EBADMSG ? 0 : rc;
}

static int add_kept(struct answering *a)
{
    int64_t from_ms = a->query->from_ms, to_ms = a->query->to_ms, none;
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(
        a->history->db,
        "SELECT key,data FROM slots WHERE key>=?1 AND key<?2 ORDER BY key", &stmt);

    if (rc < 0)
        return rc;
    if (a->query->slot == ENERGY_DAY)
        (void)zone_day_bounds_ms(zone_of(a), to_ms - 1, &none, &to_ms);
    else
        to_ms += FLOWS_SLOT_MS;
    stmt_bind_i64(stmt, 1, summing_slot(from_ms) << SUMMARY_PART_BITS);
    stmt_bind_i64(stmt, 2, (summing_slot(to_ms) + 1) << SUMMARY_PART_BITS);
    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        int64_t slot = stmt_i64(stmt, 0) >> SUMMARY_PART_BITS;

        rc = add_blob(a, slot, stmt);
        if (rc == 0 && history_is_late(a->history))
            rc = -ETIMEDOUT;
        if (rc == -ETIMEDOUT)
            cut_at(a, slot * FLOWS_SLOT_MS);
    }
    stmt_finish(&stmt);
    return rc;
}

/* ---- what is not summed yet ---- */

static int add_closed(struct answering *a)
{
    struct flow_slot slot;
    int rc = 0;

    while (rc == 0 && flows_take(a->history->summing.flows, &slot))
        rc = add(a, &slot, -1, false);
    return rc;
}

static int sum_span(struct answering *a, const struct history_span *span,
                    int64_t *newest_ms)
{
    struct history *history = a->history;
    struct log_scan_record record;
    int64_t slot = -1;
    unsigned n = 0;
    int rc = log_scan_begin(&history->scan, span->space, span->from, span->last);

    while (rc == 0 && (rc = log_scan_next(&history->scan, &record)) > 0) {
        rc = summing_add(&history->summing, &record, NULL);
        *newest_ms = record.t_wall_ms;
        if (rc == 0 && summing_slot(record.t_wall_ms) != slot) {
            slot = summing_slot(record.t_wall_ms);
            rc = add_closed(a);
        }
        if (rc == 0 && ++n % LOOK_EVERY == 0 && history_is_late(history))
            rc = -ETIMEDOUT;
        if (rc == -ETIMEDOUT)
            cut_at(a, record.t_wall_ms);
    }
    log_scan_end(&history->scan);
    return rc;
}

static int add_tail(struct answering *a)
{
    struct flows *flows = a->history->summing.flows;
    struct flow_slot slot;
    int64_t newest_ms = INT64_MIN;
    uint32_t pos = 0;
    int rc = 0;

    for (uint32_t i = 0; i < a->history->n_tail && rc == 0; i++)
        rc = sum_span(a, &a->history->tail[i], &newest_ms);
    if (rc != 0)
        return rc;
    flows_close_due(flows, newest_ms);
    rc = add_closed(a);
    while (rc == 0 && flows_open(flows, &pos, &slot))
        rc = add(a, &slot, -1, true);
    return rc;
}

/* ---- telling ---- */

static int by_start(const void *a, const void *b)
{
    const struct sum *left = a, *right = b;

    if (left->start_ms != right->start_ms)
        return left->start_ms < right->start_ms ? -1 : 1;
    if (left->device != right->device)
        return left->device < right->device ? -1 : 1;
    return left->flow < right->flow ? -1 : left->flow > right->flow;
}

static void tell_one(struct answering *a, const struct sum *sum)
{
    const struct summary_device *device = &a->history->summing.names.devices[sum->device];
    struct energy_row row = {.device = device->name ? device->name : "",
                             .role = (uint8_t)device->role,
                             .flow = (uint8_t)sum->flow,
                             .flags = sum->flags,
                             .is_open = sum->is_open,
                             .start_ms = sum->start_ms,
                             .end_ms = sum->end_ms,
                             .wh = sum->wh,
                             .known_s = sum->known_s,
                             .off_grid_s = sum->off_grid_s};

    if (!sum->is_open && (int64_t)sum->known_s * 100000 <
                             (sum->end_ms - sum->start_ms) * KNOWN_PERCENT)
        row.flags |= METER_MISSING;
    a->query->row(a->query->ctx, &row);
    a->answer->n_rows++;
}

static void tell(struct answering *a)
{
    if (a->n)
        qsort(a->sums, a->n, sizeof *a->sums, by_start);
    if (a->cut_ms != INT64_MAX) {
        a->answer->is_truncated = true;
        a->answer->next_ms = a->cut_ms;
    }
    for (uint32_t i = 0; i < a->n; i++)
        if (a->sums[i].start_ms < a->cut_ms)
            tell_one(a, &a->sums[i]);
}

int energy_query(struct history *history, const struct energy_query *query,
                 struct history_answer *ret_answer)
{
    struct answering a = {.history = history,
                          .query = query,
                          .answer = ret_answer,
                          .device = UINT32_MAX,
                          .max = query->max_rows && query->max_rows < HISTORY_CELLS_MAX
                                     ? query->max_rows
                                     : HISTORY_CELLS_MAX,
                          .cut_ms = INT64_MAX};
    int rc;

    *ret_answer = (struct history_answer){0};
    if (query->from_ms >= query->to_ms)
        return -EINVAL;
    if (query->device) {
        a.device = summary_names_find(&history->summing.names, query->device);
        if (a.device == UINT32_MAX)
            return 0;
    }
    history_begin(history, query->limit_ms);
    /* the tail may name devices that no run has seen */
    a.n_latest = history->summing.names.n + layouts_count(history->layouts);
    a.latest = calloc(a.n_latest + 1, sizeof *a.latest);
    rc = a.latest ? summing_load_flows(&history->summing, history->meters.data,
                                       history->meters.len)
                  : -ENOMEM;
    if (rc == 0)
        rc = add_kept(&a);
    if (rc == 0)
        rc = add_tail(&a);
    if (rc > 0 || rc == -ETIMEDOUT)
        rc = 0;
    if (rc == 0)
        tell(&a);
    free(a.latest);
    free(a.sums);
    return rc;
}
