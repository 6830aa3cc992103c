/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what a host is told and what it tells before it runs: its configuration, its
 * orders, the table of options, and the agreement with a plugin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/host/config_view.h"
#include "lib/host/host_config.h"
#include "lib/host/host_order.h"
#include "lib/host/plugin_load.h"
#include "lib/host/plugin_options.h"
#include "tests/unit/host_peer.h"
#include "tests/unit/suite.h"

static void make_config(struct host_config *config)
{
    struct host_bus *bus;
    struct host_device *device;

    peer_config_init(config);
    bus = peer_add_bus(config, "meters");
    peer_option_int(&bus->options, "baud", 9600);
    device = peer_add_device(bus, 3, 2, 1000);
    peer_make_output(device, 1);
    peer_option(&device->options, "unit", "7");
    peer_add_bus(config, "empty");
}

static void a_configuration_reads_back_as_it_was_written(void)
{
    struct host_config config, got;
    struct strbuf first, second;

    make_config(&config);
    strbuf_init(&first);
    strbuf_init(&second);
    host_config_encode(&config, &first);
    CU_ASSERT_EQUAL_FATAL(host_config_decode(first.data, first.len, &got), 0);
    host_config_encode(&got, &second);
    CU_ASSERT_EQUAL_FATAL(first.len, second.len);
    CU_ASSERT_EQUAL(memcmp(first.data, second.data, first.len), 0);
    CU_ASSERT_EQUAL(got.buses[0].index, 10);
    CU_ASSERT_EQUAL(got.buses[0].devices[0].index, 3);
    CU_ASSERT_EQUAL(got.buses[0].devices[0].points[1].failsafe, 7);
    CU_ASSERT_TRUE(got.buses[0].devices[0].points[1].writable);
    CU_ASSERT_TRUE(option_set_equal(&got.buses[0].options, &config.buses[0].options));
    host_config_done(&got);
    host_config_done(&config);
    strbuf_done(&first);
    strbuf_done(&second);
}

/* The shortest of everything: the counts are checked against these sizes. */
static void the_smallest_points_read_back(void)
{
    struct host_config config, got;
    struct host_device *device;
    struct strbuf buf;

    peer_config_init(&config);
    device = peer_add_device(peer_add_bus(&config, ""), 0, 50, 1000);
    device->name[0] = '\0';
    for (uint32_t i = 0; i < 50; i++)
        device->points[i].name[0] = '\0';
    peer_option(&device->points[49].options, "", "");
    strbuf_init(&buf);
    host_config_encode(&config, &buf);
    CU_ASSERT_EQUAL_FATAL(host_config_decode(buf.data, buf.len, &got), 0);
    CU_ASSERT_EQUAL(got.buses[0].devices[0].n_points, 50);
    host_config_done(&got);
    host_config_done(&config);
    strbuf_done(&buf);
}

static void a_configuration_cut_anywhere_is_refused(void)
{
    struct host_config config, got;
    struct strbuf buf;
    void *exact;

    make_config(&config);
    strbuf_init(&buf);
    host_config_encode(&config, &buf);
    for (size_t len = 0; len < buf.len; len++) {
        exact = malloc(len ? len : 1); /* so that a sanitizer sees a read past the end */
        memcpy(exact, buf.data, len);
        CU_ASSERT_EQUAL(host_config_decode(exact, len, &got), -EBADMSG);
        CU_ASSERT_PTR_NULL(got.buses);
        free(exact);
    }
    strbuf_putc(&buf, 'x');
    CU_ASSERT_EQUAL(host_config_decode(buf.data, buf.len, &got), -EBADMSG);
    host_config_done(&config);
    strbuf_done(&buf);
}

static void a_configuration_with_flipped_bytes_does_no_harm(void)
{
    struct host_config config, got;
    struct strbuf buf;

    make_config(&config);
    strbuf_init(&buf);
    host_config_encode(&config, &buf);
    for (size_t i = 0; i < buf.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            buf.data[i] = (char)(buf.data[i] ^ (1 << bit));
            if (host_config_decode(buf.data, buf.len, &got) == 0)
                host_config_done(&got);
            buf.data[i] = (char)(buf.data[i] ^ (1 << bit));
        }
    host_config_done(&config);
    strbuf_done(&buf);
}

static void orders_read_back_and_wrong_lengths_are_refused(void)
{
    static const uint8_t no_pace[8] = {3};
    struct host_order none;
    static const struct host_order orders[] = {
        {.type = HOST_MSG_HEARTBEAT},
        {.type = HOST_MSG_WRITE,
         .id = 9,
         .device = 1,
         .point = 2,
         .value = {.type = GW_TYPE_FLOAT64, .v.d = 2.5},
         .lease_ms = 100,
         .valid_ms = 200},
        {.type = HOST_MSG_RELEASE, .id = 8, .device = 1, .point = 2},
        {.type = HOST_MSG_FD, .bus = 4, .key = "device", .err = ENOENT},
        {.type = HOST_MSG_STOP, .to_failsafe = true},
        {.type = HOST_MSG_READ, .id = 7, .device = 3},
        {.type = HOST_MSG_PACE, .device = 3, .factor = 5},
    };

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        uint16_t type = (uint16_t)orders[i].type;
        struct host_order got;
        struct strbuf buf;

        strbuf_init(&buf);
        host_order_encode(&orders[i], &buf);
        CU_ASSERT_EQUAL_FATAL(host_order_decode(type, buf.data, buf.len, &got), 0);
        CU_ASSERT_EQUAL(got.id, orders[i].id);
        CU_ASSERT_EQUAL(got.point, orders[i].point);
        CU_ASSERT_EQUAL(got.lease_ms, orders[i].lease_ms);
        CU_ASSERT_EQUAL(got.valid_ms, orders[i].valid_ms);
        CU_ASSERT_EQUAL(got.err, orders[i].err);
        CU_ASSERT_EQUAL(got.device, orders[i].device);
        CU_ASSERT_EQUAL(got.factor, orders[i].factor);
        CU_ASSERT_EQUAL(got.to_failsafe, orders[i].to_failsafe);
        strbuf_putc(&buf, 0);
        CU_ASSERT_EQUAL(host_order_decode(type, buf.data, buf.len, &got), -EBADMSG);
        strbuf_done(&buf);
    }
    CU_ASSERT_EQUAL(host_order_decode(HOST_MSG_PACE, no_pace, 8, &none), -EBADMSG);
}

/* ---- options ----------------------------------------------------------------------- */

static const struct gw_option options[] = {
    {.key = "timeout",
     .scope = GW_SCOPE_BUS,
     .type = GW_OPT_DURATION,
     .fallback = "1.5 s"},
    {.key = "base", .scope = GW_SCOPE_DEVICE, .type = GW_OPT_INT, .fallback = "0x10"},
    {.key = "order",
     .scope = GW_SCOPE_POINT,
     .type = GW_OPT_ENUM,
     .flags = GW_OPTION_REQUIRED,
     .min = -0.1,
     .max = 1e300,
     .fallback = "",
     .words = "AB BA",
     .help = "a\ttab, a \\ and\na line"},
    {.key = NULL},
};

static int never_open(const struct gw_services *services, const struct gw_config *config,
                      void **ret_bus)
{
    (void)services;
    (void)config;
    (void)ret_bus;
    return GW_ERR_INTERNAL;
}

static int never_describe(void *bus, uint32_t device, const struct gw_device *info,
                          struct gw_plan *plan)
{
    (void)bus;
    (void)device;
    (void)info;
    (void)plan;
    return GW_ERR_INTERNAL;
}

static int never_read(void *bus, uint32_t device, uint32_t id, struct gw_sink *sink)
{
    (void)bus;
    (void)device;
    (void)id;
    (void)sink;
    return GW_ERR_INTERNAL;
}

static void never_close(void *bus)
{
    (void)bus;
}

static const struct gw_plugin whole = {
    .struct_size = sizeof whole,
    .abi = GW_PLUGIN_ABI,
    .name = "whole",
    .version = "1",
    .description = NULL,
    .options = options,
    .open = never_open,
    .describe = never_describe,
    .read = never_read,
    .close = never_close,
};

static void the_table_of_options_survives_being_text(void)
{
    struct gw_option *got = NULL;
    struct strbuf buf;

    strbuf_init(&buf);
    plugin_options_print(&whole, &buf);
    CU_ASSERT_EQUAL_FATAL(plugin_options_parse(buf.data, buf.len, &got), 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_STRING_EQUAL(got[i].key, options[i].key);
        CU_ASSERT_EQUAL(got[i].scope, options[i].scope);
        CU_ASSERT_EQUAL(got[i].type, options[i].type);
        CU_ASSERT_EQUAL(got[i].flags, options[i].flags);
        CU_ASSERT_EQUAL(got[i].min, options[i].min);
        CU_ASSERT_EQUAL(got[i].max, options[i].max);
        CU_ASSERT_STRING_EQUAL(got[i].fallback, options[i].fallback);
    }
    CU_ASSERT_PTR_NULL(got[0].words);
    CU_ASSERT_STRING_EQUAL(got[2].help, options[2].help);
    CU_ASSERT_PTR_NULL(got[3].key);
    plugin_options_free(got);
    strbuf_done(&buf);
}

static void a_cut_table_of_options_is_refused(void)
{
    struct gw_option *got = NULL;
    struct strbuf buf;

    strbuf_init(&buf);
    plugin_options_print(&whole, &buf);
    for (size_t len = 0; len + 1 < buf.len; len++)
        CU_ASSERT_EQUAL(plugin_options_parse(buf.data, len, &got), -EBADMSG);
    CU_ASSERT_EQUAL(plugin_options_parse("x\nend\n", 6, &got), -EBADMSG);
    strbuf_done(&buf);
}

static void a_plugin_reads_its_defaults(void)
{
    struct option_set set;
    struct gw_config bus = {&set, options, GW_SCOPE_BUS};
    struct gw_config device = {&set, options, GW_SCOPE_DEVICE};

    option_set_init(&set);
    CU_ASSERT_EQUAL(config_view_int(&bus, "timeout", -1), 1500);
    CU_ASSERT_EQUAL(config_view_int(&device, "base", -1), 16);
    CU_ASSERT_EQUAL(config_view_int(&bus, "base", -1), -1);
    CU_ASSERT_PTR_NULL(config_view_string(&device, "order"));
    option_set_put(&set, "timeout", "200", 200, 200, false);
    CU_ASSERT_EQUAL(config_view_int(&bus, "timeout", -1), 200);
    CU_ASSERT_STRING_EQUAL(config_view_string(&bus, "timeout"), "200");
    option_set_done(&set);
}

/* ---- agreement --------------------------------------------------------------------- */

static void an_older_smaller_descriptor_is_taken(void)
{
    struct gw_plugin old = whole, got;
    struct gw_error error;

    old.struct_size = offsetof(struct gw_plugin, write);
    old.write = (int (*)(void *, uint32_t, uint32_t, const struct gw_value *,
                         struct gw_value *, struct gw_sink *))(uintptr_t)1;
    CU_ASSERT_EQUAL_FATAL(plugin_load_negotiate(&old, "whole", &got, &error), 0);
    CU_ASSERT_PTR_NULL(got.write);
    CU_ASSERT_PTR_NULL(got.scan);
    CU_ASSERT_PTR_EQUAL(got.read, never_read);
}

static void a_newer_larger_descriptor_is_taken_up_to_what_is_known(void)
{
    struct {
        struct gw_plugin plugin;
        void *more[4];
    } newer = {.plugin = whole};
    struct gw_plugin got;
    struct gw_error error;

    newer.plugin.struct_size = sizeof newer;
    CU_ASSERT_EQUAL_FATAL(plugin_load_negotiate(&newer.plugin, "whole", &got, &error), 0);
    CU_ASSERT_EQUAL(got.struct_size, sizeof got);
}

static void a_wrong_descriptor_is_refused_with_its_reason(void)
{
    struct gw_plugin plugin = whole, got;
    struct gw_error error;

    plugin.struct_size = 8;
    CU_ASSERT_EQUAL(plugin_load_negotiate(&plugin, "whole", &got, &error), -EINVAL);
    CU_ASSERT_STRING_EQUAL(error.code, "plugin-size");
    plugin = whole;
    plugin.abi = GW_PLUGIN_ABI + 1;
    CU_ASSERT_EQUAL(plugin_load_negotiate(&plugin, "whole", &got, &error), -EINVAL);
    CU_ASSERT_STRING_EQUAL(error.code, "plugin-abi");
    CU_ASSERT_EQUAL(plugin_load_negotiate(&whole, "other", &got, &error), -EINVAL);
    CU_ASSERT_STRING_EQUAL(error.code, "plugin-name");
    plugin = whole;
    plugin.read = NULL;
    CU_ASSERT_EQUAL(plugin_load_negotiate(&plugin, "whole", &got, &error), -EINVAL);
    CU_ASSERT_STRING_EQUAL(error.code, "plugin-callback");
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "read"));
}

static void a_missing_plugin_and_a_path_are_refused(void)
{
    struct gw_plugin *plugin = NULL;
    struct gw_error error;

    CU_ASSERT_EQUAL(plugin_load("/nowhere", "modbus", &plugin, &error), -ENOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/nowhere"));
    CU_ASSERT_EQUAL(plugin_load("/", "../evil", &plugin, &error), -EINVAL);
    CU_ASSERT_PTR_NULL(plugin);
}

static CU_TestInfo tests[] = {
    TEST(a_configuration_reads_back_as_it_was_written),
    TEST(the_smallest_points_read_back),
    TEST(a_configuration_cut_anywhere_is_refused),
    TEST(a_configuration_with_flipped_bytes_does_no_harm),
    TEST(orders_read_back_and_wrong_lengths_are_refused),
    TEST(the_table_of_options_survives_being_text),
    TEST(a_cut_table_of_options_is_refused),
    TEST(a_plugin_reads_its_defaults),
    TEST(an_older_smaller_descriptor_is_taken),
    TEST(a_newer_larger_descriptor_is_taken_up_to_what_is_known),
    TEST(a_wrong_descriptor_is_refused_with_its_reason),
    TEST(a_missing_plugin_and_a_path_are_refused),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"host_config", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
