/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes as one of the files of a simulation, the others being good.
 * The first byte says which; what loads goes through some steps of the plant.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gatewayctl/simulate/community_load.h"
#include "gatewayctl/simulate/plant.h"
#include "gatewayctl/simulate/scenario.h"

#define STEPS_MAX 300u
#define HOMES_MAX 20u
#define HEADER "step,home,critical_w,essential_w,comfort_w,deferrable_w,heavy_w,pv_w\n"
#define CLASS(name, more) "  " name ": {priority: 1, weight: 2, min_off_s: 300" more "}\n"
#define STORAGE(id, kind, role, home)                                                    \
    "- {id: " id ", kind: " kind ", role: " role ", home: " home ", capacity_wh: 5000, " \
    "soc_min: 0.1, soc_max: 1.0, soc_reserve: 0.3, soc_depart: 0.6, "                    \
    "max_charge_w: 1000, max_discharge_w: 1000, eta_charge: 0.9, eta_discharge: 0.9}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum file { COMMUNITY, SCENARIO, PROFILES, HISTORY, FORECAST, N_FILES };

static const char *const names[N_FILES] = {"c.yaml", "s.yaml", "p.csv", "h.csv", "f.csv"};
static char folder[] = "/tmp/gatewayd-fuzz-scenario-XXXXXX";
static char history[8192];
static const char *const good[N_FILES] = {
    [COMMUNITY] =
        "name: one\nvariant: B\nnetwork: {grid_import_limit_w: 9000, "
        "grid_export_limit_w: 0, max_island_load_w: 8000, pv_limit_w: 7000, "
        "restart_penalty_s: 900}\ncircuit_classes:\n" CLASS("critical", "")
            CLASS("essential", "") CLASS("comfort", "")
                CLASS("deferrable", ", rated_w: 400, tank_wh: 1600") CLASS("heavy", "")
        "homes:\n- {id: 3, pv_wp: 4000, service_limit_w: 6000, mean_w: [1, 2, 3, 4, 5]}\n"
        "storages:\n" STORAGE("HB1", "battery", "grid_forming", "3")
            STORAGE("EV1", "ev", "grid_following", "0"),
    [SCENARIO] =
        "name: brief\nstart_utc: '2026-12-20T09:00:00Z'\nstep_s: 300\nsteps: 2\n"
        "profiles: p.csv\nhistory: h.csv\npv_forecast: f.csv\n"
        "outages:\n- {start_step: 1, end_step: 2}\ninitial_soc: {HB1: 0.5, EV1: 0.6}\n",
    [PROFILES] = HEADER "0,3,1,2,3,4,5,6\n1,3,1,2,3,4,5,6.5\n",
    [HISTORY] = history,
    [FORECAST] = "issue_step,target_step,p10_w,p50_w,p90_w\n0,0,1,2,3\n0,1,1,2,3\n",
};

static const char *path_of(enum file file)
{
    static char paths[N_FILES][sizeof folder + 10];

    snprintf(paths[file], sizeof paths[file], "%s/%s", folder, names[file]);
    return paths[file];
}

static void clean_up(void)
{
    for (int i = 0; i < N_FILES; i++)
        unlink(path_of((enum file)i));
    rmdir(folder);
}

/* Files in memory under names in a folder: a scenario names its CSV files beside
 * itself. */
static void begin(int fds[N_FILES])
{
    size_t n = (size_t)snprintf(history, sizeof history, HEADER);

    for (int step = -288; step < 0; step += 6)
        n +=
            (size_t)snprintf(history + n, sizeof history - n, "%d,3,1,2,3,4,5,6\n", step);
    if (!mkdtemp(folder))
        abort();
    for (int i = 0; i < N_FILES; i++) {
        char path[40];

        fds[i] = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fds[i]);
        if (fds[i] < 0 || symlink(path, path_of((enum file)i)) < 0)
            abort();
    }
    atexit(clean_up);
}

static void put(int fd, const void *data, size_t len)
{
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, len, 0) != (ssize_t)len)
        abort();
}

static void run_plant(const struct community *community, const struct scenario *scenario)
{
    struct plant_commands commands;
    struct plant plant;
    unsigned n = scenario->axis.n_steps < STEPS_MAX ? scenario->axis.n_steps : STEPS_MAX;

    if (community->n_homes > HOMES_MAX)
        return;
    if (plant_init(&plant, community, scenario) < 0 ||
        plant_commands_init(&commands, community) < 0)
        abort();
    for (unsigned step = 0; step < n; step++)
        plant_step(&plant, step, &commands);
    plant_commands_done(&commands);
    plant_done(&plant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fds[N_FILES];
    static bool is_begun;
    struct community community = {0};
    struct scenario scenario = {0};
    struct config_report report;
    struct gw_error error = {0};
    int rc;

    if (!is_begun)
        begin(fds);
    is_begun = true;
    if (size == 0)
        return 0;
    for (int i = 0; i < N_FILES; i++)
        put(fds[i], good[i], strlen(good[i]));
    put(fds[data[0] % N_FILES], data + 1, size - 1);
    config_report_init(&report);
    rc = community_load(path_of(COMMUNITY), &community, &report);
    if (rc == 0)
        rc = scenario_load(path_of(SCENARIO), &community, &scenario, &report, &error);
    if (rc == 0)
        run_plant(&community, &scenario);
    else if (report.n_errors == 0 && !error.text[0])
        abort(); /* refused without a word */
    config_report_done(&report);
    scenario_done(&scenario);
    community_done(&community);
    return 0;
}
