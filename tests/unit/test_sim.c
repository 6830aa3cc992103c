/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the simulated home's physics and of the plugin around it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/plugin.h"
#include "plugins/sim/home.h"
#include "plugins/sim/home_script.h"
#include "plugins/sim/home_signal.h"
#include "tests/unit/suite.h"

#define HOUR_S 3600.0

static struct home home;
static struct home_script script;

static void open_home(const char *text)
{
    struct home_settings settings = home_default_settings();
    unsigned line;

    home_init(&home, &settings);
    CU_ASSERT_EQUAL_FATAL(home_script_parse(&script, text, &line), 0);
}

static double imbalance(void)
{
    return fabs(home.grid_w + home.pv_w + home.battery_w + home.ev_w - home.load_w);
}

static void every_moment_of_the_day_is_in_balance(void)
{
    double worst = 0;

    open_home(home_script_day);
    for (double t_s = 0; t_s < 24 * HOUR_S; t_s += 7) {
        home_script_run(&script, &home, t_s);
        worst = fmax(worst, imbalance());
        CU_ASSERT_FALSE(!home.grid_available && home.grid_w != 0.0);
    }
    CU_ASSERT_TRUE(worst < 1e-6);
}

static void energy_counters_add_up_to_the_loads(void)
{
    const struct home_counters *c = &home.counters;
    double sources;

    open_home(home_script_day);
    home_script_run(&script, &home, 24 * HOUR_S);
    sources = c->import_wh - c->export_wh + c->pv_wh + c->discharge_wh - c->charge_wh -
              c->ev_charge_wh;
    CU_ASSERT_DOUBLE_EQUAL(sources, c->load_wh, 0.01);
    CU_ASSERT_TRUE(c->pv_wh > 15000 && c->pv_wh < 40000);
    CU_ASSERT_TRUE(c->import_wh > 0 && c->export_wh > 0);
}

static void the_battery_loses_what_its_efficiency_says(void)
{
    double before, stored;

    open_home("");
    before = home.battery_wh;
    home.battery_manual = true;
    home.battery_target_w = -1000;
    home_advance(&home, HOUR_S);
    stored = home.battery_wh - before;
    CU_ASSERT_DOUBLE_EQUAL(stored, 1000 * home.settings.one_way_efficiency, 0.5);
    home.battery_target_w = 1000;
    home_advance(&home,
                 HOUR_S + stored / 1000 * HOUR_S * home.settings.one_way_efficiency);
    CU_ASSERT_DOUBLE_EQUAL(home.battery_wh, before, 1);
}

static void the_battery_keeps_its_limits(void)
{
    open_home("");
    home.battery_manual = true;
    home.battery_target_w = -9000;
    home_advance(&home, 60);
    CU_ASSERT_DOUBLE_EQUAL(home.battery_w, -3000, 1e-9);
    home_advance(&home, 6 * HOUR_S);
    CU_ASSERT_TRUE(home_soc(&home) <= 1.0 && home_soc(&home) > 0.999);
    home.battery_target_w = 9000;
    home_advance(&home, 18 * HOUR_S);
    CU_ASSERT_DOUBLE_EQUAL(home_soc(&home), home.settings.battery_floor, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(home.battery_w, 0, 1e-6);
}

static void surplus_charges_first_and_is_exported_after(void)
{
    open_home("");
    home_advance(&home, 4 * HOUR_S); /* 10:00 */
    CU_ASSERT_TRUE(home.battery_w < -1000);
    home_advance(&home, 9 * HOUR_S);
    CU_ASSERT_TRUE(home.battery_w > -10);
    CU_ASSERT_TRUE(home.grid_w < -500);
}

static void the_home_goes_on_without_the_grid(void)
{
    open_home("17:30 grid off\n20:00 grid on\n");
    home_script_run(&script, &home, 11.4 * HOUR_S);
    CU_ASSERT_TRUE(home.grid_available);
    home_script_run(&script, &home, 11.6 * HOUR_S);
    CU_ASSERT_TRUE(home_islanded(&home));
    CU_ASSERT_EQUAL(home.grid_w, 0);
    CU_ASSERT_TRUE(home.battery_w > 100 && home.voltage_v > 95);
    home_script_run(&script, &home, 14.1 * HOUR_S);
    CU_ASSERT_TRUE(home.grid_available);
}

static void an_overloaded_island_goes_dark_and_comes_back(void)
{
    open_home("18:30 grid off\n");
    home_script_run(&script, &home, 12.6 * HOUR_S);
    home.extra_load_w = 5000;
    home_script_run(&script, &home, 12.6 * HOUR_S + 5);
    CU_ASSERT_TRUE(home.dark);
    CU_ASSERT_EQUAL(home.load_w, 0);
    CU_ASSERT_EQUAL(home.voltage_v, 0);
    home.extra_load_w = 0;
    home_script_run(&script, &home, 12.6 * HOUR_S + 120);
    CU_ASSERT_TRUE(home_islanded(&home));
}

static void an_island_curtails_the_sun_it_cannot_use(void)
{
    open_home("06:01 grid off\n");
    home_script_run(&script, &home, 2 * HOUR_S);
    home.battery_wh = home.settings.battery_capacity_wh;
    home_script_run(&script, &home, 6 * HOUR_S);
    CU_ASSERT_TRUE(home.frequency_hz > 50.5);
    CU_ASSERT_DOUBLE_EQUAL(home.pv_w, home.load_w, 1);
    CU_ASSERT_TRUE(imbalance() < 1e-6);
}

static void the_same_seed_gives_the_same_day(void)
{
    double first;

    open_home(home_script_day);
    home_script_run(&script, &home, 20 * HOUR_S);
    first = home.counters.load_wh;
    open_home(home_script_day);
    home_script_run(&script, &home, 20 * HOUR_S);
    CU_ASSERT_EQUAL(home.counters.load_wh, first);
}

static void bad_script_lines_are_named(void)
{
    static const char *const bad[] = {"25:00 grid on",
                                      "10:00 grid maybe",
                                      "10:00 fly on",
                                      "10:00 relay 9 on",
                                      "10:00 clouds 101",
                                      "11:00 grid on\n10:00 grid off",
                                      "10:00"};
    unsigned line;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_TRUE(home_script_parse(&script, bad[i], &line) < 0);
    CU_ASSERT_TRUE(home_script_parse(&script, "# a\n\n10:00 x y\n", &line) < 0);
    CU_ASSERT_EQUAL(line, 3);
}

/* ---- the plugin, with a host of a few lines ------------------------------------------
 */

struct gw_config {
    const char *model;
};

struct gw_sink {
    unsigned n;
    uint32_t points[8];
    struct gw_value values[8];
};

struct gw_plan {
    unsigned n;
    uint32_t n_points;
};

static int64_t now_ns;

static void host_log(void *ctx, int level, const char *text)
{
    (void)ctx, (void)level, (void)text;
}

static int64_t host_boot_ns(void *ctx)
{
    (void)ctx;
    return now_ns;
}

static const char *host_string(const struct gw_config *config, const char *key)
{
    if (strcmp(key, "script") == 0)
        return "day";
    return strcmp(key, "model") == 0 ? config->model : NULL;
}

static int64_t host_int(const struct gw_config *config, const char *key, int64_t absent)
{
    (void)config, (void)key;
    return absent;
}

static double host_float(const struct gw_config *config, const char *key, double absent)
{
    (void)config, (void)key, (void)absent;
    return 60;
}

static int host_plan_add(struct gw_plan *plan, const struct gw_request *request)
{
    plan->n++;
    plan->n_points += request->n_points;
    return 0;
}

static void host_emit(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
                      uint32_t quality, int32_t detail)
{
    (void)quality, (void)detail;
    sink->points[sink->n] = point;
    sink->values[sink->n++] = *value;
}

static void host_fail(struct gw_sink *sink, int32_t detail, const char *text)
{
    (void)sink, (void)detail, (void)text;
}

static const struct gw_services services = {
    .struct_size = sizeof services,
    .abi = GW_PLUGIN_ABI,
    .log = host_log,
    .get_boot_ns = host_boot_ns,
    .get_string = host_string,
    .get_int = host_int,
    .get_float = host_float,
    .plan_add = host_plan_add,
    .emit = host_emit,
    .fail = host_fail,
};

static void *bus;
static const struct gw_plugin *plugin;

static int bind_device(const char *model, const char *first, const char *second,
                       struct gw_plan *plan)
{
    static struct gw_config config;
    static struct gw_point points[2];
    struct gw_device info = {.struct_size = sizeof info, .name = "d", .config = &config};

    config.model = model;
    points[0] = (struct gw_point){sizeof points[0], first, &config, 1000, 0};
    points[1] = (struct gw_point){sizeof points[1], second, &config, 5000, 1};
    info.points = points;
    info.n_points = 2;
    info.point_stride = sizeof points[0];
    return plugin->describe(bus, 0, &info, plan);
}

static void open_bus(void)
{
    static const struct gw_config config;

    now_ns = 1000000;
    plugin = gw_plugin_init(GW_PLUGIN_ABI);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    CU_ASSERT_EQUAL_FATAL(plugin->open(&services, &config, &bus), GW_OK);
}

static void the_plugin_reads_what_the_home_does(void)
{
    struct gw_plan plan = {0};
    struct gw_sink sink = {0};

    open_bus();
    CU_ASSERT_EQUAL_FATAL(bind_device("battery", "soc_permille", "remote_control", &plan),
                          GW_OK);
    CU_ASSERT_EQUAL(plan.n, 2); /* two intervals */
    CU_ASSERT_EQUAL(plan.n_points, 2);
    CU_ASSERT_EQUAL(plugin->read(bus, 0, 0, &sink), GW_OK);
    CU_ASSERT_EQUAL_FATAL(sink.n, 1);
    CU_ASSERT_EQUAL(sink.values[0].type, GW_TYPE_INT);
    CU_ASSERT_EQUAL(sink.values[0].v.i, 450);
    now_ns += 240 * INT64_C(1000000000); /* four hours of the home: it is sunny */
    CU_ASSERT_EQUAL(plugin->read(bus, 0, 0, &sink), GW_OK);
    CU_ASSERT_TRUE(sink.values[1].v.i > 500);
    plugin->close(bus);
}

static void the_plugin_writes_and_reads_back(void)
{
    struct gw_value on = {.type = GW_TYPE_BOOL, .v.b = true}, back = {0};
    struct gw_plan plan = {0};
    struct gw_sink sink = {0};

    open_bus();
    CU_ASSERT_EQUAL_FATAL(bind_device("battery", "power_w", "remote_control", &plan),
                          GW_OK);
    CU_ASSERT_EQUAL(plugin->write(bus, 0, 1, &on, &back, &sink), GW_OK);
    CU_ASSERT_EQUAL(back.type, GW_TYPE_BOOL);
    CU_ASSERT_TRUE(back.v.b);
    CU_ASSERT_EQUAL(plugin->write(bus, 0, 0, &on, &back, &sink), GW_ERR_UNSUPPORTED);
    plugin->close(bus);
}

static void the_plugin_refuses_what_the_model_has_not(void)
{
    struct gw_plan plan = {0};

    open_bus();
    CU_ASSERT_EQUAL(bind_device("pv", "soc_permille", "power_limit_w", &plan),
                    GW_ERR_CONFIG);
    CU_ASSERT_EQUAL(bind_device("pv", "power_limit_w", "power_w", &plan), GW_ERR_CONFIG);
    CU_ASSERT_EQUAL(bind_device("boat", "power_w", "power_w", &plan), GW_ERR_CONFIG);
    plugin->close(bus);
}

static CU_TestInfo tests[] = {
    TEST(every_moment_of_the_day_is_in_balance),
    TEST(energy_counters_add_up_to_the_loads),
    TEST(the_battery_loses_what_its_efficiency_says),
    TEST(the_battery_keeps_its_limits),
    TEST(surplus_charges_first_and_is_exported_after),
    TEST(the_home_goes_on_without_the_grid),
    TEST(an_overloaded_island_goes_dark_and_comes_back),
    TEST(an_island_curtails_the_sun_it_cannot_use),
    TEST(the_same_seed_gives_the_same_day),
    TEST(bad_script_lines_are_named),
    TEST(the_plugin_reads_what_the_home_does),
    TEST(the_plugin_writes_and_reads_back),
    TEST(the_plugin_refuses_what_the_model_has_not),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"sim", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
