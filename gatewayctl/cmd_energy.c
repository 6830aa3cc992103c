/* SPDX-License-Identifier: Apache-2.0 */
/*
 * energy: what each device took and gave today, yesterday and in the last seven days, and
 * how much of its needs the house covered itself. What is not known is never shown as 0.
 */
#include "gatewayctl/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/table.h"
#include "lib/base/clock.h"

#define DAY_MS INT64_C(86400000)
#define ROWS_MAX 256

enum span { TODAY, YESTERDAY, WEEK, SPANS };

struct amount {
    int64_t wh;
    bool is_known, is_missing, is_guessed; /* guessed: from power, or over a down time */
};

struct row {
    char device[64], role[24], flow[24];
    struct amount amounts[SPANS];
};

struct sheet {
    struct row *rows;
    size_t n;
    unsigned n_days; /* of the seven */
};

static struct row *row_of(struct sheet *sheet, const json_t *flow)
{
    const char *device = ctl_text(flow, "device"), *name = ctl_text(flow, "flow");
    struct row *row;

    for (size_t i = 0; i < sheet->n; i++)
        if (strcmp(sheet->rows[i].device, device) == 0 &&
            strcmp(sheet->rows[i].flow, name) == 0)
            return &sheet->rows[i];
    if (sheet->n == ROWS_MAX)
        return NULL;
    row = &sheet->rows[sheet->n++];
    snprintf(row->device, sizeof row->device, "%s", device);
    snprintf(row->role, sizeof row->role, "%s", ctl_text(flow, "role"));
    snprintf(row->flow, sizeof row->flow, "%s", name);
    return row;
}

static bool has_flag(const json_t *flow, const char *flag)
{
    const json_t *flags = json_object_get(flow, "flags");

    for (size_t i = 0; i < json_array_size(flags); i++)
        if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0)
            return true;
    return false;
}

static void add_amount(struct amount *amount, const json_t *flow)
{
    amount->wh += ctl_number(flow, "wh");
    amount->is_known = true;
    amount->is_missing |= has_flag(flow, "missing");
    amount->is_guessed |= has_flag(flow, "integrated") || has_flag(flow, "recovered");
}

static void add_day(struct sheet *sheet, const json_t *slot, int64_t now_ms)
{
    const json_t *flows = json_object_get(slot, "flows");
    int64_t start_ms = ctl_number(slot, "start"), end_ms = ctl_number(slot, "end");
    bool is_today = start_ms <= now_ms && now_ms < end_ms;
    bool is_yesterday = !is_today && end_ms <= now_ms && end_ms + DAY_MS > now_ms;

    if (end_ms + 6 * DAY_MS <= now_ms)
        return;
    sheet->n_days++;
    for (size_t i = 0; i < json_array_size(flows); i++) {
        const json_t *flow = json_array_get(flows, i);
        struct row *row = row_of(sheet, flow);

        if (!row)
            continue;
        if (is_today)
            add_amount(&row->amounts[TODAY], flow);
        if (is_yesterday)
            add_amount(&row->amounts[YESTERDAY], flow);
        add_amount(&row->amounts[WEEK], flow);
    }
}

static void add_cell(struct table *table, const struct amount *amount)
{
    if (!amount->is_known)
        table_add(table, "not known", TINT_DIM);
    else
        table_addf(table, amount->is_missing ? TINT_WARN : TINT_NONE, "%s%.2f kWh%s",
                   amount->is_missing ? "part: " : "", (double)amount->wh / 1000,
                   amount->is_guessed ? " ~" : "");
}

/* Sum of one flow over devices of a role; false: there is none, or not all of it
 * known. */
static bool sum_of(const struct sheet *sheet, enum span span, const char *role,
                   const char *flow, double *ret_wh)
{
    bool is_known = true, has_any = false;

    *ret_wh = 0;
    for (size_t i = 0; i < sheet->n; i++) {
        const struct row *row = &sheet->rows[i];

        if (strcmp(row->flow, flow) != 0 || (role && strcmp(row->role, role) != 0))
            continue;
        has_any = true;
        is_known &= row->amounts[span].is_known && !row->amounts[span].is_missing;
        *ret_wh += (double)row->amounts[span].wh;
    }
    return has_any && is_known;
}

static bool has_flow(const struct sheet *sheet, const char *flow)
{
    for (size_t i = 0; i < sheet->n; i++)
        if (strcmp(sheet->rows[i].flow, flow) == 0)
            return true;
    return false;
}

/* What the house used: grid + pv + battery + ev, by the balance at its edge. */
static bool self_sufficiency(const struct sheet *sheet, enum span span, double *ret)
{
    static const char *const gives[] = {"production", "discharge"};
    double in, wh, used;

    if (!sum_of(sheet, span, "grid", "import", &in))
        return false;
    used = in;
    for (size_t i = 0; i < sizeof gives / sizeof *gives; i++) {
        if (!has_flow(sheet, gives[i]))
            continue;
        if (!sum_of(sheet, span, NULL, gives[i], &wh))
            return false;
        used += wh;
    }
    if (has_flow(sheet, "charge")) {
        if (!sum_of(sheet, span, NULL, "charge", &wh))
            return false;
        used -= wh;
    }
    if (has_flow(sheet, "export")) {
        if (!sum_of(sheet, span, "grid", "export", &wh))
            return false;
        used -= wh;
    }
    if (used <= 0)
        return false;
    *ret = in >= used ? 0 : 1 - in / used;
    return true;
}

static void print_sheet(const struct ctl *ctl, const struct sheet *sheet)
{
    char header[96];
    struct table *table;
    double share;

    snprintf(header, sizeof header, "device|flow|>today|>yesterday|>%u day%s",
             sheet->n_days, sheet->n_days == 1 ? "" : "s");
    table = table_new(header, ctl->has_colour);
    for (size_t i = 0; i < sheet->n; i++) {
        table_add(table, sheet->rows[i].device, TINT_NONE);
        table_add(table, sheet->rows[i].flow, TINT_NONE);
        for (int span = 0; span < SPANS; span++)
            add_cell(table, &sheet->rows[i].amounts[span]);
    }
    table_add(table, "own share", TINT_NONE);
    table_add(table, "", TINT_NONE);
    for (int span = 0; span < SPANS; span++) {
        if (self_sufficiency(sheet, (enum span)span, &share))
            table_addf(table, TINT_GOOD, "%.0f %%", share * 100);
        else
            table_add(table, "not known", TINT_DIM);
    }
    table_print(table);
    table_free(table);
    puts("~ partly from power or over a down time; part: not all of the time is known");
}

int cmd_energy(const struct ctl *ctl)
{
    int64_t now_ms = clock_wall_ms();
    struct sheet sheet = {.n = 0};
    const json_t *slots;
    char target[96];
    json_t *root;
    char *body;
    int rc;

    snprintf(target, sizeof target,
             "/api/v1/energy?slot=1d&from=%" PRId64 "&to=%" PRId64, now_ms - 8 * DAY_MS,
             now_ms + 1);
    rc = ctl_get(ctl, target, &root, &body);
    if (rc != EXIT_OK)
        return rc;
    slots = json_object_get(root, "slots");
    sheet.rows = calloc(ROWS_MAX, sizeof *sheet.rows);
    for (size_t i = 0; sheet.rows && i < json_array_size(slots); i++)
        add_day(&sheet, json_array_get(slots, i), now_ms);
    if (ctl->is_json)
        fputs(body, stdout);
    else if (sheet.n)
        print_sheet(ctl, &sheet);
    else
        puts("no energy is known yet: it needs devices with a role, and a slot of 15 "
             "minutes");
    free(sheet.rows);
    free(body);
    json_decref(root);
    return EXIT_OK;
}
