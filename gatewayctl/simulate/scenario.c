/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario: its YAML (here and in scenario_lists.c) and the CSV files beside it. Every
 * row of a CSV file is expected in its place, so that a file that was cut or sorted
 * otherwise is told and never read wrong.
 */
#include "gatewayctl/simulate/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gatewayctl/simulate/community_load.h"
#include "gatewayctl/simulate/csv.h"
#include "gatewayctl/simulate/scenario_lists.h"
#include "lib/base/cleanup.h"
#include "lib/config/schema.h"

#define PROFILE_HEADER                                                                   \
    "step,home,critical_w,essential_w,comfort_w,deferrable_w,heavy_w,pv_w"
#define FORECAST_HEADER "issue_step,target_step,p10_w,p50_w,p90_w"
#define HISTORY_FIRST (-288)
#define HISTORY_STEPS 6

struct scenario_keys {
    const char *name, *start_utc, *profiles, *history, *forecast;
    double timezone_offset_h;
    int64_t step_s, steps;
    struct scenario_lists lists;
};

#define LIST_KEY(name, field)                                                            \
    SCHEMA_KEY(name, LIST, SCHEMA_AT(scenario_keys, lists.field))
static const struct schema_key scenario_keys[] = {
    SCHEMA_KEY("name", TEXT, SCHEMA_AT(scenario_keys, name), .fallback = "scenario"),
    SCHEMA_KEY("description", ANY, .offset = SCHEMA_ANYWHERE),
    SCHEMA_KEY("communities", LIST, .offset = SCHEMA_ANYWHERE),
    SCHEMA_KEY("start_utc", TEXT, SCHEMA_AT(scenario_keys, start_utc), .required = true),
    SCHEMA_KEY("timezone_offset_h", NUMBER, SCHEMA_AT(scenario_keys, timezone_offset_h),
               .fallback = "0", .min = -14, .max = 14),
    SCHEMA_KEY("step_s", INT, SCHEMA_AT(scenario_keys, step_s), .required = true,
               .min = 1, .max = 86400),
    SCHEMA_KEY("steps", INT, SCHEMA_AT(scenario_keys, steps), .required = true, .min = 1,
               .max = SCENARIO_STEPS_MAX),
    SCHEMA_KEY("profiles", TEXT, SCHEMA_AT(scenario_keys, profiles), .required = true),
    SCHEMA_KEY("history", TEXT, SCHEMA_AT(scenario_keys, history), .required = true),
    SCHEMA_KEY("pv_forecast", TEXT, SCHEMA_AT(scenario_keys, forecast)),
    LIST_KEY("outages", outages),
    LIST_KEY("restoration_estimates", estimates),
    LIST_KEY("ev_bookings", bookings),
    LIST_KEY("events", events),
    SCHEMA_KEY("initial_soc", MAP, SCHEMA_AT(scenario_keys, lists.initial_soc)),
};
static const struct schema scenario_schema = {
    .what = "a scenario", .keys = scenario_keys, .n_keys = 15, .is_open = true};

void scenario_mark_grid(struct scenario *scenario)
{
    for (unsigned t = 0; t < scenario->axis.n_steps; t++)
        scenario->is_grid_up[t] = true;
    for (unsigned i = 0; i < scenario->n_outages; i++)
        for (unsigned t = scenario->outages[i].start_step;
             t < scenario->outages[i].end_step; t++)
            scenario->is_grid_up[t] = false;
}

/* "2026-12-20T09:00:00Z"; the fixed form alone, as every scenario has it. */
static bool parse_utc(const char *text, int64_t *ret_s)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!end || (strcmp(end, "Z") != 0 && *end))
        return false;
    *ret_s = timegm(&tm);
    return true;
}

/* The file of that name in the scenario's folder; a file elsewhere is not ours. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    char *joined = NULL;

    if (asprintf(&joined, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name) < 0)
        return NULL;
    return joined;
}

static struct profile_cell take_cell(const double *values)
{
    struct profile_cell cell;

    for (unsigned c = 0; c < N_CIRCUITS; c++)
        cell.circuit_w[c] = values[2 + c];
    cell.pv_w = values[2 + N_CIRCUITS];
    return cell;
}

/* The next row, which must be that of this step and home, without negative powers. */
static int read_row(struct csv *csv, int step, unsigned home, struct profile_cell *ret,
                    struct gw_error *reterr)
{
    double values[CSV_COLUMNS_MAX];
    int rc = csv_read(csv, values, reterr);

    if (rc < 0)
        return rc;
    if (rc == 0)
        return csv_error(csv, reterr, "the file ends, expected step %d of home %u", step,
                         home);
    if (values[0] != (double)step || values[1] != (double)home)
        return csv_error(
            csv, reterr,
            "step %.10g of home %.10g, expected step %d of home %u: rows are "
            "sorted by step, then home, every pair once",
            values[0], values[1], step, home);
    for (unsigned i = 2; i < csv->n_columns; i++)
        if (values[i] < 0 || values[i] > SCENARIO_POWER_MAX_W)
            return csv_error(csv, reterr, "column %u is %s", i + 1,
                             values[i] < 0 ? "below 0 W" : "above 1e9 W");
    *ret = take_cell(values);
    return 0;
}

static int expect_end(struct csv *csv, struct gw_error *reterr)
{
    double values[CSV_COLUMNS_MAX];
    int rc = csv_read(csv, values, reterr);

    return rc > 0 ? csv_error(csv, reterr, "rows behind the last one that was expected")
                  : rc;
}

static int read_profiles(struct scenario *scenario, const struct community *community,
                         struct csv *csv, struct gw_error *reterr)
{
    struct profile_cell *cell = scenario->profiles;
    int rc = csv_open(csv, csv->path, PROFILE_HEADER, reterr);

    for (unsigned t = 0; rc == 0 && t < scenario->axis.n_steps; t++)
        for (unsigned h = 0; rc == 0 && h < community->n_homes; h++)
            rc = read_row(csv, (int)t, community->homes[h].id, cell++, reterr);
    return rc == 0 ? expect_end(csv, reterr) : rc;
}

static int read_history(struct scenario *scenario, const struct community *community,
                        struct csv *csv, struct gw_error *reterr)
{
    int rc = csv_open(csv, csv->path, PROFILE_HEADER, reterr);

    for (unsigned i = 0; rc == 0 && i < SCENARIO_HISTORY_ROWS; i++)
        for (unsigned h = 0; rc == 0 && h < community->n_homes; h++) {
            struct sim_history *to =
                &scenario->history[(size_t)h * SCENARIO_HISTORY_ROWS + i];
            struct profile_cell cell = {0};

            to->step = HISTORY_FIRST + HISTORY_STEPS * (int)i;
            rc = read_row(csv, to->step, community->homes[h].id, &cell, reterr);
            memcpy(to->circuit_w, cell.circuit_w, sizeof to->circuit_w);
            to->pv_w = cell.pv_w;
        }
    return rc == 0 ? expect_end(csv, reterr) : rc;
}

static int take_forecast(struct scenario *scenario, const struct csv *csv,
                         const double *values, struct gw_error *reterr)
{
    struct sim_forecast *to = &scenario->forecasts[scenario->n_forecasts];
    const struct sim_forecast *last = scenario->n_forecasts ? to - 1 : NULL;

    if (values[0] < 0 || values[1] < values[0] || values[1] > 1e6)
        return csv_error(csv, reterr, "steps out of range, expected issue <= target");
    *to = (struct sim_forecast){(unsigned)values[0], (unsigned)values[1], values[2],
                                values[3], values[4]};
    if (last &&
        (last->issue_step > to->issue_step ||
         (last->issue_step == to->issue_step && last->target_step >= to->target_step)))
        return csv_error(csv, reterr, "rows are not sorted by issue, then target");
    scenario->n_forecasts++;
    return 0;
}

static int read_forecast(struct scenario *scenario, struct csv *csv,
                         struct gw_error *reterr)
{
    double values[CSV_COLUMNS_MAX];
    size_t n_lines = 1;
    int rc = csv_open(csv, csv->path, FORECAST_HEADER, reterr);

    if (rc < 0)
        return rc;
    for (const char *p = csv->at; (p = strchr(p, '\n')); p++)
        n_lines++;
    scenario->forecasts = calloc(n_lines, sizeof *scenario->forecasts);
    if (!scenario->forecasts)
        return -ENOMEM;
    while ((rc = csv_read(csv, values, reterr)) > 0) {
        rc = take_forecast(scenario, csv, values, reterr);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int read_file(struct scenario *scenario, const struct community *community,
                     const char *path, int what, struct gw_error *reterr)
{
    struct csv csv = {.path = path};
    int rc;

    if (what == 0)
        rc = read_profiles(scenario, community, &csv, reterr);
    else if (what == 1)
        rc = read_history(scenario, community, &csv, reterr);
    else
        rc = read_forecast(scenario, &csv, reterr);
    csv_close(&csv);
    return rc;
}

static int read_files(const char *path, const struct scenario_keys *keys,
                      const struct community *community, struct scenario *scenario,
                      struct gw_error *reterr)
{
    const char *names[] = {keys->profiles, keys->history, keys->forecast};
    size_t n_rows = (size_t)scenario->axis.n_steps * community->n_homes;
    int rc = 0;

    if (n_rows > SCENARIO_ROWS_MAX)
        return error_set(reterr, -EINVAL, "scenario-bound",
                         "%zu rows of profiles (steps x homes), expected at most %u",
                         n_rows, SCENARIO_ROWS_MAX);
    scenario->profiles = calloc(n_rows, sizeof *scenario->profiles);
    scenario->history = calloc((size_t)community->n_homes * SCENARIO_HISTORY_ROWS,
                               sizeof *scenario->history);
    scenario->is_grid_up = calloc(scenario->axis.n_steps, sizeof *scenario->is_grid_up);
    if (!scenario->profiles || !scenario->history || !scenario->is_grid_up)
        return -ENOMEM;
    scenario_mark_grid(scenario);
    for (int i = 0; rc == 0 && i < 3; i++) {
        _cleanup_free_ char *file = names[i] ? beside(path, names[i]) : NULL;

        if (names[i])
            rc = file ? read_file(scenario, community, file, i, reterr) : -ENOMEM;
    }
    return rc;
}

static void check_keys(const struct scenario_keys *keys, const struct tree_node *root,
                       const struct community *community, struct scenario *scenario,
                       struct config_report *report)
{
    if (!parse_utc(keys->start_utc, &scenario->axis.start_utc_s))
        report_error(report, yaml_tree_place(root, "start_utc"), "scenario-time",
                     "'%s' is no time, expected such as '2026-12-20T09:00:00Z'",
                     report_quote(keys->start_utc));
    if (keys->step_s != community->step_s)
        report_error(report, yaml_tree_place(root, "step_s"), "scenario-step",
                     "steps of %d s, but the community is stated for %u s",
                     (int)keys->step_s, community->step_s);
}

int scenario_load(const char *path, const struct community *community,
                  struct scenario *scenario, struct config_report *report,
                  struct gw_error *reterr)
{
    struct arena *arena = arena_new();
    struct scenario_keys keys = {0};
    struct tree_node *root;
    int rc = arena ? yaml_tree_load(arena, path, report, &root) : -ENOMEM;

    memset(scenario, 0, sizeof *scenario);
    if (rc == 0 && !community_read_map(report, &scenario_schema, root, &keys))
        rc = -EINVAL;
    if (rc == 0) {
        strncpy(scenario->name, keys.name, sizeof scenario->name - 1);
        scenario->axis.timezone_offset_h = keys.timezone_offset_h;
        scenario->axis.step_s = (unsigned)keys.step_s;
        scenario->axis.n_steps = (unsigned)keys.steps;
        check_keys(&keys, root, community, scenario, report);
        rc = scenario_lists_read(&keys.lists, community, scenario, report);
    }
    if (rc == 0)
        rc = report->n_errors ? -EINVAL
                              : read_files(path, &keys, community, scenario, reterr);
    arena_free(arena);
    return rc;
}

void scenario_done(struct scenario *scenario)
{
    free(scenario->outages);
    free(scenario->estimates);
    free(scenario->bookings);
    free(scenario->events);
    free(scenario->initial_soc);
    free(scenario->is_grid_up);
    free(scenario->profiles);
    free(scenario->history);
    free(scenario->forecasts);
    memset(scenario, 0, sizeof *scenario);
}
