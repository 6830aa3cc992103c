/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of `gatewayctl check`: the program as built, with gateway-devhost, the modbus
 * plugin and the shipped maps; what it says of good, broken and overloaded
 * configurations.
 */
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/suite.h"

static char directory[] = "/tmp/gatewayd-check-XXXXXX";
static char program[512], libexec[512], plugins[512], maps[512], file[64];

struct run {
    int code;
    char out[16384], err[16384];
};

static int open_places(void)
{
    const char *build = getenv("GATEWAYD_BUILD"), *src = getenv("GATEWAYD_SRC");

    build = build ? build : ".";
    if (!mkdtemp(directory))
        return -1;
    snprintf(program, sizeof program, "%s/gatewayctl/gatewayctl", build);
    snprintf(libexec, sizeof libexec, "%s/devhost", build);
    snprintf(plugins, sizeof plugins, "%s/plugins/modbus/.libs", build);
    snprintf(maps, sizeof maps, "%s/conf/maps", src ? src : ".");
    snprintf(file, sizeof file, "%s/gatewayd.yaml", directory);
    return 0;
}

static int close_places(void)
{
    unlink(file);
    return rmdir(directory);
}

static void write_config(const char *text)
{
    FILE *stream = fopen(file, "we");

    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    fprintf(stream,
            "gateway: {id: home-017, site: misono-e3, timezone: Asia/Tokyo}\n"
            "store: {directory: %s/store, max_size: 64 MiB}\n%s",
            directory, text);
    fclose(stream);
}

static void take(int fd, char *ret, size_t size)
{
    ssize_t n = pread(fd, ret, size - 1, 0);

    ret[n > 0 ? n : 0] = '\0';
    close(fd);
}

static struct run *check(const char *option)
{
    static struct run result;
    char *argv[] = {program,
                    (char *)(uintptr_t) "check",
                    (char *)(uintptr_t) "--libexec",
                    libexec,
                    (char *)(uintptr_t) "--plugins",
                    plugins,
                    (char *)(uintptr_t) "--maps",
                    maps,
                    file,
                    (char *)(uintptr_t)option,
                    NULL};
    posix_spawn_file_actions_t actions;
    int out = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int err = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), status;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    take(out, result.out, sizeof result.out);
    take(err, result.err, sizeof result.err);
    return &result;
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        printf("\n    missing: %s\n    in: %s\n", part, text);
        CU_FAIL("output lacks a part");
    }
}

static const char good[] =
    "buses:\n"
    "  - {name: meters, plugin: modbus, transport: rtu, device: /dev/serial/by-id/x, "
    "baud: 9600}\n"
    "  - {name: lan, plugin: modbus, transport: tcp, host: 192.0.2.10}\n"
    "devices:\n"
    "  - {name: grid-meter, bus: meters, unit: 1, map: eastron-sdm120, role: grid, "
    "interval: 1 s}\n"
    "  - name: custom\n"
    "    bus: lan\n"
    "    unit: 7\n"
    "    interval: 1 s\n"
    "    points:\n"
    "      - {name: power_w, table: holding, address: 100, type: int32, unit: W}\n";

static void a_good_file_shows_plan_and_load_of_each_bus(void)
{
    struct run *r;

    write_config(good);
    r = check(NULL);
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, "bus meters: ");
    expect(r->out, " s of each 1 s cycle at 9600 baud (");
    expect(r->out, "bus lan: 1 request, ");
    expect(r->out, "holding 100..101 (2 registers");
    expect(r->out, "2 files, 2 devices, ");
    expect(r->out, " points: ok\n");
    CU_ASSERT_STRING_EQUAL(r->err, "");
}

static void the_json_holds_plan_load_and_no_message(void)
{
    json_t *root, *checked, *bus;
    struct run *r;

    write_config(good);
    r = check("--json");
    CU_ASSERT_EQUAL(r->code, 0);
    root = json_loads(r->out, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_TRUE(json_is_true(json_object_get(root, "ok")));
    checked = json_array_get(json_object_get(root, "checks"), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(checked, "messages")), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(checked, "buses")), 2);
    bus = json_array_get(json_object_get(checked, "buses"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(bus, "baud")), 9600);
    CU_ASSERT_TRUE(json_number_value(json_object_get(bus, "load_permille")) > 10);
    json_decref(root);
}

static void errors_have_a_place_a_code_and_exit_1(void)
{
    struct run *r;

    write_config("buses:\n  - {name: lan, plugin: modbus, transport: tcp, hots: h}\n");
    r = check(NULL);
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->err, "gatewayd.yaml:4:");
    expect(r->err, "did you mean 'host'?");
    expect(r->err, " error");
    CU_ASSERT_PTR_NULL(strstr(r->out, "ok"));
}

/* Meters that take about 0.14 s of the line each. */
static void write_busy(unsigned n_meters, const char *interval)
{
    char text[8192];
    int len = snprintf(text, sizeof text,
                       "buses:\n  - {name: meters, plugin: modbus, transport: rtu, "
                       "device: /dev/serial/by-id/x, baud: 9600}\ndevices:\n");

    for (unsigned i = 1; i <= n_meters; i++)
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "  - {name: m%u, bus: meters, unit: %u, map: eastron-sdm120, "
                        "role: load, interval: %s}\n",
                        i, i, interval);
    write_config(text);
}

static void an_overloaded_line_is_an_error(void)
{
    struct run *r;

    write_busy(20, "1 s");
    r = check(NULL);
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->err, "gatewayd.yaml:4:");
    expect(r->err, "error: bus 'meters' would need ");
    expect(r->err, "[bus-overload]");
    CU_ASSERT_PTR_NULL(strstr(r->out, ": ok"));
}

static void a_busy_line_is_a_warning(void)
{
    struct run *r;

    write_busy(13, "2 s");
    r = check(NULL);
    expect(r->err, "warning: bus 'meters' is busy for ");
    expect(r->err, "[bus-load]");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, ": ok, 1 warning\n");
}

static void what_only_the_plugin_knows_is_told_at_the_device(void)
{
    struct run *r;

    write_config(
        "buses:\n  - {name: lan, plugin: modbus, transport: tcp, host: 192.0.2.10}\n"
        "devices:\n  - name: a\n    bus: lan\n    unit: 1\n    points:\n"
        "      - {name: x, table: coil, address: 65535, type: int32}\n");
    r = check(NULL);
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->err, "device 'a': ");
    expect(r->err, "[plugin]");
}

static void a_missing_file_is_bad_news(void)
{
    unlink(file);
    CU_ASSERT_EQUAL(check(NULL)->code, 1);
    CU_ASSERT_EQUAL(check("--json")->code, 1);
}

static CU_TestInfo tests[] = {
    TEST(a_good_file_shows_plan_and_load_of_each_bus),
    TEST(the_json_holds_plan_load_and_no_message),
    TEST(errors_have_a_place_a_code_and_exit_1),
    TEST(an_overloaded_line_is_an_error),
    TEST(a_busy_line_is_a_warning),
    TEST(what_only_the_plugin_knows_is_told_at_the_device),
    TEST(a_missing_file_is_bad_news),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"check", open_places, close_places, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
