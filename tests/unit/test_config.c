/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of lib/config: files under tests/config load or fail with exactly the messages
 * that stand beside them; merging, comparing. Their words: test_units.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/config/config.h"
#include "lib/config/outage_data.h"
#include "tests/unit/config_plugins.h"
#include "tests/unit/suite.h"

static const char *const map_dirs[] = {"../maps/local", "../maps", NULL};

static void enter_source(const char *folder)
{
    const char *src = getenv("GATEWAYD_SRC");
    char path[1000];

    snprintf(path, sizeof path, "%s/%s", src ? src : ".", folder);
    CU_ASSERT_EQUAL_FATAL(chdir(path), 0);
}

/* Into tests/config/<folder>, so that messages name files without a path. */
static void enter(const char *folder)
{
    char path[100];

    snprintf(path, sizeof path, "tests/config/%s", folder);
    enter_source(path);
}

static int load(const char *file, struct config **ret, struct strbuf *messages)
{
    struct config_sources sources = {
        .file = file, .map_dirs = map_dirs, .plugin_options = config_plugins_options};
    struct config_report report;
    int rc;

    config_report_init(&report);
    *ret = NULL;
    rc = config_load(&sources, ret, &report);
    if (messages)
        config_report_print(&report, messages);
    config_report_done(&report);
    return rc;
}

static struct config *must_load(const char *file)
{
    struct strbuf messages;
    struct config *config;
    int rc;

    strbuf_init(&messages);
    rc = load(file, &config, &messages);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", file, messages.data ? messages.data : "");
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    strbuf_done(&messages);
    return config;
}

static char *read_text(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = calloc(1, 65536);
    ssize_t n = fd < 0 || !text ? -1 : read(fd, text, 65535);

    if (n < 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* GATEWAYD_UPDATE_EXPECTED=1 writes what was said: review it like code. */
static void compare(const char *file, const char *said)
{
    char path[300];
    _cleanup_free_ char *expected = NULL;

    snprintf(path, sizeof path, "%.*s.expected", (int)strlen(file) - 5, file);
    if (getenv("GATEWAYD_UPDATE_EXPECTED")) {
        FILE *out = fopen(path, "w");

        CU_ASSERT_PTR_NOT_NULL_FATAL(out);
        fputs(said, out);
        fclose(out);
    }
    expected = read_text(path);
    if (!expected || strcmp(expected, said) != 0)
        fprintf(stderr, "%s: said\n%s\nexpected\n%s\n", file, said,
                expected ? expected : "?");
    CU_ASSERT_TRUE(expected && strcmp(expected, said) == 0);
}

static int is_yaml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static void each_broken_file_gives_its_expected_messages(void)
{
    struct dirent **entries = NULL;
    struct strbuf said;
    struct config *config;
    int n;

    enter("bad");
    n = scandir(".", &entries, is_yaml, alphasort);
    CU_ASSERT_TRUE(n >= 30);
    strbuf_init(&said);
    for (int i = 0; i < n; i++) {
        strbuf_clear(&said);
        CU_ASSERT_EQUAL(load(entries[i]->d_name, &config, &said), -EINVAL);
        CU_ASSERT_PTR_NULL(config);
        compare(entries[i]->d_name, said.data ? said.data : "");
        free(entries[i]);
    }
    strbuf_done(&said);
    free(entries);
}

static void load_all(int at_least)
{
    struct dirent **entries = NULL;
    int n = scandir(".", &entries, is_yaml, alphasort);

    CU_ASSERT_TRUE(n >= at_least);
    for (int i = 0; i < n; i++) {
        config_free(must_load(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

static void each_good_file_loads(void)
{
    enter("good");
    load_all(3);
}

static void what_we_ship_loads(void)
{
    enter_source("conf/examples");
    load_all(4);
    enter_source("conf");
    load_all(1);
}

/* A configuration of one device for each shipped map. */
static void each_shipped_map_loads(void)
{
    struct dirent **entries = NULL;
    char path[] = "/tmp/gatewayd-test-config-XXXXXX";
    int fd = mkstemp(path), n;

    CU_ASSERT_FATAL(fd >= 0);
    enter_source("conf/examples");
    n = scandir("../maps", &entries, is_yaml, alphasort);
    CU_ASSERT_TRUE(n >= 5);
    dprintf(fd, "gateway: {id: g, site: s}\n"
                "buses: [{name: line, plugin: modbus, transport: tcp}]\ndevices:\n");
    for (int i = 0; i < n; i++) {
        dprintf(fd, "  - {name: d%d, bus: line, unit: 1, map: %s}\n", i,
                entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    close(fd);
    config_free(must_load(path));
    unlink(path);
}

static const struct config_point *point_of(const struct config *config, uint32_t device,
                                           const char *name)
{
    for (uint32_t i = 0; i < config->devices[device].n_points; i++)
        if (strcmp(config->devices[device].points[i].name, name) == 0)
            return &config->devices[device].points[i];
    CU_FAIL_FATAL("no such point");
    return NULL;
}

static const char *option_text(const struct option_set *set, const char *key)
{
    const struct option *option = option_set_find(set, key);

    return option ? option->text : "(absent)";
}

static void the_contract_example_gives_its_values(void)
{
    struct config *config;

    enter("good");
    config = must_load("contract.yaml");
    CU_ASSERT_STRING_EQUAL(config->gateway_id, "home-017");
    CU_ASSERT_EQUAL(config->store_max_bytes, 512u << 20);
    CU_ASSERT_EQUAL(config->commit_interval_ms, 5000);
    CU_ASSERT_EQUAL(config->n_buses, 4);
    CU_ASSERT_STRING_EQUAL(config->buses[1].process, "roof");
    CU_ASSERT_STRING_EQUAL(option_text(&config->buses[1].options, "timeout"), "1000");
    CU_ASSERT_EQUAL(config->n_devices, 5);
    CU_ASSERT_EQUAL(config->devices[0].role, ROLE_GRID);
    CU_ASSERT_EQUAL(config->devices[0].category, CATEGORY_GRID);
    CU_ASSERT_EQUAL(config->devices[1].category, CATEGORY_ENERGY);
    CU_ASSERT_EQUAL(config->devices[1].interval_ms, 5000);
    CU_ASSERT_EQUAL(config->devices[3].n_points, 0);
    CU_ASSERT_TRUE(config->outage->is_given);
    CU_ASSERT_EQUAL(config->n_routes, 1);
    CU_ASSERT_EQUAL(config->routes[0].rate_per_s, 2000);
    CU_ASSERT_TRUE(config->routes[0].confirm_receiver);
    CU_ASSERT_STRING_EQUAL(config->routes[0].host, "broker.misono.example");
    CU_ASSERT_EQUAL(config->grants[0].categories,
                    1u << CATEGORY_ENERGY | 1u << CATEGORY_GRID);
    /* 2027-12-31 23:59:59.999 in Tokyo */
    CU_ASSERT_EQUAL(config->grants[0].until_ms, 1830265199999);
    config_free(config);
}

static void circuits_and_outage_become_data(void)
{
    const struct config_outage *outage;
    struct config *config;

    enter("good");
    config = must_load("contract.yaml");
    outage = config->outage;
    CU_ASSERT_TRUE_FATAL(outage->is_given && outage->n_circuits == 1);
    CU_ASSERT_STRING_EQUAL(outage->circuits[0].sw, "panel.heater");
    CU_ASSERT_EQUAL(outage->circuits[0].class, 4);
    CU_ASSERT_EQUAL(outage->circuits[0].min_off_ms, 180000);
    CU_ASSERT_EQUAL(outage->circuits[0].leg, CONFIG_LEG_L1);
    CU_ASSERT_EQUAL(outage->island, CONFIG_ISLAND_OWN);
    CU_ASSERT_EQUAL(outage->n_evidence, 3);
    CU_ASSERT_STRING_EQUAL(outage->evidence[2].point, "battery.grid_status");
    CU_ASSERT_TRUE(outage->evidence[1].by_grid && !outage->evidence[2].by_grid);
    CU_ASSERT_EQUAL(outage->sources[0].capacity_wh, 9800);
    CU_ASSERT_TRUE(outage->sources[0].black_start);
    CU_ASSERT_EQUAL(outage->reserve, 40);
    CU_ASSERT_EQUAL(outage->floor_black, 8);
    config_free(config);
}

static void points_carry_scale_limits_and_plugin_options(void)
{
    const struct config_point *point;
    struct config *config;

    enter("good");
    config = must_load("contract.yaml");
    point = point_of(config, 2, "power_w");
    CU_ASSERT_EQUAL(point->scale, 0.1);
    CU_ASSERT_STRING_EQUAL(point->unit, "W");
    CU_ASSERT_STRING_EQUAL(option_text(&point->options, "order"), "CDAB");
    CU_ASSERT_EQUAL(option_set_find(&point->options, "address")->integer, 100);
    CU_ASSERT_FALSE(point->writable);
    CU_ASSERT_EQUAL(point->interval_ms, 1000);
    point = point_of(config, 2, "limit_w");
    CU_ASSERT_TRUE(point->writable && !point->is_bool && !point->is_float);
    CU_ASSERT_EQUAL(point->failsafe, 5000);
    CU_ASSERT_EQUAL(point->lease_ms, 60000);
    point = point_of(config, 4, "heater");
    CU_ASSERT_TRUE(point->writable && point->is_bool);
    CU_ASSERT_EQUAL(point->failsafe, 0);
    CU_ASSERT_EQUAL(point->write_max, 1);
    config_free(config);
}

static void a_plugin_without_types_tells_switches_by_their_failsafe(void)
{
    const struct config_point *point;
    struct config *config;

    enter("good");
    config = must_load("sim.yaml");
    point = point_of(config, 0, "heater");
    CU_ASSERT_TRUE(point->writable && point->is_bool);
    CU_ASSERT_EQUAL(point->failsafe, 1);
    point = point_of(config, 1, "limit_w");
    CU_ASSERT_TRUE(point->writable && !point->is_bool);
    config_free(config);
}

static void maps_fill_devices_and_devices_override(void)
{
    const struct config_device *device;
    struct config *config;

    enter("good");
    config = must_load("maps.yaml");
    device = &config->devices[0]; /* plain use of the map */
    CU_ASSERT_EQUAL(device->interval_ms, 2000);
    CU_ASSERT_STRING_EQUAL(option_text(&device->options, "never_read"), "16,20-29");
    CU_ASSERT_EQUAL(point_of(config, 0, "energy_wh")->interval_ms, 60000);
    CU_ASSERT_TRUE(point_of(config, 0, "power_w")->is_float);
    CU_ASSERT_TRUE(point_of(config, 0, "limit_w")->writable);
    device = &config->devices[1]; /* override, include, own points */
    CU_ASSERT_EQUAL(device->interval_ms, 500);
    CU_ASSERT_EQUAL(device->n_points, 2);
    CU_ASSERT_STRING_EQUAL(option_text(&device->options, "max_gap"), "3");
    CU_ASSERT_EQUAL(point_of(config, 1, "extra")->interval_ms, 500);
    CU_ASSERT_FALSE(point_of(config, 2, "limit_w")->writable); /* a draft */
    CU_ASSERT_STRING_EQUAL(config->devices[3].map, "shadowed");
    CU_ASSERT_EQUAL(config->devices[3].n_points, 1); /* the local one wins */
    config_free(config);
}

static void defaults_stand_where_nothing_is_said(void)
{
    struct config *config;

    enter("good");
    config = must_load("smallest.yaml");
    CU_ASSERT_STRING_EQUAL(config->timezone, "Asia/Tokyo");
    CU_ASSERT_STRING_EQUAL(config->store_directory, "/var/lib/gatewayd");
    CU_ASSERT_STRING_EQUAL(config->api_socket, "/run/gatewayd/api.sock");
    CU_ASSERT_STRING_EQUAL(config->api_listen, "127.0.0.1:8480");
    CU_ASSERT_FALSE(config->outage->is_given);
    CU_ASSERT_EQUAL(config->outage->n_circuits, 0);
    CU_ASSERT_EQUAL(config->n_devices + config->n_routes + config->n_grants, 0);
    CU_ASSERT_STRING_EQUAL(config->files[0], "smallest.yaml");
    CU_ASSERT_PTR_NULL(config->files[1]);
    config_free(config);
}

static void routes_take_their_defaults_from_the_recipient(void)
{
    struct config *config;

    enter("good");
    config = must_load("routes.yaml");
    CU_ASSERT_FALSE(config->routes[0].confirm_receiver);
    CU_ASSERT_EQUAL(config->routes[0].port, 1883);
    CU_ASSERT_STRING_EQUAL(config->routes[1].host, "::1");
    CU_ASSERT_EQUAL(config->routes[1].port, 18883);
    CU_ASSERT_TRUE(config->routes[1].tls && config->routes[1].strict_order);
    CU_ASSERT_EQUAL(config->routes[2].port, 8883);
    CU_ASSERT_TRUE(config->routes[2].confirm_receiver);
    CU_ASSERT_EQUAL(config->routes[2].rate_per_s, 0);
    CU_ASSERT_TRUE(config_route_equal(&config->routes[1], &config->routes[1]));
    CU_ASSERT_FALSE(config_route_equal(&config->routes[1], &config->routes[2]));
    config_free(config);
}

static void conf_d_merges_by_name_and_by_key(void)
{
    struct config *config;

    enter("merge");
    config = must_load("gatewayd.yaml");
    CU_ASSERT_STRING_EQUAL(config->gateway_id, "merged");
    CU_ASSERT_STRING_EQUAL(config->site, "base-site");
    CU_ASSERT_EQUAL(config->n_buses, 2);
    CU_ASSERT_STRING_EQUAL(option_text(&config->buses[0].options, "host"), "192.0.2.99");
    CU_ASSERT_STRING_EQUAL(option_text(&config->buses[0].options, "port"), "(absent)");
    CU_ASSERT_STRING_EQUAL(config->buses[0].mark.file, "conf.d/20-site.yaml");
    CU_ASSERT_STRING_EQUAL(config->buses[1].name, "second");
    CU_ASSERT_EQUAL(config->n_devices, 2);
    CU_ASSERT_EQUAL(config->n_grants, 2);
    CU_ASSERT_STRING_EQUAL(config->files[1], "conf.d/10-more.yaml");
    CU_ASSERT_STRING_EQUAL(config->files[2], "conf.d/20-site.yaml");
    config_free(config);
}

static void a_reload_sees_what_changed(void)
{
    struct config *a, *b;

    enter("good");
    a = must_load("contract.yaml");
    b = must_load("contract.yaml");
    for (uint32_t i = 0; i < a->n_buses; i++)
        CU_ASSERT_TRUE(config_bus_equal(a, i, b, i));
    b->devices[2].points[0].scale = 0.2;
    CU_ASSERT_TRUE(config_bus_equal(a, 0, b, 0));
    CU_ASSERT_FALSE(config_bus_equal(a, 1, b, 1));
    b->devices[2].points[0].scale = 0.1;
    b->devices[2].bus = 0;
    CU_ASSERT_FALSE(config_bus_equal(a, 1, b, 1));
    CU_ASSERT_FALSE(config_bus_equal(a, 0, b, 0));
    config_free(a);
    config_free(b);
}

static void the_catalogue_has_every_device_in_order(void)
{
    struct config *config;
    struct catalog *catalog;
    uint32_t device = 0, point = 0;

    enter("good");
    config = must_load("contract.yaml");
    catalog = config_make_catalog(config, 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(catalog);
    CU_ASSERT_EQUAL(catalog->generation, 7);
    CU_ASSERT_EQUAL(catalog->n_devices, config->n_devices);
    CU_ASSERT_TRUE(catalog_find(catalog, "panel.heater", &device, &point));
    CU_ASSERT_EQUAL(device, 4);
    CU_ASSERT_TRUE(catalog->devices[4].points[point].is_bool);
    CU_ASSERT_STRING_EQUAL(catalog->devices[4].bus, "relays");
    config_free(config);
    catalog_unref(catalog);
}

static void a_grants_hash_tells_content_not_form(void)
{
    struct config *a, *b;

    enter("good");
    a = must_load("contract.yaml");
    b = must_load("grant-form.yaml");
    CU_ASSERT_STRING_EQUAL(a->grants[0].hash, b->grants[0].hash);
    CU_ASSERT_STRING_NOT_EQUAL(b->grants[0].hash, b->grants[1].hash);
    CU_ASSERT_STRING_EQUAL(a->grants[0].hash, "04817db68f7e8d2e");
    config_free(a);
    config_free(b);
}

/* ---- hostile files -------------------------------------------------------------- */

/* Loads generated bytes from a temporary file; the messages go to `said`. */
static int load_bytes(const char *bytes, size_t len, struct strbuf *said)
{
    char path[] = "/tmp/gatewayd-test-config-XXXXXX";
    int fd = mkstemp(path), rc;
    int64_t begun_ns = clock_process_cpu_ns();
    struct config *config;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    rc = load(path, &config, said);
    config_free(config);
    unlink(path);
    CU_ASSERT_TRUE(clock_process_cpu_ns() - begun_ns < 1000000000);
    return rc;
}

static void expect_code(const char *bytes, size_t len, const char *code)
{
    struct strbuf said;
    bool found;

    strbuf_init(&said);
    CU_ASSERT_EQUAL(load_bytes(bytes, len, &said), -EINVAL);
    found = said.data && strstr(said.data, code);
    if (!found)
        fprintf(stderr, "expected %s, said %.300s\n", code, said.data ? said.data : "");
    CU_ASSERT_TRUE(found);
    strbuf_done(&said);
}

static void expect_repeated(const char *piece, size_t times, const char *code)
{
    struct strbuf text;

    strbuf_init(&text);
    for (size_t i = 0; i < times; i++)
        strbuf_puts(&text, piece);
    expect_code(text.data, text.len, code);
    strbuf_done(&text);
}

static void hostile_files_end_in_a_message_at_once(void)
{
    static const char nul[] = "gateway: {id: a\0b, site: c}\n";
    unsigned char noise[4096];
    uint32_t random = 12345;

    expect_repeated("[", 200000, "config-too-deep");
    expect_repeated("{a: ", 200000, "config-too-deep");
    expect_repeated("- ", 200000, "config-too-deep");
    expect_repeated("? ", 200000, "config-");
    expect_repeated("# a comment\n", 100000, "config-too-large");
    expect_repeated("- 1\n", 200000, "config-too-large");
    expect_repeated("a", 1000000, "config-");
    expect_repeated("\"", 999999, "config-syntax");
    expect_repeated("gateway: {id: x}\n", 50000, "config-duplicate-key");
    expect_repeated("&a [*a, *a, *a]\n---\n", 10000, "config-");
    expect_code(nul, sizeof nul - 1, "config-binary");
    expect_code("\xff\xfeg\0a\0", 6, "config-binary");
    for (size_t i = 0; i < sizeof noise; i++) {
        random = random * 1103515245 + 12345;
        noise[i] = (unsigned char)(random >> 16);
    }
    expect_code((const char *)noise, sizeof noise, "config-binary");
}

static void a_mapping_with_very_many_keys_is_refused(void)
{
    struct strbuf text;

    strbuf_init(&text);
    for (int i = 0; i < 90000; i++)
        strbuf_printf(&text, "k%d: 1\n", i);
    expect_code(text.data, text.len, "config-too-large");
    strbuf_done(&text);
}

static void more_than_a_hundred_errors_are_cut(void)
{
    struct strbuf text, said;
    const char *p;
    int n = 0;

    strbuf_init(&text);
    strbuf_init(&said);
    strbuf_puts(&text, "gateway: {id: a, site: b}\n");
    for (int i = 0; i < 300; i++)
        strbuf_printf(&text, "unknown%d: 1\n", i);
    CU_ASSERT_EQUAL(load_bytes(text.data, text.len, &said), -EINVAL);
    for (p = said.data; p && (p = strstr(p, "config-unknown-key")) != NULL; p++)
        n++;
    CU_ASSERT_EQUAL(n, 100);
    CU_ASSERT_PTR_NOT_NULL(said.data ? strstr(said.data, "config-too-many-errors")
                                     : NULL);
    strbuf_done(&text);
    strbuf_done(&said);
}

static void a_missing_file_and_a_directory_are_reported(void)
{
    struct strbuf said;
    struct config *config;

    enter("good");
    strbuf_init(&said);
    CU_ASSERT_EQUAL(load("absent.yaml", &config, &said), -EINVAL);
    CU_ASSERT_EQUAL(load("../good", &config, &said), -EINVAL);
    CU_ASSERT_STRING_EQUAL(
        said.data, "absent.yaml: error: cannot be read: No such file or directory, "
                   "expected a readable file [config-unreadable]\n"
                   "../good: error: cannot be read: Is a directory, expected a "
                   "readable file [config-unreadable]\n");
    strbuf_done(&said);
}

static CU_TestInfo tests[] = {
    TEST(each_broken_file_gives_its_expected_messages),
    TEST(each_good_file_loads),
    TEST(what_we_ship_loads),
    TEST(each_shipped_map_loads),
    TEST(the_contract_example_gives_its_values),
    TEST(circuits_and_outage_become_data),
    TEST(points_carry_scale_limits_and_plugin_options),
    TEST(a_plugin_without_types_tells_switches_by_their_failsafe),
    TEST(maps_fill_devices_and_devices_override),
    TEST(defaults_stand_where_nothing_is_said),
    TEST(routes_take_their_defaults_from_the_recipient),
    TEST(conf_d_merges_by_name_and_by_key),
    TEST(a_reload_sees_what_changed),
    TEST(the_catalogue_has_every_device_in_order),
    TEST(a_grants_hash_tells_content_not_form),
    TEST(hostile_files_end_in_a_message_at_once),
    TEST(a_mapping_with_very_many_keys_is_refused),
    TEST(more_than_a_hundred_errors_are_cut),
    TEST(a_missing_file_and_a_directory_are_reported),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"config", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
