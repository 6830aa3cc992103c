/* SPDX-License-Identifier: Apache-2.0 */
/* Supervision of children. The child is this program again, told by its argument what to
 * do. */
#include "lib/channel/child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/channel/spawn.h"
#include "tests/unit/suite.h"

#define N_MESSAGES 500
#define TYPE 7
#define LIMIT_NS (20 * CLOCK_NS_PER_S)

static struct rig {
    sd_event *event;
    struct child *child;
    unsigned n_messages, n_before_down, n_down, n_stopped, restart_ms;
} rig;

/* ---- the child ---- */

static int say_much_and_end(void)
{
    struct channel *channel = channel_new(CHANNEL_CHILD_FD);
    char body[100] = {0};

    for (unsigned i = 0; i < N_MESSAGES; i++)
        if (channel_send_wait(channel, TYPE, body, sizeof body, -1, 5000) < 0)
            return 1;
    channel_free(channel);
    return 0;
}

/* ---- the core's side ---- */

static void on_up(void *ctx)
{
    (void)ctx;
}

static int on_message(void *ctx, const struct channel_message *message)
{
    (void)ctx;
    rig.n_messages += message->type == TYPE;
    return 0;
}

static void on_down(void *ctx, int status, bool again, unsigned restart_ms)
{
    (void)ctx;
    (void)status;
    (void)again;
    if (rig.n_down++ == 0)
        rig.n_before_down = rig.n_messages;
    rig.restart_ms = restart_ms;
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    rig.n_stopped++;
}

static void start(const char *task)
{
    const char *const argv[] = {"/proc/self/exe", task, NULL};
    struct child_options options = {.subject = "child", .argv = argv, .extra_fd = -1};
    struct child_hooks hooks = {
        .up = on_up, .message = on_message, .down = on_down, .stopped = on_stopped};

    rig = (struct rig){.restart_ms = 0};
    CU_ASSERT_FATAL(sd_event_new(&rig.event) >= 0);
    rig.child = child_new(rig.event, &options, &hooks);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig.child);
    child_start(rig.child);
}

static void run_until_down(unsigned n_down)
{
    int64_t until_ns = clock_boot_ns() + LIMIT_NS;

    while (rig.n_down < n_down && clock_boot_ns() < until_ns)
        sd_event_run(rig.event, 100000);
    CU_ASSERT_EQUAL_FATAL(rig.n_down, n_down);
}

static void finish(void)
{
    child_free(rig.child);
    sd_event_unref(rig.event);
}

static void what_it_said_before_its_end_is_heard(void)
{
    siginfo_t info;

    start("say-much");
    /* both are there when the loop turns: the messages and the exit */
    waitid(P_PID, (id_t)child_pid(rig.child), &info, WEXITED | WNOWAIT);
    run_until_down(1);
    CU_ASSERT_EQUAL(rig.n_before_down, N_MESSAGES);
    finish();
}

static void one_that_waits_for_its_restart_is_not_started_twice(void)
{
    start("end");
    run_until_down(2);
    CU_ASSERT_TRUE(rig.restart_ms > 0);
    child_start(rig.child);
    CU_ASSERT_EQUAL(child_pid(rig.child), 0);
    run_until_down(3);
    finish();
}

static void a_stop_while_it_waits_for_its_restart_ends_it_at_once(void)
{
    start("end");
    run_until_down(2);
    child_stop(rig.child, TYPE, NULL, 0, 1000, 2000);
    CU_ASSERT_EQUAL(rig.n_stopped, 1);
    CU_ASSERT_FALSE(child_is_running(rig.child));
    finish();
}

static CU_TestInfo tests[] = {
    TEST(what_it_said_before_its_end_is_heard),
    TEST(one_that_waits_for_its_restart_is_not_started_twice),
    TEST(a_stop_while_it_waits_for_its_restart_ends_it_at_once),
    CU_TEST_INFO_NULL,
};

int main(int argc, char *argv[])
{
    CU_SuiteInfo suites[] = {{"child", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};
    sigset_t mask;

    if (argc > 1)
        return strcmp(argv[1], "say-much") == 0 ? say_much_and_end() : 0;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    return suite_run(suites);
}
