/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of Paho's traps (the others stand in test_route.c and
 * tests/flow/test_two_routes.py): a thousand dropped connections, over lib/mqtt without
 * its owner's back-off, and a wall clock that steps under a running gateway-route. Exit
 * 77 without mosquitto.
 */
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/mqtt/interpose.h"
#include "lib/mqtt/mqtt.h"
#include "tests/unit/route_rig.h"
#include "tests/unit/suite.h"

#define DEADLINE_NS (20 * CLOCK_NS_PER_S)
/* 25 at a time, a process each: lib/mqtt has one connection a process */
#define CLIENTS 25
#define DROPS 40
#define WARM_UP 10
#define PER_CONNECTION 8
#define RSS_SLACK_KIB 1024
/* left alone, Paho takes a second for each connect */
#define STORM_NS (20 * CLOCK_NS_PER_S)

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

/* ---- a thousand drops -------------------------------------------------------------- */

static long status_value(const char *key)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[200];
    long value = -1;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

struct storm {
    struct mqtt *mqtt;
    uint64_t next_token;
    unsigned n_published, n_answered, n_connected;
    bool is_down;
};

static void fill(struct storm *storm)
{
    struct mqtt_publication publication = {
        .topic = "gw/s/g/readings", .payload = "x", .len = 1};

    for (int i = 0; i < PER_CONNECTION; i++) {
        publication.token = storm->next_token++;
        /* refused when the connection is gone already: no event follows then */
        if (mqtt_publish(storm->mqtt, &publication) == 0)
            storm->n_published++;
    }
}

static void on_event(struct storm *storm, const struct mqtt_event *event)
{
    if (event->kind == MQTT_CONNECTED) {
        storm->n_connected++;
        fill(storm);
    } else if (event->kind == MQTT_DISCONNECTED) {
        storm->is_down = true;
    } else if (event->kind == MQTT_LOST || event->kind == MQTT_DONE) {
        storm->n_answered++;
    }
}

static bool connect_and_be_dropped(struct storm *storm, uint16_t port)
{
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;
    struct mqtt_event event;

    storm->is_down = false;
    if (mqtt_connect(storm->mqtt, "127.0.0.1", "127.0.0.1", port) < 0)
        return false;
    while (!storm->is_down && clock_boot_ns() < deadline_ns) {
        struct pollfd pfd = {mqtt_fd(storm->mqtt), POLLIN, 0};

        poll(&pfd, 1, 100);
        while (mqtt_next(storm->mqtt, &event))
            on_event(storm, &event);
    }
    return storm->is_down && storm->n_answered == storm->n_published;
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "drop %d: not %s\n", i, #condition); \
            return false; \
        } \
    } while (0)

/* In a process of its own, without CUnit's account. */
static bool suffer(struct storm *storm, const struct fake_broker *fake)
{
    int64_t begin_ns = clock_boot_ns();
    long n_threads = 0, rss_kib = 0;
    int n_fds = 0, i;

    for (i = 0; i < DROPS; i++) {
        CHECK(connect_and_be_dropped(storm, fake_broker_port(fake)));
        if (i != WARM_UP)
            continue;
        n_threads = status_value("Threads:");
        n_fds = suite_count_fds();
        rss_kib = status_value("VmRSS:");
    }
    CHECK(clock_boot_ns() - begin_ns < STORM_NS);
    CHECK(storm->n_connected == DROPS);
    CHECK(storm->n_published >= DROPS * PER_CONNECTION / 2);
    CHECK(status_value("Threads:") == n_threads);
    /* one connection may still be closing on either side */
    CHECK(suite_count_fds() <= n_fds + 2);
    CHECK(IS_SANITIZED || status_value("VmRSS:") < rss_kib + RSS_SLACK_KIB);
    return true;
}

static bool run_client(void)
{
    const struct mqtt_options options = {.client_id = "storm", .inbox_messages = 4,
                                         .inbox_bytes = 4096};
    struct fake_broker *fake = fake_broker_new(false);
    struct storm storm = {.mqtt = mqtt_new(&options)};
    bool good;

    fake_broker_drop_at_publish(fake, PER_CONNECTION / 2);
    good = storm.mqtt && suffer(&storm, fake);
    mqtt_free(storm.mqtt);
    fake_broker_free(fake);
    return good;
}

static void a_thousand_drops_answer_each_message_once_and_leave_nothing(void)
{
    pid_t pids[CLIENTS];
    int status;

    for (int i = 0; i < CLIENTS; i++) {
        pids[i] = fork(); /* there are no threads yet */
        if (pids[i] == 0)
            _exit(run_client() ? 0 : 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        CU_ASSERT_EQUAL_FATAL(waitpid(pids[i], &status, 0), pids[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
}

/* ---- the end of Paho's threads ------------------------------------------------------- */

static int64_t sleep_ns(unsigned usec)
{
    int64_t begin_ns = clock_boot_ns();

    usleep(usec);
    return clock_boot_ns() - begin_ns;
}

/* Paho gives its threads a hundred sleeps to end. Those that a new connection made short
 * ended before the threads did, and the program crashed: 36 of 2200 with TLS. */
static void paho_sleeps_as_long_as_it_asks_while_its_threads_end(void)
{
    const unsigned usec = 100000;

    interpose_begin(true, "localhost", "127.0.0.1");
    interpose_end();
    CU_ASSERT_TRUE(sleep_ns(usec) >= (int64_t)usec * 1000);
    interpose_begin(false, "localhost", "127.0.0.1");
    interpose_set_connected(true);
    interpose_end();
    for (int i = 0; i < 2; i++)
        CU_ASSERT_TRUE(sleep_ns(usec) >= (int64_t)usec * 1000);
}

/* ---- a clock that steps ------------------------------------------------------------ */

static uint16_t port;
static pid_t broker;

static const char *find_faketime(char *ret, size_t size)
{
    glob_t found;

    ret[0] = '\0';
    if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) == 0 &&
        found.gl_pathc > 0)
        snprintf(ret, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return ret[0] ? ret : NULL;
}

static struct rig_route *start_under_faketime(const char *library)
{
    char file[512];
    struct rig_route *route;

    snprintf(file, sizeof file, "%s/clock", rig_dir());
    setenv("LD_PRELOAD", library, 1);
    setenv("FAKETIME_TIMESTAMP_FILE", file, 1);
    setenv("FAKETIME_NO_CACHE", "1", 1);
    setenv("DONT_FAKE_MONOTONIC", "1", 1);
    route = rig_route_start(NULL);
    unsetenv("LD_PRELOAD");
    rig_route_config(route, "127.0.0.1", port, false);
    return route;
}

/* One at a time: each waits for a wake-up of Paho's send thread. One that comes between
 * its look and its wait is lost, and its timer of a second makes up for it: rare, and a
 * few of them are no stall. */
static bool send_some(struct rig_route *route, unsigned first, unsigned n,
                      unsigned *ret_n_slow)
{
    *ret_n_slow = 0;
    for (unsigned i = first; i < first + n; i++) {
        int64_t begin_ns = clock_boot_ns();

        if (rig_route_publish(route, i, "readings", false, "x") < 0 ||
            !rig_route_wait(route, rig_has_answers, i + 1) || route->n_lost[i] ||
            clock_boot_ns() - begin_ns > 3 * CLOCK_NS_PER_S)
            return false;
        *ret_n_slow += clock_boot_ns() - begin_ns > CLOCK_NS_PER_S * 9 / 10;
    }
    return true;
}

static void check_after_step(struct rig_route *route, unsigned first)
{
    int64_t begin_ns;
    unsigned n_down = route->n_down, n_slow;

    CU_ASSERT_TRUE_FATAL(send_some(route, first, 100, &n_slow));
    CU_ASSERT_TRUE(n_slow <= 2);
    rig_process_stop(broker, SIGKILL);
    CU_ASSERT_TRUE_FATAL(rig_route_wait(route, rig_is_down, n_down + 1));
    broker = rig_broker_start(port, NULL);
    begin_ns = clock_boot_ns();
    CU_ASSERT_TRUE_FATAL(rig_route_wait(route, rig_is_connected, 0));
    CU_ASSERT_TRUE(clock_boot_ns() - begin_ns < 5 * CLOCK_NS_PER_S);
}

static void steps_of_the_wall_clock_stall_nothing(void)
{
    static const char *const steps[] = {"-86400", "+34560000", "-1000000000"};
    char library[256];
    unsigned n_slow;
    struct rig_route *route;

    if (IS_SANITIZED || !find_faketime(library, sizeof library)) {
        printf("skipped: needs libfaketime and a build without sanitizers ... ");
        return;
    }
    port = rig_free_port();
    broker = rig_broker_start(port, NULL);
    rig_write_file("clock", "+0");
    route = start_under_faketime(library);
    CU_ASSERT_TRUE_FATAL(rig_route_wait(route, rig_is_connected, 0));
    CU_ASSERT_TRUE_FATAL(send_some(route, 0, 100, &n_slow));
    for (unsigned i = 0; i < 3; i++) {
        rig_write_file("clock", steps[i]);
        check_after_step(route, 100 + i * 100);
    }
    CU_ASSERT_EQUAL(rig_route_end(route), 0);
    rig_process_stop(broker, SIGTERM);
}

static CU_TestInfo tests[] = {
    TEST(a_thousand_drops_answer_each_message_once_and_leave_nothing),
    TEST(paho_sleeps_as_long_as_it_asks_while_its_threads_end),
    TEST(steps_of_the_wall_clock_stall_nothing),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"traps", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};
    int rc;

    if (!rig_have_mosquitto()) {
        puts("skipped: needs mosquitto");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    rig_init();
    rc = suite_run(suites);
    rig_done();
    return rc;
}
