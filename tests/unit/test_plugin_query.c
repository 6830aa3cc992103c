/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/host/plugin_query and ask_process: a child that answers, lies, hangs,
 * floods or dies ends in an answer or a sentence, in time, and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/host/ask_process.h"
#include "lib/host/plugin_query.h"
#include "tests/unit/suite.h"

static char directory[] = "/tmp/gatewayd-query-XXXXXX";
static char devhost[64], count_file[64];

/* Makes `devhost` a shell script that says one more time in count_file that it ran. */
static void set_devhost(const char *body)
{
    FILE *file;

    snprintf(devhost, sizeof devhost, "%s/devhost", directory);
    snprintf(count_file, sizeof count_file, "%s/count", directory);
    unlink(devhost);
    unlink(count_file);
    file = fopen(devhost, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "#!/bin/sh\necho >> '%s'\n%s\n", count_file, body);
    fclose(file);
    CU_ASSERT_EQUAL(chmod(devhost, 0700), 0);
    plugin_query_forget();
}

static long n_runs(void)
{
    struct stat st;

    return stat(count_file, &st) == 0 ? (long)st.st_size : 0;
}

static int make_directory(void)
{
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void)
{
    plugin_query_forget();
    unlink(devhost);
    unlink(count_file);
    return rmdir(directory);
}

static void options_are_asked_once_and_kept(void)
{
    const struct gw_option *table;
    const char *reason = NULL;

    set_devhost("printf 'gateway-plugin-options 1\\t%s\\t1\\ttext\\n' \"$2\"\n"
                "printf '0\\t2\\t1\\t1\\t247\\tunit\\t\\\\0\\t\\\\0\\thelp\\nend\\n'");
    table = plugin_query_options(devhost, "/p", "modbus", &reason);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT_STRING_EQUAL(table[0].key, "unit");
    CU_ASSERT_EQUAL(table[0].max, 247);
    CU_ASSERT_PTR_NULL(table[1].key);
    CU_ASSERT_PTR_EQUAL(plugin_query_options(devhost, "/p", "modbus", &reason), table);
    CU_ASSERT_EQUAL(n_runs(), 1);
    CU_ASSERT_PTR_NOT_NULL(plugin_query_options(devhost, "/p", "other", &reason));
    CU_ASSERT_EQUAL(n_runs(), 2);
}

static void a_failure_gives_the_first_line_and_is_asked_again(void)
{
    const char *reason = "";

    set_devhost("echo 'no such plugin' >&2; echo more >&2; exit 1");
    CU_ASSERT_PTR_NULL(plugin_query_options(devhost, "/p", "x", &reason));
    CU_ASSERT_STRING_EQUAL(reason, "no such plugin");
    CU_ASSERT_PTR_NULL(plugin_query_options(devhost, "/p", "x", &reason));
    CU_ASSERT_EQUAL(n_runs(), 2);
}

static void garbage_a_crash_and_a_missing_program_are_told(void)
{
    const char *reason = "";

    set_devhost("echo garbage");
    CU_ASSERT_PTR_NULL(plugin_query_options(devhost, "/p", "x", &reason));
    CU_ASSERT_PTR_NOT_NULL(strstr(reason, "--options x: "));
    set_devhost("kill -SEGV $$");
    CU_ASSERT_PTR_NULL(plugin_query_options(devhost, "/p", "x", &reason));
    CU_ASSERT_PTR_NOT_NULL(strstr(reason, "crashed"));
    CU_ASSERT_PTR_NULL(plugin_query_options("/nonexistent/devhost", "/p", "x", &reason));
    CU_ASSERT_PTR_NOT_NULL(strstr(reason, "No such file"));
}

/* Runs a shell command; at most 1 MiB may come out. */
static int ask(const char *command, const struct strbuf *input, int timeout_ms,
               struct strbuf *out, struct strbuf *err)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    const struct ask_process question = {.argv = argv,
                                         .input = input ? input->data : NULL,
                                         .input_len = input ? input->len : 0,
                                         .output_max = 1 << 20,
                                         .timeout_ms = timeout_ms};

    strbuf_init(out);
    strbuf_init(err);
    return ask_process_run(&question, out, err);
}

static void done(struct strbuf *out, struct strbuf *err)
{
    strbuf_done(out);
    strbuf_done(err);
    /* No child may be left, dead or alive. */
    CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
    CU_ASSERT_EQUAL(errno, ECHILD);
}

static void much_goes_in_and_comes_out(void)
{
    struct strbuf input, out, err;

    strbuf_init(&input);
    for (int i = 0; i < 50000; i++)
        strbuf_puts(&input, "0123456789");
    CU_ASSERT_EQUAL(ask("cat; echo told >&2; exit 7", &input, 20000, &out, &err), 7);
    CU_ASSERT_EQUAL(out.len, 500000);
    CU_ASSERT_STRING_EQUAL(err.data, "told\n");
    done(&out, &err);
    CU_ASSERT_EQUAL(ask("exec <&-; exit 0", &input, 20000, &out, &err), 0);
    done(&out, &err);
    strbuf_done(&input);
}

static void a_child_that_hangs_is_killed_at_the_deadline(void)
{
    struct strbuf out, err;

    CU_ASSERT_EQUAL(ask("exec sleep 60", NULL, 50, &out, &err), -ETIMEDOUT);
    done(&out, &err);
    CU_ASSERT_EQUAL(ask("exec >&- 2>&-; exec sleep 60", NULL, 50, &out, &err),
                    -ETIMEDOUT);
    done(&out, &err);
}

static void a_child_that_floods_is_killed(void)
{
    struct strbuf out, err;

    CU_ASSERT_EQUAL(ask("exec yes", NULL, 20000, &out, &err), -EMSGSIZE);
    done(&out, &err);
}

static void hanging_plugins_share_one_deadline(void)
{
    int64_t start_ns = clock_boot_ns(), end_ns = start_ns + 300 * CLOCK_NS_PER_MS;
    const char *reason = "", *const plugins[] = {"a", "b", "c"};

    set_devhost("exec sleep 60");
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NULL(
            plugin_query_options_until(devhost, "/p", plugins[i], end_ns, &reason));
        CU_ASSERT_PTR_NOT_NULL(strstr(reason, "--options"));
    }
    CU_ASSERT_TRUE(clock_boot_ns() - start_ns <
                   PLUGIN_QUERY_OPTIONS_MS * CLOCK_NS_PER_MS);
}

static CU_TestInfo tests[] = {
    TEST(options_are_asked_once_and_kept),
    TEST(a_failure_gives_the_first_line_and_is_asked_again),
    TEST(garbage_a_crash_and_a_missing_program_are_told),
    TEST(much_goes_in_and_comes_out),
    TEST(a_child_that_hangs_is_killed_at_the_deadline),
    TEST(a_child_that_floods_is_killed),
    TEST(hanging_plugins_share_one_deadline),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"plugin_query", make_directory, remove_directory, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
