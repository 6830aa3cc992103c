/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gatewayd/command: what a command may ask for, and how it is answered. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/command/command.h"
#include "tests/unit/suite.h"

#define GOOD "{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60," \
             "\"valid_s\":30,\"by\":\"coordinator\"}"

static struct config config;
static struct config_allow allow[2];
static char power[] = "custom.power_w", gone[] = "custom.gone",
            limit[] = "custom.limit_w", heater[] = "panel.heater",
            coordinator[] = "coordinator", installer[] = "installer";
static char *points_a[] = {power, gone, limit};
static char *points_b[] = {heater};
static struct catalog *catalog;

static struct catalog_point *add_point(struct catalog_device *device, uint32_t i,
                                       const char *name)
{
    struct catalog_point *point = &device->points[i];

    point->name = strdup(name);
    point->unit = strdup("W");
    return point;
}

static int set_up(void)
{
    struct catalog_device *device;
    struct catalog_point *point;

    catalog = catalog_new(1, 2);
    device = &catalog->devices[0];
    device->name = strdup("custom");
    device->bus = strdup("b");
    device->n_points = 2;
    device->points = calloc(2, sizeof *device->points);
    add_point(device, 0, "power_w");
    point = add_point(device, 1, "limit_w");
    point->writable = true;
    point->write_max = 5000;
    point->lease_ms = 60000;
    device = &catalog->devices[1];
    device->name = strdup("panel");
    device->bus = strdup("b");
    device->n_points = 1;
    device->points = calloc(1, sizeof *device->points);
    point = add_point(device, 0, "heater");
    point->writable = point->is_bool = true;
    point->lease_ms = 120000;
    catalog_seal(catalog);
    allow[0] = (struct config_allow){coordinator, 3, points_a};
    allow[1] = (struct config_allow){installer, 1, points_b};
    config.n_allows = 2;
    config.allows = allow;
    return 0;
}

static int tear_down(void)
{
    catalog_unref(catalog);
    return 0;
}

static struct command parse_message(const struct command_message *message)
{
    return command_parse(&config, catalog, message);
}

static struct command parse(const char *payload, uint32_t expiry_s)
{
    struct command_message message = {"a1", payload, strlen(payload), false, expiry_s};

    return parse_message(&message);
}

static void an_allowed_command_within_its_limits_is_accepted(void)
{
    struct command command = parse(GOOD, 29);

    CU_ASSERT_TRUE_FATAL(command.accepted);
    CU_ASSERT_EQUAL(command.device, 0);
    CU_ASSERT_EQUAL(command.point, 1);
    CU_ASSERT_EQUAL(command.value.type, GW_TYPE_FLOAT64);
    CU_ASSERT_EQUAL(command.value.v.d, 2000);
    CU_ASSERT_EQUAL(command.lease_ms, 60000);
    CU_ASSERT_EQUAL(command.valid_s, 29);
    CU_ASSERT_STRING_EQUAL(command.by, "coordinator");
    CU_ASSERT_STRING_EQUAL(command.reason, "");
}

static void a_boolean_point_takes_booleans_and_0_and_1(void)
{
    static const struct {
        const char *value;
        bool accepted, on;
    } rows[] = {{"true", true, true}, {"false", true, false}, {"1", true, true},
                {"0", true, false},   {"2", false, false},    {"1.0", false, false},
                {"\"on\"", false, false}, {"null", false, false}};
    char payload[200];

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command command;

        snprintf(payload, sizeof payload,
                 "{\"v\":1,\"point\":\"panel.heater\",\"value\":%s,\"lease_s\":120,"
                 "\"valid_s\":60,\"by\":\"installer\"}", rows[i].value);
        command = parse(payload, 60);
        CU_ASSERT_EQUAL(command.accepted, rows[i].accepted);
        if (command.accepted)
            CU_ASSERT_TRUE(command.value.type == GW_TYPE_BOOL &&
                           command.value.v.b == rows[i].on);
    }
}

static void the_envelope_is_checked(void)
{
    struct command_message message = {"a1", GOOD, strlen(GOOD), true, 30};
    char long_id[66];

    CU_ASSERT_FALSE(parse_message(&message).accepted); /* retained */
    message.retained = false;
    CU_ASSERT_TRUE(parse_message(&message).accepted);
    message.expiry_s = 0;
    CU_ASSERT_FALSE(parse_message(&message).accepted);
    message.expiry_s = 31; /* longer than valid_s */
    CU_ASSERT_FALSE(parse_message(&message).accepted);
    message.expiry_s = 61;
    CU_ASSERT_FALSE(parse_message(&message).accepted);
    message.expiry_s = 30;
    message.id = "a/b";
    CU_ASSERT_FALSE(parse_message(&message).accepted);
    memset(long_id, 'a', sizeof long_id);
    long_id[65] = '\0';
    CU_ASSERT_FALSE(command_id_is_valid(long_id));
    CU_ASSERT_TRUE(command_id_is_valid(long_id + 1));
    CU_ASSERT_FALSE(command_id_is_valid(""));
    CU_ASSERT_TRUE(command_id_is_valid("Az09_.:-"));
    CU_ASSERT_FALSE(command_id_is_valid("+"));
}

/* GOOD with one field replaced. */
static const struct {
    const char *payload, *reason;
} refusals[] = {
    {"", "not JSON"},
    {"[1]", "not JSON"},
    {GOOD "x", "not JSON"},
    {"{\"v\":1,\"v\":1}", "not JSON"},
    {"{\"v\":2,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'v' must be"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\",\"force\":true}",
     "unknown field 'force'"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"installer\"}",
     "commands.allow"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"nobody\"}",
     "commands.allow"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":"
     "30}",
     "'by' must be"},
    {"{\"v\":1,\"point\":\"custom.gone\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "commands.allow"},
    {"{\"v\":1,\"point\":\"custom.power_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "not writable"},
    {"{\"v\":1,\"point\":7,\"value\":2000,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'point' must be"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":5000.5,\"lease_s\":60,\"valid_s\":"
     "30,"
     "\"by\":\"coordinator\"}",
     "'value' must be 0 to 5000"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":-1,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'value' must be 0 to 5000"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":true,\"lease_s\":60,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'value' must be a number"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":1e999,\"lease_s\":60,\"valid_s\":"
     "30,"
     "\"by\":\"coordinator\"}",
     "not JSON"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":61,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'lease_s' must be 1 to 60"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":0,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'lease_s' must be 1 to 60"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"valid_s\":30,"
     "\"by\":\"coordinator\"}",
     "'lease_s' must be a whole number"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":61,"
     "\"by\":\"coordinator\"}",
     "'valid_s' must be 1 to 60"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,\"valid_s\":5,"
     "\"by\":\"coordinator\"}",
     "longer than valid_s"},
    {"{\"v\":1,\"point\":\"custom.limit_w\",\"value\":2000,\"lease_s\":60,"
     "\"valid_s\":30.0,\"by\":\"coordinator\"}",
     "'valid_s' must be a whole number"},
};

static void what_is_wrong_is_refused_with_the_reason(void)
{
    for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct command command = parse(refusals[i].payload, 30);

        CU_ASSERT_FALSE(command.accepted);
        CU_ASSERT_PTR_NOT_NULL(strstr(command.reason, refusals[i].reason));
        if (!strstr(command.reason, refusals[i].reason))
            printf("row %u: \"%s\"\n", i, command.reason);
    }
}

static void a_deep_or_huge_message_is_refused(void)
{
    char *payload = malloc(COMMAND_PAYLOAD_MAX + 2);

    memset(payload, '[', COMMAND_PAYLOAD_MAX + 1);
    payload[COMMAND_PAYLOAD_MAX + 1] = '\0';
    CU_ASSERT_FALSE(parse(payload, 30).accepted);
    payload[COMMAND_PAYLOAD_MAX] = '\0';
    CU_ASSERT_FALSE(parse(payload, 30).accepted);
    free(payload);
}

static void answers_are_json_with_result_reason_and_readback(void)
{
    struct gw_value readback = {.type = GW_TYPE_FLOAT64, .v.d = 1999.5};
    struct strbuf buf;

    strbuf_init(&buf);
    command_put_answer(&buf, COMMAND_CONFIRMED, NULL, &readback);
    CU_ASSERT_STRING_EQUAL(
        buf.data,
        "{\"v\":1,\"result\":\"confirmed\",\"reason\":null,\"readback\":1999.5}");
    strbuf_clear(&buf);
    command_put_answer(&buf, COMMAND_REFUSED, "say \"why\"", NULL);
    CU_ASSERT_STRING_EQUAL(buf.data, "{\"v\":1,\"result\":\"refused\",\"reason\":"
                                     "\"say \\\"why\\\"\",\"readback\":null}");
    CU_ASSERT_STRING_EQUAL(command_result_name(COMMAND_ACCEPTED), "accepted");
    CU_ASSERT_STRING_EQUAL(command_result_name(COMMAND_FAILED), "failed");
    strbuf_done(&buf);
}

static CU_TestInfo tests[] = {
    TEST(an_allowed_command_within_its_limits_is_accepted),
    TEST(a_boolean_point_takes_booleans_and_0_and_1),
    TEST(the_envelope_is_checked),
    TEST(what_is_wrong_is_refused_with_the_reason),
    TEST(a_deep_or_huge_message_is_refused),
    TEST(answers_are_json_with_result_reason_and_readback),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"command", set_up, tear_down, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
