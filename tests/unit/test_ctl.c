/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayctl: the program as built, run against the real API with made-up
 * answers (fake_ports.h); what it prints, what it sends and its exit codes.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatewayctl/human.h"
#include "tests/unit/fake_ports.h"
#include "tests/unit/suite.h"

static char directory[] = "/tmp/gatewayd-ctl-XXXXXX";
static char socket_path[64], program[512];
static struct fake fake;
static struct api *api;

struct run {
    int code;
    char out[16384], err[4096];
};

static int open_api(void)
{
    const struct api_options options = {.socket = socket_path};
    struct api_ports ports = fake_ports(&fake);
    const char *build = getenv("GATEWAYD_BUILD");
    struct gw_error error;

    if (!mkdtemp(directory))
        return -1;
    snprintf(program, sizeof program, "%s/gatewayctl/gatewayctl", build ? build : ".");
    snprintf(socket_path, sizeof socket_path, "%s/s", directory);
    return api_open(&options, &ports, &api, &error);
}

static int close_api(void)
{
    api_close(api);
    return rmdir(directory);
}

static void reset(void)
{
    fake = (struct fake){.change = 9, .outcome = API_CONFIRMED};
}

static void read_file(int fd, char *ret, size_t size)
{
    ssize_t n = pread(fd, ret, size - 1, 0);

    ret[n > 0 ? n : 0] = '\0';
    close(fd);
}

/* An unnamed file that takes what the program writes: bounded only by the disk, so the
 * program never waits for us. */
static int scratch(void)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

/* Runs `gatewayctl ARGUMENTS` (at most 8 words, separated by '|'). */
static struct run *run(const char *arguments)
{
    static struct run result;
    char copy[256], *rest = copy, *argv[12] = {program};
    char *environment[] = {NULL, (char *)(uintptr_t) "TZ=UTC", NULL};
    char variable[96];
    posix_spawn_file_actions_t actions;
    int out = scratch(), err = scratch(), status, n = 1;
    pid_t pid;

    snprintf(variable, sizeof variable, "GATEWAYD_SOCKET=%s", socket_path);
    environment[0] = variable;
    snprintf(copy, sizeof copy, "%s", arguments);
    while (*arguments && rest && n < 11)
        argv[n++] = strsep(&rest, "|");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, program, &actions, NULL, argv, environment),
                          0);
    posix_spawn_file_actions_destroy(&actions);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_file(out, result.out, sizeof result.out);
    read_file(err, result.err, sizeof result.err);
    return &result;
}

/* Fails unless the text holds this. */
static void expect(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        printf("\n    missing: %s\n    in: %s\n", part, text);
        CU_FAIL("output lacks a part");
    }
}

static void status_tells_how_the_gateway_is(void)
{
    struct run *r;

    reset();
    r = run("status");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, "home-017 at misono-e3: running for 60 min, gatewayd ");
    expect(r->out, "points   3 on 2 devices: 1 good, 1 timeout, 1 device-error\n");
    expect(r->out,
           "store    on disk, 1.0 MiB of 512 MiB, 1234 readings stored, last seq 42\n");
    expect(r->out, "alarms   none\n");
}

static void an_alarm_is_bad_news(void)
{
    struct run *r;

    reset();
    fake.has_alarm = true;
    r = run("status");
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->out, "ALARM    config-invalid: the last good configuration runs\n");
}

static void points_show_age_unit_and_bad_quality(void)
{
    struct run *r;

    reset();
    r = run("points");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out,
                           "point          value  unit  quality          read\n"
                           "meter.power_w  230.1  W     good             1.2 s ago\n"
                           "meter.name       a\"b        device-error(2)  90 s ago\n"
                           "relay.heater       -        timeout          never\n");
}

static void stale_shows_only_what_is_not_good_and_is_bad_news(void)
{
    struct run *r;

    reset();
    r = run("points|--stale");
    CU_ASSERT_EQUAL(r->code, 1);
    CU_ASSERT_PTR_NULL(strstr(r->out, "power_w"));
    expect(r->out, "relay.heater");
    r = run("points|--device|relay");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_PTR_NULL(strstr(r->out, "meter"));
    CU_ASSERT_EQUAL(run("points|--device|none")->code, 1);
}

static void every_command_has_json(void)
{
    static const struct {
        const char *arguments;
        int code;
    } rows[] = {
        {"--json|status",             0},
        {"points|--json",             0},
        {"points|--json|--stale",     1},
        {"read|meter|--json",         1},
        {"read|--json|meter.power_w", 0},
        {"write|a.b|1|--json",        0},
        {"buses|--json",              0},
        {"plan|--json",               0},
        {"plan|meter|--json",         0},
        {"routes|--json",             0},
        {"events|--json",             0},
        {"reload|--json",             0},
        {"metrics|--json",            0},
        {"version|--json",            0},
        {"watch|--json|--count|1",    0},
        {"plan|none|--json",          1},
    };
    json_t *root;
    struct run *r;

    reset();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r = run(rows[i].arguments);
        if (r->code != rows[i].code)
            printf("\n    %s: %d %s\n", rows[i].arguments, r->code, r->err);
        CU_ASSERT_EQUAL(r->code, rows[i].code);
        root = json_loads(r->out, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL(root);
        json_decref(root);
    }
}

static void json_keeps_the_numbers_short(void)
{
    reset();
    expect(run("points|--json|--device|meter")->out, "\"value\":230.1,");
}

static void read_polls_the_device_first(void)
{
    struct run *r;

    reset();
    r = run("read|meter.power_w");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_EQUAL(fake.last.kind, API_POST_READ);
    CU_ASSERT_STRING_EQUAL(fake.last.device, "meter");
    expect(r->out, "230.1");
    CU_ASSERT_PTR_NULL(strstr(r->out, "meter.name"));
    fake.outcome = API_FAILED;
    fake.text = "no reply in 500 ms";
    r = run("read|meter.power_w");
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->err, "meter: failed: no reply in 500 ms");
}

static void write_sends_value_and_lease(void)
{
    struct run *r;

    reset();
    r = run("write|relay.limit_w|-2.5|--lease|1.5 min");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out, "relay.limit_w: confirmed, reads back 2000\n");
    CU_ASSERT_EQUAL(fake.last.value.type, GW_TYPE_FLOAT64);
    CU_ASSERT_EQUAL(fake.last.value.v.d, -2.5);
    CU_ASSERT_EQUAL(fake.last.lease_ms, 90000);
    run("write|relay.heater|on");
    CU_ASSERT_EQUAL(fake.last.value.type, GW_TYPE_BOOL);
    run("write|relay.mode|eco");
    CU_ASSERT_EQUAL(fake.last.value.type, GW_TYPE_STRING);
    CU_ASSERT_STRING_EQUAL(fake.last_text, "eco");
    run("write|relay.mode|0x10");
    CU_ASSERT_EQUAL(fake.last.value.v.i, 16);
}

static void a_refused_write_says_why(void)
{
    struct run *r;

    reset();
    fake.outcome = API_REFUSED;
    fake.text = "9999 is above the limit 5000";
    r = run("write|a.b|9999");
    CU_ASSERT_EQUAL(r->code, 1);
    CU_ASSERT_STRING_EQUAL(r->out, "a.b: refused: 9999 is above the limit 5000\n");
}

static void a_refused_reload_says_that_the_old_one_goes_on(void)
{
    struct run *r;

    reset();
    fake.text = "reloaded: 1 bus";
    r = run("reload");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out, "reloaded: 1 bus\n");
    fake.outcome = API_REFUSED;
    fake.text = "2 errors";
    r = run("reload");
    CU_ASSERT_EQUAL(r->code, 1);
    expect(r->err, "the old configuration goes on: 2 errors");
}

static void what_a_person_says_of_the_grid_is_handed_over(void)
{
    struct run *r;

    reset();
    fake.text = "a person says that the grid is lost";
    r = run("grid|confirm|absent");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out, "a person says that the grid is lost\n");
    CU_ASSERT_EQUAL(fake.last.kind, API_POST_CONFIRM);
    CU_ASSERT_FALSE(fake.last.value.v.b);
    CU_ASSERT_EQUAL(run("grid|confirm|present")->code, 0);
    CU_ASSERT_TRUE(fake.last.value.v.b);
    CU_ASSERT_EQUAL(run("grid|confirm")->code, 2);
    CU_ASSERT_EQUAL(run("grid|confirm|perhaps")->code, 2);
    CU_ASSERT_EQUAL(fake.n_posts, 2);
}

static void buses_and_plan_show_units_and_requests(void)
{
    struct run *r;

    reset();
    r = run("buses");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, "degraded  12.6 %");
    expect(r->out, "meter   line\"1  partly   1/2  ");
    expect(r->out, "relay   line\"1  silent   0/1  ");
    expect(r->out, "no reply in 500 ms");
    r = run("plan|meter");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, "meter on line\"1: 2 requests\n");
    expect(r->out, "42.0 ms       2  holding 100..139 (40 registers, 2 unused)\n");
    CU_ASSERT_PTR_NULL(strstr(r->out, "relay"));
}

static void routes_show_what_waits(void)
{
    struct run *r;

    reset();
    r = run("routes");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out, "offline");
    expect(r->out, "connection refused, retrying in 8 s");
}

static void events_are_lines_and_follow_ends_with_count(void)
{
    struct run *r;

    reset();
    r = run("events");
    CU_ASSERT_EQUAL(r->code, 0);
    expect(r->out,
           "2025-11-21 21:20:01  warning  relay device-offline: no reply in 500 ms\n");
    r = run("events|--from|1763760001000|--follow|--count|2");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_PTR_NULL(strstr(r->out, "started"));
    expect(r->out, "config-invalid");
    fake.is_store_broken = true;
    CU_ASSERT_EQUAL(run("events")->code, 1);
}

static void watch_prints_one_line_per_change(void)
{
    struct run *r;

    reset();
    r = run("watch|meter.*|--count|2");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out,
                           "2025-11-21 21:20:00  meter.power_w  230.1 W  good\n"
                           "2025-11-21 21:20:00  meter.name  a\"b  device-error\n");
}

static void watch_is_silent_while_nothing_changes(void)
{
    struct run *r;

    reset();
    fake.changes_after = 2;
    r = run("watch|relay|--count|2");
    CU_ASSERT_EQUAL(r->code, 0);
    CU_ASSERT_STRING_EQUAL(r->out, "-  relay.heater  -  timeout\n"
                                   "2025-11-21 21:20:05  relay.heater  off  good\n");
    CU_ASSERT_EQUAL(fake.n_point_visits, 3);
}

static void wrong_use_is_2_and_no_daemon_is_3(void)
{
    static const char *const wrong[] = {
        "",
        "statsu",
        "status|x",
        "status|--stale",
        "points|x",
        "read",
        "write|a.b",
        "write|a|1",
        "write|a.b|1|--lease|5",
        "write|a.b|1|--lease|x",
        "watch|--count|0",
        "events|--from|yesterday-ish",
        "--nonsense",
        "points|--device|a/b",
        "read|a b",
    };
    struct run *r;

    reset();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        r = run(wrong[i]);
        if (r->code != 2)
            printf("\n    %s: %d\n", wrong[i], r->code);
        CU_ASSERT_EQUAL(r->code, 2);
        CU_ASSERT_STRING_NOT_EQUAL(r->err, "");
    }
    CU_ASSERT_EQUAL(fake.n_posts, 0);
    r = run("status|--socket|/nonexistent/api.sock");
    CU_ASSERT_EQUAL(r->code, 3);
    expect(r->err, "is gatewayd running?");
    CU_ASSERT_EQUAL(run("help")->code, 0);
    CU_ASSERT_EQUAL(run("--version")->code, 0);
}

static void output_that_cannot_be_written_is_no_success(void)
{
    char command[700];

    reset();
    snprintf(command, sizeof command, "'%s' --socket '%s' points >/dev/full 2>&1",
             program, socket_path);
    CU_ASSERT_EQUAL(WEXITSTATUS(system(command)), 1);
}

static void durations_need_a_unit(void)
{
    int64_t ms = 0;

    CU_ASSERT_TRUE(human_parse_duration("60s", &ms) && ms == 60000);
    CU_ASSERT_TRUE(human_parse_duration("1.5 min", &ms) && ms == 90000);
    CU_ASSERT_TRUE(human_parse_duration("200 ms", &ms) && ms == 200);
    CU_ASSERT_FALSE(human_parse_duration("60", &ms));
    CU_ASSERT_FALSE(human_parse_duration("-1 s", &ms));
    CU_ASSERT_FALSE(human_parse_duration("nan s", &ms));
    CU_ASSERT_FALSE(human_parse_duration("", &ms));
}

static CU_TestInfo tests[] = {
    TEST(status_tells_how_the_gateway_is),
    TEST(an_alarm_is_bad_news),
    TEST(points_show_age_unit_and_bad_quality),
    TEST(stale_shows_only_what_is_not_good_and_is_bad_news),
    TEST(every_command_has_json),
    TEST(json_keeps_the_numbers_short),
    TEST(read_polls_the_device_first),
    TEST(write_sends_value_and_lease),
    TEST(a_refused_write_says_why),
    TEST(a_refused_reload_says_that_the_old_one_goes_on),
    TEST(what_a_person_says_of_the_grid_is_handed_over),
    TEST(buses_and_plan_show_units_and_requests),
    TEST(routes_show_what_waits),
    TEST(events_are_lines_and_follow_ends_with_count),
    TEST(watch_prints_one_line_per_change),
    TEST(watch_is_silent_while_nothing_changes),
    TEST(wrong_use_is_2_and_no_daemon_is_3),
    TEST(output_that_cannot_be_written_is_no_success),
    TEST(durations_need_a_unit),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"gatewayctl", open_api, close_api, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
