/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of points over time; see query.h. With a step of minutes they come from the
 * means, and from the log where it is not summed yet; else all from the log. On the
 * caller's thread.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/history/history_state.h"
#include "gatewayd/store/summary.h"
#include "lib/base/clock.h"
#include "lib/model/value.h"
#include "lib/sqlite/stmt.h"

#define LOOK_EVERY 1024 /* records between looks at the clock */
#define NO_CLOCK UINT8_MAX
#define LATE_MS 60000 /* what a slow bus read earlier may come so much later */

struct target {
    uint32_t device, point; /* numbers of the means; UINT32_MAX: none */
    const char *device_name, *point_name;
    bool is_counter;
};

struct sum {
    double total, min, max;
    int64_t t_last_ms; /* of a counter */
    uint32_t n;
    uint8_t quality, clock;
};

struct answering {
    struct history *history;
    const struct history_query *query;
    struct history_answer *answer;
    struct target *targets;
    char *names;
    struct sum *sums; /* by row, then point */
    int64_t *times;   /* of rows without a step */
    uint32_t n_rows, max_rows;
    int64_t base_ms, end_ms; /* what is complete ends there */
    struct history_cell *cells;
    int16_t **maps; /* by layout: target of each slot, -1 none */
};

/* ---- what is asked ---- */

static int find_targets(struct answering *a)
{
    size_t len = 0, at = 0;

    for (uint32_t i = 0; i < a->query->n_points; i++)
        len += strlen(a->query->points[i]) + 1;
    a->names = malloc(len + 1);
    a->targets = calloc(a->query->n_points, sizeof *a->targets);
    if (!a->names || !a->targets)
        return -ENOMEM;
    for (uint32_t i = 0; i < a->query->n_points; i++) {
        const struct summary_names *names = &a->history->summing.names;
        struct target *target = &a->targets[i];
        char *name = strcpy(a->names + at, a->query->points[i]),
             *dot = strrchr(name, '.');

        at += strlen(name) + 1;
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(a->query->points[i], a->query->points[j]) == 0)
                return -EINVAL;
        if (!dot)
            return -EINVAL;
        *dot = '\0';
        target->device_name = name;
        target->point_name = dot + 1;
        target->is_counter = minutes_is_counter(dot + 1);
        target->device = summary_names_find(names, name);
        target->point = target->device == UINT32_MAX
                            ? UINT32_MAX
                            : summary_names_find_point(&names->devices[target->device],
                                                       dot + 1);
    }
    return 0;
}

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;

    return value - (rest < 0 ? rest + step : rest);
}

static int prepare(struct answering *a)
{
    const struct history_query *query = a->query;
    size_t n;

    a->max_rows = query->max_rows && query->max_rows < HISTORY_STEPS_MAX
                      ? query->max_rows
                      : HISTORY_STEPS_MAX;
    if (a->max_rows * query->n_points > HISTORY_CELLS_MAX)
        a->max_rows = HISTORY_CELLS_MAX / query->n_points;
    a->end_ms = query->to_ms;
    if (query->step_ms > 0) {
        int64_t n_steps;

        a->base_ms = floor_to(query->from_ms, query->step_ms);
        n_steps = (query->to_ms - a->base_ms + query->step_ms - 1) / query->step_ms;
        if (n_steps > a->max_rows) {
            a->answer->is_truncated = true;
            n_steps = a->max_rows;
            a->end_ms = a->base_ms + n_steps * query->step_ms;
        }
        a->n_rows = (uint32_t)n_steps;
    }
    n = query->step_ms > 0 ? a->n_rows : a->max_rows;
    a->sums = malloc(n * query->n_points * sizeof *a->sums);
    a->times = query->step_ms > 0 ? NULL : malloc(n * sizeof *a->times);
    a->cells = calloc(query->n_points, sizeof *a->cells);
    a->maps = calloc(layouts_count(a->history->layouts) + 1, sizeof(int16_t *));
    if (!a->sums || !a->cells || !a->maps || (!a->times && query->step_ms == 0))
        return -ENOMEM;
    for (size_t i = 0; i < n * query->n_points; i++)
        a->sums[i] = (struct sum){.clock = NO_CLOCK};
    return find_targets(a);
}

static void finish(struct answering *a)
{
    for (uint32_t i = 0; a->maps && i <= layouts_count(a->history->layouts); i++)
        free(a->maps[i]);
    free(a->maps);
    free(a->sums);
    free(a->times);
    free(a->cells);
    free(a->targets);
    free(a->names);
}

/* ---- summing ---- */

static uint8_t less_sure(uint8_t a, uint8_t b)
{
    if (a == NO_CLOCK)
        return b;
    return a == CLOCK_UNSET || b == CLOCK_UNSET ? CLOCK_UNSET : a > b ? a : b;
}

static void add(struct sum *sum, bool is_counter, int64_t t_ms,
                const struct minute_cell *cell, uint8_t clock)
{
    sum->clock = less_sure(sum->clock, clock);
    if (cell->quality)
        sum->quality = cell->quality;
    if (cell->n == 0)
        return;
    if (sum->n == 0 || cell->min < sum->min)
        sum->min = cell->min;
    if (sum->n == 0 || cell->max > sum->max)
        sum->max = cell->max;
    if (!is_counter)
        sum->total += cell->value * cell->n;
    else if (sum->n == 0 || t_ms >= sum->t_last_ms) {
        sum->total = cell->value;
        sum->t_last_ms = t_ms;
    }
    sum->n += cell->n;
}

/* NULL: the time is not asked for. */
static struct sum *sums_at(struct answering *a, int64_t t_ms)
{
    int64_t row;

    if (t_ms < a->query->from_ms || t_ms >= a->end_ms)
        return NULL;
    row = (t_ms - a->base_ms) / a->query->step_ms;
    return a->sums + (size_t)row * a->query->n_points;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

/* Three quarters of the rows lie before it; the first moment in any case. */
static int find_cut(const struct answering *a, int64_t *ret_ms)
{
    int64_t *sorted = malloc(a->n_rows * sizeof *sorted);

    if (!sorted)
        return -ENOMEM;
    memcpy(sorted, a->times, a->n_rows * sizeof *sorted);
    qsort(sorted, a->n_rows, sizeof *sorted, by_number);
    *ret_ms = sorted[(uint64_t)a->n_rows * 3 / 4];
    if (*ret_ms == sorted[0])
        *ret_ms =
            sorted[a->n_rows - 1] > sorted[0] ? sorted[a->n_rows - 1] : sorted[0] + 1;
    free(sorted);
    return 0;
}

/* More moments than rows: the latest quarter goes, to be asked for again. Readings do not
 * lie in the order of their times, so those that came first are not the earliest. */
static int keep_earlier(struct answering *a)
{
    size_t n_points = a->query->n_points;
    uint32_t kept = 0;
    int64_t cut_ms;
    int rc = find_cut(a, &cut_ms);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < a->n_rows; i++) {
        if (a->times[i] >= cut_ms)
            continue;
        a->times[kept] = a->times[i];
        memmove(a->sums + kept++ * n_points, a->sums + i * n_points,
                n_points * sizeof *a->sums);
    }
    for (size_t i = kept * n_points; i < a->n_rows * n_points; i++)
        a->sums[i] = (struct sum){.clock = NO_CLOCK};
    a->n_rows = kept;
    a->end_ms = cut_ms;
    a->answer->is_truncated = true;
    return 0;
}

/* Rows without a step: one per moment; records of the same moment come one by one. */
static int sums_of_record(struct answering *a, int64_t t_ms, struct sum **ret_sums)
{
    int rc;

    *ret_sums = NULL;
    if (a->query->step_ms > 0) {
        *ret_sums = sums_at(a, t_ms);
        return 0;
    }
    if (t_ms < a->query->from_ms || t_ms >= a->end_ms)
        return 0;
    if (a->n_rows == 0 || a->times[a->n_rows - 1] != t_ms) {
        rc = a->n_rows == a->max_rows ? keep_earlier(a) : 0;
        if (rc < 0 || t_ms >= a->end_ms)
            return rc;
        a->times[a->n_rows++] = t_ms;
    }
    *ret_sums = a->sums + (size_t)(a->n_rows - 1) * a->query->n_points;
    return 0;
}

/* ---- from the log ---- */

static const int16_t *map_of(struct answering *a, const struct layout *layout)
{
    int16_t *map = a->maps[layout->id];
    bool has_any = false;

    if (map)
        return map;
    map = malloc((layout->n_points + 1) * sizeof *map);
    if (!map)
        return NULL;
    for (uint32_t i = 0; i < layout->n_points; i++) {
        map[1 + i] = -1;
        for (uint32_t t = 0; t < a->query->n_points; t++)
            if (strcmp(a->targets[t].device_name, layout->device) == 0 &&
                strcmp(a->targets[t].point_name, layout->points[i]) == 0) {
                map[1 + i] = (int16_t)t;
                has_any = true;
            }
    }
    map[0] = has_any;
    a->maps[layout->id] = map;
    return map;
}

static struct minute_cell cell_of(const struct block_value *value)
{
    struct minute_cell cell = {.quality = value->quality};

    if (value->quality == GW_GOOD && value_to_double(&value->value, &cell.value) &&
        isfinite(cell.value)) {
        cell.min = cell.max = cell.value;
        cell.n = 1;
    }
    return cell;
}

static int add_record(struct answering *a, const struct log_scan_record *record)
{
    const int16_t *map = map_of(a, record->layout);
    struct sum *sums = NULL;

    if (!map)
        return -ENOMEM;
    for (uint32_t i = 0; map[0] && i < record->layout->n_points; i++) {
        const struct block_value *value = &record->values[i];
        struct minute_cell cell;
        int rc;

        if (map[1 + i] < 0 || !value->is_present)
            continue;
        if (!sums) {
            rc = sums_of_record(a, record->t_wall_ms, &sums);
            if (rc < 0 || !sums)
                return rc;
        }
        cell = cell_of(value);
        add(&sums[map[1 + i]], a->targets[map[1 + i]].is_counter, record->t_wall_ms,
            &cell, record->clock);
    }
    return 0;
}

static void cut_at(struct answering *a, int64_t t_ms)
{
    a->answer->is_truncated = true;
    if (t_ms < a->end_ms)
        a->end_ms = a->query->step_ms > 0 ? floor_to(t_ms, a->query->step_ms) : t_ms;
}

/* So far in time: what lies before it may still come behind it. */
static void cut_behind(struct answering *a, int64_t t_ms)
{
    cut_at(a, t_ms - LATE_MS - a->query->step_ms > a->query->from_ms ? t_ms - LATE_MS
                                                                     : t_ms);
}

static int add_span(struct answering *a, const struct history_span *span)
{
    struct history *history = a->history;
    struct log_scan_record record = {.t_wall_ms = a->query->from_ms};
    unsigned n = 0;
    int rc = log_scan_begin(&history->scan, span->space, span->from, span->last);

    log_scan_limit(&history->scan, a->query->from_ms, a->end_ms);
    while (rc == 0 && (rc = log_scan_next(&history->scan, &record)) > 0) {
        int64_t end_ms = a->end_ms;

        a->answer->sources |= HISTORY_RAW;
        rc = add_record(a, &record);
        if (a->end_ms < end_ms)
            log_scan_limit(&history->scan, a->query->from_ms, a->end_ms);
        if (rc == 0 && ++n % LOOK_EVERY == 0 && history_is_late(history))
            rc = -ETIMEDOUT;
    }
    log_scan_end(&history->scan);
    if (rc == -ETIMEDOUT)
        cut_behind(a, record.t_wall_ms);
    return rc;
}

static int add_tail(struct answering *a)
{
    int rc = 0;

    for (uint32_t i = 0; i < a->history->n_tail && rc == 0; i++)
        rc = add_span(a, &a->history->tail[i]);
    return rc;
}

/* Runs know which numbers lie in which time. */
static int add_summed_log(struct answering *a)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(a->history->db,
                          "SELECT space,seq_from,seq_to,t_first_ms FROM run WHERE id>0"
                          " AND t_last_ms>=?1 AND t_first_ms<?2 AND seq_to>seq_from ORDER"
                          " BY id",
                          &stmt);

    if (rc < 0)
        return rc;
    stmt_bind_i64(stmt, 1, a->query->from_ms);
    stmt_bind_i64(stmt, 2, a->end_ms);
    while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
        const struct history_span span = {stmt_i64(stmt, 0), (uint64_t)stmt_i64(stmt, 1),
                                          (uint64_t)stmt_i64(stmt, 2) - 1};

        /* the end may have come nearer */
        rc = stmt_i64(stmt, 3) < a->end_ms ? add_span(a, &span) : 0;
    }
    stmt_finish(&stmt);
    return rc;
}

/* ---- from the means ---- */

static int add_blob(struct answering *a, uint32_t device, int64_t slot,
                    struct sqlite3_stmt *stmt)
{
    struct minute_cell cells[MINUTES_PER_SLOT];
    struct minutes_reader reader;
    uint8_t clock = (uint8_t)stmt_i64(stmt, 0);
    uint32_t point, t;
    size_t len;
    const void *data = stmt_blob(stmt, 1, &len);
    int rc = minutes_reader_init(&reader, data, len);

    while (rc == 0 && (rc = minutes_next(&reader, &point, cells)) > 0) {
        rc = 0;
        for (t = 0; t < a->query->n_points; t++)
            if (a->targets[t].device == device && a->targets[t].point == point)
                break;
        for (int i = 0; t < a->query->n_points && i < MINUTES_PER_SLOT; i++) {
            int64_t t_ms = slot * FLOWS_SLOT_MS + i * MINUTE_MS;
            /* the minute in which `from` lies counts whole */
            struct sum *sums =
                sums_at(a, t_ms < a->query->from_ms ? a->query->from_ms : t_ms);

            if (cells[i].is_seen && sums && t_ms + MINUTE_MS > a->query->from_ms)
                add(&sums[t], a->targets[t].is_counter, t_ms, &cells[i], clock);
        }
    }
    return rc == -EBADMSG ? 0 : rc;
}

static int add_slot(struct answering *a, int64_t slot, struct sqlite3_stmt *stmt)
{
    int rc = 0;

    for (uint32_t i = 0; i < a->query->n_points && rc == 0; i++) {
        const struct target *target = &a->targets[i];
        int64_t first;
        bool was_done = target->point == UINT32_MAX;

        for (uint32_t j = 0; j < i; j++)
            was_done |= a->targets[j].device == target->device &&
                        a->targets[j].point != UINT32_MAX;
        if (was_done)
            continue;
        first = slot << SUMMARY_SLOT_SHIFT | (int64_t)target->device
                                                 << SUMMARY_DEVICE_SHIFT;
        stmt_bind_i64(stmt, 1, first);
        stmt_bind_i64(stmt, 2, first + (1 << SUMMARY_PART_BITS) - 1);
        while (rc == 0 && (rc = stmt_step(stmt)) > 0) {
            a->answer->sources |= HISTORY_MINUTES;
            rc = add_blob(a, target->device, slot, stmt);
        }
        stmt_reset(stmt);
    }
    return rc;
}

static int64_t get_i64(struct db *db, const char *sql, int64_t otherwise)
{
    struct sqlite3_stmt *stmt = NULL;
    int64_t value = otherwise;

    if (stmt_prepare(db, sql, &stmt) == 0 && stmt_step(stmt) > 0 &&
        !stmt_is_null(stmt, 0))
        value = stmt_i64(stmt, 0);
    stmt_finish(&stmt);
    return value;
}

static int add_means(struct answering *a)
{
    struct db *db = a->history->db;
    int64_t first = get_i64(db, "SELECT min(key) FROM minutes", INT64_MAX),
            last = get_i64(db, "SELECT max(key) FROM minutes", -1);
    int64_t slot = summing_slot(a->query->from_ms), end = summing_slot(a->end_ms - 1);
    struct sqlite3_stmt *stmt = NULL;
    int rc = stmt_prepare(db,
                          "SELECT clock,data FROM minutes WHERE key BETWEEN ?1 AND ?2"
                          " ORDER BY key",
                          &stmt);

    if (slot < first >> SUMMARY_SLOT_SHIFT)
        slot = first >> SUMMARY_SLOT_SHIFT;
    if (end > last >> SUMMARY_SLOT_SHIFT)
        end = last >> SUMMARY_SLOT_SHIFT;
    for (; slot <= end && rc == 0; slot++) {
        rc = add_slot(a, slot, stmt);
        if (rc == 0 && history_is_late(a->history))
            rc = -ETIMEDOUT;
        if (rc == -ETIMEDOUT)
            cut_at(a, slot * FLOWS_SLOT_MS);
    }
    stmt_finish(&stmt);
    return rc;
}

/* ---- telling ---- */

static void tell_row(struct answering *a, int64_t t_ms, const struct sum *sums)
{
    const struct history_row row = {.t_ms = t_ms, .cells = a->cells};
    bool has_any = false;

    for (uint32_t i = 0; i < a->query->n_points; i++) {
        const struct sum *sum = &sums[i];
        bool is_counter = a->targets[i].is_counter;

        a->cells[i] = (struct history_cell){
            .n = sum->n, .min = sum->min, .max = sum->max, .quality = sum->quality};
        a->cells[i].clock = sum->clock == NO_CLOCK ? CLOCK_UNSET : sum->clock;
        if (sum->n > 0)
            a->cells[i].value = is_counter ? sum->total : sum->total / sum->n;
        has_any |= sum->n > 0 || sum->quality;
    }
    if (!has_any)
        return;
    a->query->row(a->query->ctx, &row);
    a->answer->n_rows++;
}

struct order {
    int64_t t_ms;
    uint32_t row;
};

static int by_time(const void *a, const void *b)
{
    const struct order *left = a, *right = b;

    if (left->t_ms != right->t_ms)
        return left->t_ms < right->t_ms ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

static int tell_moments(struct answering *a)
{
    struct order *order = malloc((a->n_rows + 1) * sizeof *order);

    if (!order)
        return -ENOMEM;
    for (uint32_t i = 0; i < a->n_rows; i++)
        order[i] = (struct order){a->times[i], i};
    qsort(order, a->n_rows, sizeof *order, by_time);
    for (uint32_t i = 0; i < a->n_rows; i++)
        if (order[i].t_ms < a->end_ms)
            tell_row(a, order[i].t_ms,
                     a->sums + (size_t)order[i].row * a->query->n_points);
    free(order);
    return 0;
}

static int tell(struct answering *a)
{
    int64_t step_ms = a->query->step_ms;

    if (a->answer->is_truncated)
        a->answer->next_ms = a->end_ms;
    if (step_ms == 0)
        return tell_moments(a);
    for (uint32_t i = 0; i < a->n_rows; i++)
        if (a->base_ms + i * step_ms < a->end_ms)
            tell_row(a, a->base_ms + i * step_ms,
                     a->sums + (size_t)i * a->query->n_points);
    return 0;
}

static void tell_kept(struct answering *a)
{
    struct log_scan_record record;
    struct db *db = a->history->db;
    int64_t first = get_i64(db, "SELECT min(key) FROM minutes", -1);

    history_begin(a->history, 0);
    if (log_scan_begin(&a->history->scan, 0, 0, INT64_MAX) == 0 &&
        log_scan_next(&a->history->scan, &record) > 0)
        a->answer->raw_from_ms = record.t_wall_ms;
    log_scan_end(&a->history->scan);
    a->answer->newest_ms = history_newest_ms(a->history);
    a->answer->minutes_from_ms = first < 0
                                     ? a->answer->raw_from_ms
                                     : (first >> SUMMARY_SLOT_SHIFT) * FLOWS_SLOT_MS;
}

int history_query(struct history *history, const struct history_query *query,
                  struct history_answer *ret_answer)
{
    struct answering a = {.history = history, .query = query, .answer = ret_answer};
    int rc;

    *ret_answer = (struct history_answer){0};
    if (query->n_points == 0 || query->n_points > HISTORY_POINTS_MAX ||
        query->from_ms >= query->to_ms || query->step_ms < 0)
        return -EINVAL;
    history_begin(history, query->limit_ms);
    rc = prepare(&a);
    if (rc == 0)
        rc = query->step_ms >= MINUTE_MS ? add_means(&a) : add_summed_log(&a);
    if (rc == 0)
        rc = add_tail(&a);
    if (rc == -ETIMEDOUT)
        rc = 0; /* what there is of it is right */
    if (rc == 0)
        tell_kept(&a);
    if (rc == 0)
        rc = tell(&a);
    finish(&a);
    return rc;
}
