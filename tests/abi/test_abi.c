/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that plugins built apart from this tree run under today's host: one against the
 * frozen header, one being the example of docs/plugin-api.md. Both are compiled here by
 * the compiler alone, with nothing but the include path that gatewayd-plugin.pc gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/host_peer.h"
#include "tests/unit/suite.h"

static struct host_config config;
static struct host_peer peer;
static char directory[3000], output[16384];

static const char *environment(const char *name, const char *otherwise)
{
    const char *text = getenv(name);

    return text && *text ? text : otherwise;
}

/* Runs a command line of the shell; its exit status, its stdout in `output`. */
static int run(const char *command)
{
    FILE *pipe_file = popen(command, "re");
    size_t len;

    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe_file);
    len = fread(output, 1, sizeof output - 1, pipe_file);
    output[len] = '\0';
    return pclose(pipe_file);
}

/* Compiles source (within the source tree) to DIR/name.so. */
static void build(const char *source, const char *name, const char *flags)
{
    const char *src = environment("GATEWAYD_SRC", ".");
    char command[12000];

    mkdir(directory, 0777);
    snprintf(command, sizeof command,
             "%s -shared -fPIC -O1 -Wall -Wextra -Werror %s -o '%s/%s.so' '%s/%s'",
             environment("ABI_CC", "cc"), flags, directory, name, src, source);
    CU_ASSERT_EQUAL_FATAL(run(command), 0);
}

static void setup(const char *plugin)
{
    snprintf(directory, sizeof directory, "%s/tests/abi/plugins",
             environment("GATEWAYD_BUILD", "."));
    peer_config_init(&config);
    free(config.plugin);
    free(config.plugin_dir);
    config.plugin = strdup(plugin);
    config.plugin_dir = strdup(directory);
}

static void setup_abi1(void)
{
    struct host_device *device;

    setup("abi1");
    build("tests/abi/abi1.c", "abi1", "");
    device = peer_add_device(peer_add_bus(&config, "old"), 0, 3, 100);
    peer_make_output(device, 1);
    option_set_done(&device->points[1].options);
}

static void finish(void)
{
    struct host_order order = {.type = HOST_MSG_STOP};

    peer_send(&peer, &order, -1);
    CU_ASSERT_EQUAL(peer_wait_end(&peer, 10000), 0);
    peer_done(&peer);
    host_config_done(&config);
}

static bool has_event(struct host_peer *p, int unused)
{
    (void)unused;
    for (uint32_t i = 0; i < p->n_seen; i++)
        if (p->seen[i].point == 2 && p->seen[i].quality == GW_GOOD)
            return true;
    return false;
}

static void a_plugin_of_the_frozen_header_reads_writes_and_tells_events(void)
{
    struct host_order order = {.type = HOST_MSG_WRITE,
                               .id = 1,
                               .device = 0,
                               .point = 1,
                               .value = {.type = GW_TYPE_FLOAT64, .v.d = 33}};

    setup_abi1();
    peer_start(&peer, &config);
    CU_ASSERT_TRUE_FATAL(peer_until(&peer, peer_is_ready, 0, 10000));
    CU_ASSERT_EQUAL_FATAL(peer.ready_ok[0], 1);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 10, 10000));
    CU_ASSERT_EQUAL(peer.seen[0].number, 1);
    CU_ASSERT_EQUAL(peer.plan_requests, 2); /* described again after its third read */
    peer_send(&peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_done, 1, 5000));
    CU_ASSERT_EQUAL(peer.done_result, GW_OK);
    CU_ASSERT_EQUAL(peer.done_readback, 33);
    CU_ASSERT_TRUE(peer_until(&peer, has_event, 0, 5000));
    finish();
}

/* Writes the configuration to a file and asks gateway-devhost about it. */
static int ask(const char *question)
{
    const char *build_dir = environment("GATEWAYD_BUILD", ".");
    char command[12000], path[4000];
    struct strbuf buf;
    FILE *file;
    int status;

    snprintf(path, sizeof path, "%s/config", directory);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    strbuf_init(&buf);
    host_config_encode(&config, &buf);
    CU_ASSERT_EQUAL(fwrite(buf.data, 1, buf.len, file), buf.len);
    strbuf_done(&buf);
    fclose(file);
    snprintf(command, sizeof command, "'%s/devhost/gateway-devhost' %s - < '%s'",
             build_dir, question, path);
    status = run(command);
    unlink(path);
    return status;
}

static void a_check_prints_the_plan_and_touches_nothing(void)
{
    setup_abi1();
    CU_ASSERT_EQUAL(ask("--check"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output,
                                  "\"kind\":\"plan\",\"bus\":\"old\",\"bus_index\":10,"
                                  "\"device\":\"dev0\",\"device_index\":0,\"id\":7,"
                                  "\"interval_ms\":100,\"cost_us\":50"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "\"kind\":\"warning\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "abi1 was checked"));
    host_config_done(&config);
}

static void a_check_of_a_device_that_is_refused_fails(void)
{
    setup_abi1();
    peer_option(&config.buses[0].devices[0].options, "factor", "9");
    CU_ASSERT_NOT_EQUAL(ask("--check"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "\"kind\":\"error\",\"bus\":\"old\","
                                          "\"device\":\"dev0\""));
    host_config_done(&config);
}

static void a_scan_prints_what_was_found(void)
{
    setup_abi1();
    CU_ASSERT_EQUAL(ask("--scan"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output,
                                  "\"kind\":\"found\",\"bus\":\"old\",\"text\":\"one\","
                                  "\"yaml\":\"{name: one}\""));
    host_config_done(&config);
}

static void the_documented_example_runs(void)
{
    const char *src = environment("GATEWAYD_SRC", ".");
    char flags[4000], path[4000];
    struct host_device *device;
    FILE *file;

    setup("example");
    snprintf(flags, sizeof flags, "-I'%s/include'", src);
    build("docs/example-plugin.c", "example", flags);
    snprintf(path, sizeof path, "%s/number", directory);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("21.5\n", file);
    fclose(file);
    device = peer_add_device(peer_add_bus(&config, "files"), 0, 1, 100);
    peer_option(&device->points[0].options, "path", path);
    peer_start(&peer, &config);
    CU_ASSERT_TRUE(peer_until(&peer, peer_has_seen, 2, 10000));
    CU_ASSERT_EQUAL(peer.seen[0].number, 21.5);
    CU_ASSERT_EQUAL(peer.seen[0].quality, GW_GOOD);
    finish();
    unlink(path);
}

/* The document shows the example as it is compiled here. */
static void the_document_holds_the_example_as_it_is(void)
{
    const char *src = environment("GATEWAYD_SRC", ".");
    char command[9000];

    snprintf(command, sizeof command,
             "sed -n '/^```c$/,/^```$/p' '%s/docs/plugin-api.md' | sed '1d;$d' | "
             "diff - '%s/docs/example-plugin.c'",
             src, src);
    CU_ASSERT_EQUAL(run(command), 0);
}

static CU_TestInfo tests[] = {
    TEST(a_plugin_of_the_frozen_header_reads_writes_and_tells_events),
    TEST(a_check_prints_the_plan_and_touches_nothing),
    TEST(a_check_of_a_device_that_is_refused_fails),
    TEST(a_scan_prints_what_was_found),
    TEST(the_documented_example_runs),
    TEST(the_document_holds_the_example_as_it_is),
    CU_TEST_INFO_NULL,
};

static void remove_built(const char *name)
{
    char path[4000];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

int main(void)
{
    CU_SuiteInfo suites[] = {{"abi", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    int rc = suite_run(suites);

    remove_built("abi1.so");
    remove_built("example.so");
    rmdir(directory);
    return rc;
}
