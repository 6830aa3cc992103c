/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the local history of a stopped daemon's store answers:
 *   dump_history DIRECTORY FROM_MS TO_MS STEP_MS POINT...
 * prints a line of JSON for each row of the points, then one for each 15-minute slot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gatewayd/history/query.h"

static const char *const *points;
static uint32_t n_points;

static void print_row(void *ctx, const struct history_row *row)
{
    (void)ctx;
    printf("{\"t\":%lld", (long long)row->t_ms);
    for (uint32_t i = 0; i < n_points; i++)
        if (row->cells[i].n > 0)
            printf(",\"%s\":[%u,%.17g,%.17g,%.17g]", points[i], row->cells[i].n,
                   row->cells[i].value, row->cells[i].min, row->cells[i].max);
    printf("}\n");
}

static void print_energy(void *ctx, const struct energy_row *row)
{
    (void)ctx;
    printf("{\"device\":\"%s\",\"flow\":\"%s\",\"start\":%lld,\"wh\":%lld,\"known_s\":%u,"
           "\"flags\":%u,\"open\":%s}\n",
           row->device, energy_flow_name((enum energy_flow)row->flow),
           (long long)row->start_ms, (long long)row->wh, row->known_s, row->flags,
           row->is_open ? "true" : "false");
}

int main(int argc, char **argv)
{
    const struct store_hooks hooks = {0};
    struct store_options options = {
        .gateway_id = "history", .max_bytes = 512u << 20, .commit_interval_ms = 60000};
    struct history_query query = {.row = print_row};
    struct energy_query energy = {.slot = ENERGY_15_MIN, .row = print_energy};
    struct history_answer answer;
    struct history *history = NULL;
    struct gw_error error = {.text = ""};
    struct store *store;
    int rc;

    if (argc < 6)
        return 2;
    points = query.points = (const char *const *)(argv + 5);
    n_points = query.n_points = (uint32_t)(argc - 5);
    options.directory = argv[1];
    query.from_ms = energy.from_ms = strtoll(argv[2], NULL, 10);
    query.to_ms = energy.to_ms = strtoll(argv[3], NULL, 10);
    query.step_ms = strtoll(argv[4], NULL, 10);
    energy.from_ms -= 900000; /* the slot in which it begins */
    if (store_open(&options, &hooks, &store, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    rc = history_open(store, &history);
    if (rc == 0)
        rc = history_query(history, &query, &answer);
    if (rc == 0)
        rc = energy_query(history, &energy, &answer);
    history_close(history);
    store_close(store);
    return rc < 0 ? 1 : 0;
}
