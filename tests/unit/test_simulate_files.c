/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the files of a simulation: what is wrong is told with its place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatewayctl/simulate/community_load.h"
#include "gatewayctl/simulate/csv.h"
#include "gatewayctl/simulate/metrics.h"
#include "gatewayctl/simulate/result.h"
#include "gatewayctl/simulate/scenario.h"
#include "tests/unit/suite.h"

#define CLASS(name, more)                                                                \
    "  " name ": {priority: 1, weight: 2, min_on_s: 0, min_off_s: 300" more "}\n"
#define STORAGE(id, kind, role, home)                                                    \
    "- {id: " id ", kind: " kind ", role: " role ", home: " home ", capacity_wh: 5000, " \
    "soc_min: 0.1, soc_max: 1.0, soc_reserve: 0.3, soc_depart: 0.6, max_charge_w: "      \
    "1000, "                                                                             \
    "max_discharge_w: 1000, eta_charge: 0.9, eta_discharge: 0.9}\n"

static const char good_community[] =
    "name: two homes\nvariant: B\nstep_s: 300\nshade: some\n"
    "network: {grid_import_limit_w: 9000, grid_export_limit_w: 0, "
    "max_island_load_w: 8000, pv_limit_w: 7000, restart_penalty_s: 900}\n"
    "circuit_classes:\n" CLASS("critical", "") CLASS("essential", "") CLASS("comfort", "")
        CLASS("deferrable", ", rated_w: 400, tank_wh: 1600") CLASS(
            "heavy",
            "") "homes:\n"
                "- {id: 3, pv_wp: 4000, service_limit_w: 6000, medical: true, mean_w: "
                "[1, 2, 3, 4, 5]}\n"
                "- {id: 8, pv_wp: 4000, service_limit_w: 6000, mean_w: [1, 2, 3, 4, 5]}\n"
                "storages:\n" STORAGE("HB1", "battery", "grid_forming", "8")
                    STORAGE("EV1", "ev", "grid_following", "0");

static const char good_scenario[] =
    "name: brief\nstart_utc: '2026-12-20T09:00:00Z'\ntimezone_offset_h: 9\n"
    "step_s: 300\nsteps: 2\nprofiles: p.csv\nhistory: h.csv\n"
    "outages:\n- {start_step: 1, end_step: 2}\n"
    "initial_soc: {HB1: 0.5, EV1: 0.6, BAT9: 0.7}\n"
    "ev_bookings:\n- {ev: EV1, depart_step: 0, return_step: 1, trip_wh: 100}\n"
    "events:\n"
    "- {kind: relay_stuck, home: 8, circuit: heavy, state: 'on', start_step: 0, "
    "end_step: 1}\n"
    "- {kind: meter_fault, home: 0, circuit: pv, mode: x3, start_step: 0, end_step: 1}\n";

#define HEADER "step,home,critical_w,essential_w,comfort_w,deferrable_w,heavy_w,pv_w\n"
static const char good_profiles[] =
    HEADER "0,3,1,2,3,4,5,6\n0,8,1,2,3,4,5,6.5\n1,3,1,2,3,4,5,6\n1,8,1,2,3,4,50,6\n";

static char folder[64];
static struct community community;
static struct scenario scenario;
static struct config_report report;
static struct gw_error error;

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* The text with its first `from` replaced; NULL: as it is. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = from ? strstr(text, from) : NULL;
    char *copy = NULL;

    CU_ASSERT_FATAL(!from || at);
    if (asprintf(&copy, "%.*s%s%s", at ? (int)(at - text) : 0, text, at ? to : "",
                 at ? at + strlen(from) : text) < 0)
        abort();
    return copy;
}

static void put_history(void)
{
    FILE *file = fopen(path_of("h.csv"), "we");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(HEADER, file);
    for (int step = -288; step < 0; step += 6)
        fprintf(file, "%d,3,1,2,3,4,5,6\n%d,8,1,2,3,4,5,7\n", step, step);
    fclose(file);
}

static void forget(void)
{
    config_report_done(&report);
    scenario_done(&scenario);
    community_done(&community);
    memset(&error, 0, sizeof error);
}

static int start(void)
{
    strcpy(folder, "/tmp/test_simulate.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void)
{
    static const char *const names[] = {"c.yaml", "s.yaml", "p.csv", "h.csv", "b.csv"};

    forget();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

/* Loads both with one change in one of the files. */
static int load(const char *name, const char *from, const char *to)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        {"c.yaml", good_community},
        {"s.yaml", good_scenario },
        {"p.csv",  good_profiles }
    };
    char *scenario_path;
    int rc;

    forget();
    put_history();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool is_it = strcmp(files[i].name, name) == 0;
        char *text = changed(files[i].text, is_it ? from : NULL, to);

        put(files[i].name, text);
        free(text);
    }
    rc = community_load(path_of("c.yaml"), &community, &report);
    if (rc < 0)
        return rc;
    scenario_path = strdup(path_of("s.yaml"));
    rc = scenario_load(scenario_path, &community, &scenario, &report, &error);
    free(scenario_path);
    return rc;
}

static void good_files_are_read_whole(void)
{
    CU_ASSERT_EQUAL_FATAL(load("", NULL, NULL), 0);
    CU_ASSERT_EQUAL(community.n_homes, 2);
    CU_ASSERT_EQUAL(community.homes[1].id, 8);
    CU_ASSERT_TRUE(community.homes[0].is_medical);
    CU_ASSERT_FALSE(community.is_central);
    CU_ASSERT_DOUBLE_EQUAL(community.classes[CIRCUIT_DEFERRABLE].tank_wh, 1600, 0);
    CU_ASSERT_EQUAL(community.storages[0].home, 1);
    CU_ASSERT_EQUAL(community.storages[1].home, -1);
    CU_ASSERT_TRUE(community.storages[1].is_ev && !community.storages[1].is_grid_forming);
    CU_ASSERT_DOUBLE_EQUAL(community.freq_nominal_hz, 50, 0);
    CU_ASSERT_EQUAL(scenario.axis.start_utc_s, 1797757200);
    CU_ASSERT_TRUE(scenario.is_grid_up[0] && !scenario.is_grid_up[1]);
    CU_ASSERT_DOUBLE_EQUAL(scenario.initial_soc[1], 0.6, 0);
    CU_ASSERT_EQUAL(scenario.n_events, 2);
    CU_ASSERT_EQUAL(scenario.events[0].home, 1);
    CU_ASSERT_TRUE(scenario.events[0].is_on);
    CU_ASSERT_EQUAL(scenario.events[1].home, -1);
    CU_ASSERT_DOUBLE_EQUAL(scenario.profiles[1].pv_w, 6.5, 0);
    CU_ASSERT_DOUBLE_EQUAL(scenario.profiles[3].circuit_w[CIRCUIT_HEAVY], 50, 0);
    CU_ASSERT_EQUAL(scenario.history[SCENARIO_HISTORY_ROWS + 47].step, -6);
    CU_ASSERT_DOUBLE_EQUAL(scenario.history[SCENARIO_HISTORY_ROWS].pv_w, 7, 0);
}

static void an_unknown_key_is_a_warning(void)
{
    CU_ASSERT_EQUAL(load("", NULL, NULL), 0);
    CU_ASSERT_EQUAL(report.n_errors, 0);
    CU_ASSERT_EQUAL_FATAL(report.n, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(report.messages[0].text, "shade"));
    CU_ASSERT_EQUAL(report.messages[0].line, 4);
}

static void what_is_wrong_in_yaml_is_told_with_its_line(void)
{
    static const struct {
        const char *file, *from, *to, *word;
        unsigned line;
    } cases[] = {
        {"c.yaml", "variant: B", "variant: C", "C", 2},
        {"c.yaml", "step_s: 300", "step_s: 0", "step_s", 3},
        {"c.yaml", "  heavy:", "  heaps:", "heavy", 7},
        {"c.yaml", ", rated_w: 400", "", "rated_w", 10},
        {"c.yaml", "weight: 2", "weight: -2", "weight", 7},
        {"c.yaml", "id: 8", "id: 3", "twice", 14},
        {"c.yaml", "mean_w: [1, 2, 3, 4, 5]", "mean_w: [1, 2, 3]", "3 values", 13},
        {"c.yaml", "home: 8", "home: 9", "home", 16},
        {"c.yaml", "eta_charge: 0.9", "eta_charge: 0", "eta_charge", 16},
        {"c.yaml", "id: EV1", "id: HB1", "twice", 17},
        {"c.yaml", "id: HB1", "id: 'H,1'", "comma", 16},
        {"c.yaml", "soc_min: 0.1", "soc_min: 1.1", "soc_min", 16},
        {"c.yaml", "capacity_wh: 5000, ", "", "capacity_wh", 16},
        {"s.yaml", "2026-12-20T09:00:00Z", "yesterday", "yesterday", 2},
        {"s.yaml", "step_s: 300", "step_s: 600", "600", 4},
        {"s.yaml", "steps: 2", "steps: many", "many", 5},
        {"s.yaml", "start_step: 1, end_step: 2", "start_step: 1, end_step: 1", "ends", 9},
        {"s.yaml", "HB1: 0.5", "HB1: 1.5", "HB1", 10},
        {"s.yaml", "EV1: 0.6, ", "", "EV1", 10},
        {"s.yaml", "ev: EV1", "ev: HB1", "no EV", 12},
        {"s.yaml", "home: 8, circuit", "home: 9, circuit", "home", 14},
        {"s.yaml", "state: 'on'", "state: open", "on or off", 14},
        {"s.yaml", "kind: relay_stuck", "kind: storm", "storm", 14},
        {"s.yaml", "mode: x3", "mode: none", "mode", 15},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_found = false;

        CU_ASSERT_EQUAL(load(cases[i].file, cases[i].from, cases[i].to), -EINVAL);
        for (uint32_t j = 0; j < report.n; j++)
            is_found |= !report.messages[j].is_warning &&
                        report.messages[j].line == cases[i].line &&
                        strstr(report.messages[j].file, cases[i].file) &&
                        strstr(report.messages[j].text, cases[i].word);
        if (!is_found)
            fprintf(stderr, "%s: %s\n", cases[i].to,
                    report.n ? report.messages[report.n - 1].text : "nothing told");
        CU_ASSERT_TRUE(is_found);
    }
}

static void what_is_wrong_in_csv_is_told_with_its_line(void)
{
    static const struct {
        const char *from, *to, *word;
        unsigned line;
    } cases[] = {
        {"pv_w\n",             "sun_w\n",                 "header",                    1},
        {"0,8,",               "0,9,",                    "expected step 0 of home 8", 3},
        {"1,3,1",              "2,3,1",                   "expected step 1 of home 3", 4},
        {"0,3,1,2",            "0,3,-1,2",                "below 0",                   2},
        {"0,3,1,2",            "0,3,1e10,2",              "above 1e9 W",               2},
        {"0,3,1,2",            "0,3,nan,2",               "no number",                 2},
        {"0,3,1,2",            "0,3,x,2",                 "no number",                 2},
        {"0,3,1,2",            "0,3,1e999,2",             "no number",                 2},
        {"0,3,1,2",            "0,3,0x10,2",              "no number",                 2},
        {"4,5,6\n",            "4,5\n",                   "fewer columns",             2},
        {"4,5,6\n",            "4,5,6,7\n",               "more than",                 2},
        {"1,8,1,2,3,4,50,6\n", "",                        "ends",                      5},
        {"50,6\n",             "50,6\n2,3,1,2,3,4,5,6\n", "behind the last",           6},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_EQUAL(load("p.csv", cases[i].from, cases[i].to), -EINVAL);
        if (!strstr(error.text, cases[i].word) || error.line != cases[i].line)
            fprintf(stderr, "%s: line %u, %s\n", cases[i].to, error.line, error.text);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, cases[i].word));
        CU_ASSERT_EQUAL(error.line, cases[i].line);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.file, "p.csv"));
    }
}

static void a_file_that_is_not_there_is_named(void)
{
    CU_ASSERT_EQUAL(load("s.yaml", "p.csv", "q.csv"), -ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.file, "q.csv"));
}

static void a_byte_order_mark_is_passed_over(void)
{
    CU_ASSERT_EQUAL(load("p.csv", "step,", "\xef\xbb\xbfstep,"), 0);
    CU_ASSERT_EQUAL(load("p.csv", "step,", "\xef\xbbstep,"), -EINVAL);
}

/* Its writer may never come. */
static void a_pipe_is_refused_and_not_waited_for(void)
{
    char *text = NULL;
    size_t size;

    CU_ASSERT_EQUAL_FATAL(mkfifo(path_of("b.csv"), 0600), 0);
    CU_ASSERT_EQUAL(csv_slurp(path_of("b.csv"), &text, &size, &error), -EINVAL);
    CU_ASSERT_PTR_NULL(text);
    unlink(path_of("b.csv"));
}

static void an_ev_of_another_variant_is_passed_over(void)
{
    CU_ASSERT_EQUAL(load("s.yaml", "ev: EV1", "ev: EV7"), 0);
    CU_ASSERT_EQUAL(scenario.n_bookings, 0);
    CU_ASSERT_EQUAL(report.n_errors, 0);
}

static void a_bound_is_found_by_scenario_and_variant(void)
{
    struct metrics metrics;

    CU_ASSERT_EQUAL_FATAL(load("", NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(metrics_init(&metrics, &community), 0);
    put("b.csv", "scenario,variant,weighted_kwh,critical_kwh,essential_kwh,comfort_kwh,"
                 "deferrable_kwh,heavy_kwh\nbrief,a,1,2,3,4,5,6\nbrief,b,7,2,3,4,5,8\n");
    CU_ASSERT_EQUAL(metrics_read_bound(&metrics, path_of("b.csv"), "other", &error), 0);
    CU_ASSERT_FALSE(metrics.bound.is_known);
    CU_ASSERT_EQUAL(metrics_read_bound(&metrics, path_of("b.csv"), "brief", &error), 0);
    CU_ASSERT_TRUE(metrics.bound.is_known);
    CU_ASSERT_DOUBLE_EQUAL(metrics.bound.weighted_kwh, 7, 0);
    CU_ASSERT_DOUBLE_EQUAL(metrics.bound.energy_kwh[CIRCUIT_HEAVY], 8, 0);
    CU_ASSERT_EQUAL(metrics_read_bound(&metrics, path_of("none.csv"), "brief", &error),
                    0);
    put("b.csv", "scenario,variant\n");
    CU_ASSERT_EQUAL(metrics_read_bound(&metrics, path_of("b.csv"), "brief", &error),
                    -EINVAL);
    metrics_done(&metrics);
}

static void rows_of_a_result_that_cannot_be_read_are_counted(void)
{
    struct result_reader reader = {0};
    struct plant_commands commands = {0};

    CU_ASSERT_EQUAL_FATAL(load("", NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(plant_commands_init(&commands, &community), 0);
    put("b.csv", "step,id,value\n0,3.heavy,0\nnonsense\n0,HB1,250.5\n0,3.heavy,2\n"
                 "1,claim.load_w,7\n1,pv,1000\r\n0,8.heavy,0\n2,pv,3\n");
    CU_ASSERT_EQUAL_FATAL(
        result_reader_open(&reader, path_of("b.csv"), &community, &scenario.axis, &error),
        0);
    result_reader_next(&reader, 0, &commands);
    CU_ASSERT_FALSE(commands.is_on[CIRCUIT_HEAVY]);
    CU_ASSERT_DOUBLE_EQUAL(commands.storage_w[0], 250.5, 0);
    CU_ASSERT_DOUBLE_EQUAL(commands.pv_limit_w, -1, 0);
    result_reader_next(&reader, 1, &commands);
    CU_ASSERT_DOUBLE_EQUAL(commands.pv_limit_w, 1000, 0);
    CU_ASSERT_TRUE(commands.is_on[N_CIRCUITS + CIRCUIT_HEAVY]);
    CU_ASSERT_EQUAL(reader.n_bad_rows, 4);
    result_reader_done(&reader);
    plant_commands_done(&commands);
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(good_files_are_read_whole),
        TEST(an_unknown_key_is_a_warning),
        TEST(what_is_wrong_in_yaml_is_told_with_its_line),
        TEST(what_is_wrong_in_csv_is_told_with_its_line),
        TEST(a_file_that_is_not_there_is_named),
        TEST(a_byte_order_mark_is_passed_over),
        TEST(a_pipe_is_refused_and_not_waited_for),
        TEST(an_ev_of_another_variant_is_passed_over),
        TEST(a_bound_is_found_by_scenario_and_variant),
        TEST(rows_of_a_result_that_cannot_be_read_are_counted),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"simulate files", start, end, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
