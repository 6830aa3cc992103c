/* SPDX-License-Identifier: Apache-2.0 */
/* See control_home.h. */
#include "tests/unit/control_home.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/config_plugins.h"

#define POLL_MS 250
#define WALL_MS INT64_C(1795000000000)

struct home home;

static const char yaml[] =
    "gateway: {id: home, site: test}\n"
    "buses:\n"
    "  - {name: line, plugin: modbus, transport: tcp, host: 192.0.2.1}\n"
    "devices:\n"
    "  - name: panel\n"
    "    bus: line\n"
    "    unit: 1\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: heater, table: coil, address: 0, write: {failsafe: off, lease: 20 "
    "s}}\n"
    "      - {name: washer, table: coil, address: 1, write: {failsafe: off, lease: 20 "
    "s}}\n"
    "      - {name: kettle, table: coil, address: 2, write: {failsafe: on, lease: 20 "
    "s}}\n"
    "      - {name: fridge, table: coil, address: 3, write: {failsafe: on, lease: 20 "
    "s}}\n"
    "      - {name: grid_present, table: discrete, address: 8}\n"
    "      - {name: tie, table: coil, address: 4, write: {failsafe: off, lease: 20 s}}\n"
    "      - {name: tie_closed, table: discrete, address: 9}\n"
    "      - {name: sync_ok, table: discrete, address: 10}\n"
    "      - {name: restart, table: coil, address: 14, write: {failsafe: off, lease: 20 "
    "s}}\n"
    "      - {name: generator, table: coil, address: 15, write: {failsafe: off, lease: "
    "20 s}}\n"
    "  - name: meter\n"
    "    bus: line\n"
    "    unit: 2\n"
    "    role: grid\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: voltage_v, table: holding, address: 0, type: uint16, unit: V}\n"
    "      - {name: power_w, table: holding, address: 1, type: int16, unit: W}\n"
    "  - name: battery\n"
    "    bus: line\n"
    "    unit: 3\n"
    "    role: battery\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: grid_status, table: holding, address: 0, type: uint16}\n"
    "      - {name: soc_permille, table: holding, address: 1, type: uint16}\n"
    "      - {name: power_w, table: holding, address: 2, type: int16, unit: W}\n"
    "      - {name: power_setpoint_w, table: holding, address: 3, type: int16, unit: W,"
    " write: {min: -2000, max: 2000, failsafe: 0, lease: 20 s}}\n"
    "      - {name: overload, table: holding, address: 4, type: uint16}\n"
    "  - name: shed\n"
    "    bus: line\n"
    "    unit: 4\n"
    "    role: battery\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: soc_permille, table: holding, address: 0, type: uint16}\n"
    "      - {name: power_w, table: holding, address: 1, type: int16, unit: W}\n"
    "  - name: car\n"
    "    bus: line\n"
    "    unit: 5\n"
    "    role: ev\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: soc_permille, table: holding, address: 0, type: uint16}\n"
    "      - {name: power_w, table: holding, address: 1, type: int16, unit: W}\n"
    "      - {name: power_setpoint_w, table: holding, address: 2, type: int16, unit: W,"
    " write: {min: -6000, max: 6000, failsafe: 0, lease: 20 s}}\n"
    "      - {name: plugged, table: discrete, address: 3}\n";

static const char yaml_circuits[] =
    "circuits:\n"
    "  - {name: heater, switch: panel.heater, class: P4, typical: 1200 W, min_on: 0 s,"
    " min_off: 0 s, drops_out: no}\n"
    "  - {name: washer, switch: panel.washer, class: P3, typical: 500 W, min_on: 0 s,"
    " min_off: 0 s}\n"
    "  - {name: kettle, switch: panel.kettle, class: P2, typical: 300 W, min_on: 0 s,"
    " min_off: 0 s}\n"
    "  - {name: fridge, switch: panel.fridge, class: P1, typical: 100 W, min_on: 0 s,"
    " min_off: 0 s}\n"
    "  - {name: oxygen, class: P0}\n";

static const char yaml_outage[] =
    "outage:\n"
    "  grid_code: test\n";

static const char own_island[] =
    "  island: own\n"
    "  evidence:\n"
    "    - {point: panel.grid_present, kind: contact, supply: own}\n"
    "    - {point: meter.voltage_v, kind: voltage, supply: grid, nominal: 202}\n"
    "    - {point: battery.grid_status, kind: pcs, supply: own}\n";

static const char roof[] =
    "  - name: roof\n"
    "    bus: line\n"
    "    unit: 6\n"
    "    role: pv\n"
    "    interval: 250 ms\n"
    "    points:\n"
    "      - {name: power_w, table: holding, address: 0, type: int16, unit: W}\n"
    "      - {name: power_limit_w, table: holding, address: 1, type: int16, unit: W,"
    " write: {min: 0, max: 4000, failsafe: 4000, lease: 20 s}}\n"
    "      - {name: power_rated_w, table: holding, address: 2, type: uint16, unit: W}\n";

static const char one_battery[] =
    "[{battery: battery, capacity: 10 kWh, max_discharge: 3 kW, cut_off: 10 %}]";

const char *home_sources, *home_island, *home_circuits;
bool home_has_roof, home_is_plain;

static void load(const char *more)
{
    char path[] = "/tmp/test-control-XXXXXX";
    int fd = mkstemp(path);
    struct config_sources sources = {.file = path, .config_dir = "/nonexistent",
                                     .plugin_options = config_plugins_options};
    static const char *const no_maps[] = {NULL};
    struct config_report report;
    struct strbuf text;

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    dprintf(fd, "%s%s", yaml, home_has_roof ? roof : "");
    if (!home_is_plain)
        dprintf(fd, "%s%s%s%s  sources: %s\n%s", yaml_circuits,
                home_circuits ? home_circuits : "", yaml_outage,
                home_island ? home_island : own_island,
                home_sources ? home_sources : one_battery, more ? more : "");
    close(fd);
    sources.map_dirs = no_maps;
    sources.config_dir = NULL;
    config_report_init(&report);
    if (config_load(&sources, &home.config, &report) < 0) {
        strbuf_init(&text);
        config_report_print(&report, &text);
        fprintf(stderr, "%s\n", text.data);
        CU_FAIL_FATAL("the test's configuration has errors");
    }
    config_report_done(&report);
    unlink(path);
    home.catalog = config_make_catalog(home.config, 1);
}

/* ---- ports ------------------------------------------------------------------------- */

static int index_of(uint32_t device, uint32_t point)
{
    return (int)(home.catalog->devices[device].first_point + point);
}

static bool port_read(void *ctx, const struct control_ref *ref,
                      struct control_reading *ret)
{
    int i = index_of(ref->device, ref->point);

    (void)ctx;
    if (i >= HOME_POINTS)
        return false;
    *ret = (struct control_reading){.is_good = home.points[i].is_good,
                                    .has_value = home.points[i].t_ms > 0,
                                    .value = home.points[i].value,
                                    .t_boot_ns = home.points[i].t_ms * CLOCK_NS_PER_MS};
    return true;
}

static double failsafe_of(const char *name)
{
    uint32_t device = 0, point = 0;

    CU_ASSERT_TRUE_FATAL(catalog_find(home.catalog, name, &device, &point));
    return home.catalog->devices[device].points[point].failsafe;
}

static void take(const char *name, double value)
{
    uint32_t device = 0, point = 0;

    CU_ASSERT_TRUE_FATAL(catalog_find(home.catalog, name, &device, &point));
    if (!home.points[index_of(device, point)].is_frozen)
        home.points[index_of(device, point)].value = value;
}

static void port_write(void *ctx, const struct control_write *write, control_done_fn done,
                       void *done_ctx)
{
    struct control_answer answer = {.outcome = CONTROL_CONFIRMED, .text = ""};
    struct home_write *one = &home.writes[home.n_writes++ % 512];

    (void)ctx;
    *one = (struct home_write){.value = write->is_release ? failsafe_of(write->name)
                                                          : write->value,
                               .is_release = write->is_release,
                               .at_once = write->at_once,
                               .t_ms = home.t_ms};
    snprintf(one->name, sizeof one->name, "%s", write->name);
    if (home.refuses) {
        answer = (struct control_answer){.outcome = CONTROL_FAILED, .text = "no reply"};
    } else {
        take(write->name, one->value);
        answer.has_readback = true;
        answer.readback = one->value;
    }
    if (home.slow && strcmp(home.slow, write->name) == 0) {
        home.slow = NULL;
        home.unanswered = done;
        home.unanswered_ctx = done_ctx;
        return;
    }
    done(done_ctx, &answer);
}

void home_answer(void)
{
    const struct control_answer answer = {.outcome = CONTROL_ACCEPTED, .text = ""};

    CU_ASSERT_PTR_NOT_NULL_FATAL(home.unanswered);
    home.unanswered(home.unanswered_ctx, &answer);
}

static void port_event(void *ctx, const char *code, const char *severity,
                       const char *text)
{
    unsigned i = home.n_events++ % 256;

    (void)ctx;
    snprintf(home.events[i].code, sizeof home.events[i].code, "%s", code);
    snprintf(home.events[i].severity, sizeof home.events[i].severity, "%s", severity);
    snprintf(home.events[i].text, sizeof home.events[i].text, "%s", text);
}

static void port_clear(void *ctx, const char *code, const char *text)
{
    port_event(ctx, code, "clear", text);
}

static void port_keep(void *ctx, const char *key, const char *value)
{
    unsigned i = 0;

    (void)ctx;
    while (i < home.n_facts && strcmp(home.facts[i].key, key) != 0)
        i++;
    CU_ASSERT_TRUE_FATAL(i < 32);
    if (i == home.n_facts)
        home.n_facts++;
    snprintf(home.facts[i].key, sizeof home.facts[i].key, "%s", key);
    snprintf(home.facts[i].value, sizeof home.facts[i].value, "%s", value ? value : "");
    home.facts[i].is_there = value != NULL;
}

static void port_publish(void *ctx, const char *payload)
{
    (void)ctx;
    home.n_publishes++;
    snprintf(home.published, sizeof home.published, "%s", payload);
}

static void port_wake(void *ctx)
{
    (void)ctx; /* the next poll comes anyway */
}

static void port_off_grid(void *ctx, int64_t slot_wall_ms, int32_t off_s)
{
    unsigned i = home.n_slots++ % 64;

    (void)ctx;
    home.slots[i].slot_ms = slot_wall_ms;
    home.slots[i].off_s = off_s;
}

static void port_ask_past(void *ctx, struct past *past)
{
    (void)ctx;
    free(home.past);
    home.past = past;
}

static void port_flush(void *ctx)
{
    (void)ctx;
    home.n_flushes++;
}

static void port_halt(void *ctx, bool is_asked)
{
    (void)ctx;
    home.is_halt_asked = is_asked;
}

static void port_save(void *ctx, const bool *needed)
{
    (void)ctx;
    home.n_saves++;
    home.is_saving = needed != NULL;
    for (uint32_t i = 0; i < home.catalog->n_devices && i < HOME_DEVICES_MAX; i++)
        home.needed[i] = needed && needed[i];
}

static bool port_is_on_disk(void *ctx)
{
    (void)ctx;
    return home.is_on_disk;
}

/* ---- life -------------------------------------------------------------------------- */

static void set_clock(void)
{
    clock_fake(home.t_ms * CLOCK_NS_PER_MS, WALL_MS + home.t_ms + home.wall_step_ms,
               home.is_clock_unset ? CLOCK_UNSET : CLOCK_SYNCED);
}

static void open_control(void)
{
    const struct control_ports ports = {.read = port_read, .write = port_write,
                                        .event = port_event, .clear = port_clear,
                                        .keep = port_keep, .publish = port_publish,
                                        .ask_past = port_ask_past,
                                        .off_grid = port_off_grid,
                                        .wake = port_wake, .flush = port_flush,
                                        .halt = port_halt, .is_on_disk = port_is_on_disk,
                                        .save = port_save};

    home.control = control_new(&ports);
    CU_ASSERT_PTR_NOT_NULL_FATAL(home.control);
    control_configure(home.control, home.config, home.catalog);
    for (unsigned i = 0; i < home.n_facts; i++)
        if (home.facts[i].is_there)
            control_restore(home.control, home.facts[i].key, home.facts[i].value);
    control_start(home.control);
}

void home_begin(const char *more)
{
    memset(&home, 0, sizeof home);
    home.t_ms = 1000000;
    home.is_on_disk = true;
    set_clock();
    load(more);
    home_set(HOME_SOC, 820); /* 80 % of the usable energy */
    home_set(HOME_GRID_W, 600);
    home_set(HOME_BATTERY_W, 0);
    home_set(HOME_SETPOINT, 0);
    home_set(HOME_OVERLOAD, 0);
    home_set(HOME_TIE, 1);
    home_set(HOME_AUX, 1);
    home_set(HOME_SYNC, 0);
    home_set(HOME_SOC_2, 820);
    home_set(HOME_BATTERY_2_W, 0);
    home_set(HOME_CAR_SOC, 700);
    home_set(HOME_CAR_W, 0);
    home_set(HOME_CAR_SETPOINT, 0);
    home_set(HOME_PLUGGED, 1);
    home_set(HOME_PV_W, 0);
    home_set(HOME_PV_LIMIT, 4000);
    home_set(HOME_RESTART, 0);
    home_set(HOME_GENERATOR, 0);
    for (int i = HOME_HEATER; i <= HOME_FRIDGE; i++)
        home_set((enum home_point)i, i >= HOME_KETTLE);
    home_grid(true);
    open_control();
    home_pass(1000);
}

static void forget_config(void)
{
    catalog_unref(home.catalog);
    config_free(home.config);
}

void home_end(void)
{
    control_free(home.control);
    free(home.past);
    forget_config();
    clock_fake(0, -1, CLOCK_UNSET);
}

void home_reload(const char *more)
{
    struct config *config = home.config;
    struct catalog *catalog = home.catalog;

    load(more);
    control_configure(home.control, home.config, home.catalog);
    catalog_unref(catalog);
    config_free(config);
    home_poll();
}

void home_restart(const char *more)
{
    control_free(home.control);
    forget_config();
    set_clock();
    load(more);
    open_control();
    home_poll();
}

/* ---- the world --------------------------------------------------------------------- */

void home_set(enum home_point point, double value)
{
    home.points[point].value = value;
    home.points[point].is_good = true;
    home.points[point].t_ms = home.t_ms;
}

void home_silence(enum home_point point)
{
    home.points[point].is_good = false;
}

void home_poll(void)
{
    for (int i = 0; i < HOME_POINTS; i++)
        if (home.points[i].is_good)
            home.points[i].t_ms = home.t_ms;
    control_step(home.control);
}

void home_pass(int64_t ms)
{
    for (int64_t end_ms = home.t_ms + ms; home.t_ms < end_ms;) {
        home.t_ms += POLL_MS;
        set_clock();
        home_poll();
    }
}

void home_grid(bool is_there)
{
    home_set(HOME_CONTACT, is_there);
    home_set(HOME_VOLTAGE, is_there ? 202 : 0);
    home_set(HOME_PCS, is_there ? 1 : 2);
}

/* ---- what came of it --------------------------------------------------------------- */

const char *home_state(void)
{
    static char state[32];
    struct strbuf buf;
    const char *at;

    strbuf_init(&buf);
    control_put_grid(home.control, &buf);
    at = strstr(buf.data, "\"state\":\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    sscanf(at + 9, "%31[A-Z_]", state);
    strbuf_done(&buf);
    return state;
}

const struct home_write *home_last_write(const char *name)
{
    for (unsigned i = home.n_writes; i-- > 0;)
        if (strcmp(home.writes[i % 512].name, name) == 0)
            return &home.writes[i % 512];
    return NULL;
}

unsigned home_count_writes(const char *name)
{
    unsigned n = 0;

    for (unsigned i = 0; i < home.n_writes && i < 512; i++)
        n += strcmp(home.writes[i].name, name) == 0;
    return n;
}

unsigned home_count_events(const char *code, const char *text)
{
    unsigned n = 0;

    for (unsigned i = 0; i < home.n_events && i < 256; i++)
        n += strcmp(home.events[i].code, code) == 0 &&
             (!text || strstr(home.events[i].text, text));
    return n;
}

bool home_is_on(const char *circuit)
{
    char name[80];
    uint32_t device, point;

    snprintf(name, sizeof name, "panel.%s", circuit);
    CU_ASSERT_TRUE_FATAL(catalog_find(home.catalog, name, &device, &point));
    return home.points[index_of(device, point)].value > 0.5;
}

const char *home_why(const char *circuit)
{
    static char said[800];
    struct strbuf buf;

    strbuf_init(&buf);
    CU_ASSERT_TRUE(control_put_why(home.control, circuit, &buf));
    snprintf(said, sizeof said, "%s", buf.data);
    strbuf_done(&buf);
    return said;
}
