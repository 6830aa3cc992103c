/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gatewayd/api: documents, problems, roles, and posts that wait for the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatewayd/api/api_health.h"
#include "lib/http/http_client.h"
#include "tests/unit/fake_ports.h"
#include "tests/unit/suite.h"

static char directory[] = "/tmp/gatewayd-api-XXXXXX";
static char socket_path[64];
static struct fake fake;
static struct api *api;

static int open_api(void)
{
    struct api_options options = {.socket = socket_path, .listen = "127.0.0.1:0"};
    struct api_ports ports = fake_ports(&fake);
    struct gw_error error;

    if (!mkdtemp(directory))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/s", directory);
    return api_open(&options, &ports, &api, &error);
}

static int close_api(void)
{
    api_close(api);
    api = NULL;
    return rmdir(directory);
}

static void reset(void)
{
    fake = (struct fake){.change = 9, .outcome = API_CONFIRMED};
}

/* Calls and parses; *ret_root NULL when the body is no JSON. */
static unsigned call(const char *method, const char *target, const char *body,
                     json_t **ret_root)
{
    struct http_call request = {.socket_path = socket_path,
                                .method = method,
                                .target = target,
                                .body = body,
                                .timeout_ms = 20000};
    struct http_answer answer;
    unsigned status;

    CU_ASSERT_EQUAL_FATAL(http_client_call(&request, &answer), 0);
    status = answer.status;
    *ret_root = json_loads(answer.body, 0, NULL);
    if (status >= 400 && *ret_root && !json_object_get(*ret_root, "result")) {
        CU_ASSERT_STRING_EQUAL(answer.content_type, "application/problem+json");
        CU_ASSERT_EQUAL(json_integer_value(json_object_get(*ret_root, "status")), status);
    }
    http_answer_done(&answer);
    return status;
}

static const char *text_of(json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));

    return text ? text : "";
}

static void every_document_is_json(void)
{
    static const char *const targets[] = {
        "/api/v1/status", "/api/v1/points", "/api/v1/points/meter/power_w",
        "/api/v1/buses",  "/api/v1/routes", "/api/v1/events",
        "/healthz",
    };
    json_t *root;

    reset();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        CU_ASSERT_EQUAL(call("GET", targets[i], NULL, &root), 200);
        CU_ASSERT_PTR_NOT_NULL(root);
        json_decref(root);
    }
}

static void points_have_the_fields_of_the_contract(void)
{
    json_t *root, *points, *first;

    reset();
    CU_ASSERT_EQUAL(call("GET", "/api/v1/points", NULL, &root), 200);
    points = json_object_get(root, "points");
    CU_ASSERT_EQUAL_FATAL(json_array_size(points), 3);
    first = json_array_get(points, 0);
    CU_ASSERT_STRING_EQUAL(text_of(first, "device"), "meter");
    CU_ASSERT_STRING_EQUAL(text_of(first, "point"), "power_w");
    CU_ASSERT_STRING_EQUAL(text_of(first, "unit"), "W");
    CU_ASSERT_STRING_EQUAL(text_of(first, "quality"), "good");
    CU_ASSERT_EQUAL(json_real_value(json_object_get(first, "value")), 230.1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "t")), 1763760000123);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "age_ms")), 1200);
    CU_ASSERT_TRUE(json_is_null(json_object_get(json_array_get(points, 2), "value")));
    json_decref(root);
}

static size_t count_points(const char *target, char next[64])
{
    json_t *root;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(call("GET", target, NULL, &root), 200);
    n = json_array_size(json_object_get(root, "points"));
    snprintf(next, 64, "%s", text_of(root, "next"));
    json_decref(root);
    return n;
}

static void since_gives_only_what_changed(void)
{
    char next[64], target[128];

    reset();
    CU_ASSERT_EQUAL(count_points("/api/v1/points", next), 3);
    snprintf(target, sizeof target, "/api/v1/points?since=%s", next);
    CU_ASSERT_EQUAL(count_points(target, next), 0);
    fake.change = 10;
    CU_ASSERT_EQUAL(count_points(target, next), 1);
    CU_ASSERT_EQUAL(count_points("/api/v1/points?since=0-9", next), 3);
    CU_ASSERT_EQUAL(count_points("/api/v1/points?since=1763760000100", next), 1);
    CU_ASSERT_EQUAL(count_points("/api/v1/points?device=relay", next), 1);
}

static void problems_have_their_status(void)
{
    static const struct {
        const char *method, *target, *body;
        unsigned status;
        const char *code;
    } rows[] = {
        {"GET", "/", NULL, 404, "unknown-resource"},
        {"GET", "/api/v1/status/", NULL, 404, "unknown-resource"},
        {"GET", "/api/v1/points/meter/none", NULL, 404, "unknown-point"},
        {"GET", "/api/v1/points//x", NULL, 404, "unknown-resource"},
        {"GET", "/api/v1/points?since=x", NULL, 400, "bad-query"},
        {"GET", "/api/v1/points?since=-", NULL, 400, "bad-query"},
        {"GET", "/api/v1/events?from=-1", NULL, 400, "bad-query"},
        {"GET", "/api/v1/reload", NULL, 405, "method-not-allowed"},
        {"POST", "/api/v1/status", NULL, 405, "method-not-allowed"},
        {"DELETE", "/api/v1/points/a/b", NULL, 405, "method-not-allowed"},
        {"GET", "/api/v1/grid/confirm", NULL, 405, "method-not-allowed"},
        {"POST", "/api/v1/grid/confirm", "{\"present\":1}", 400, "bad-value"},
        {"POST", "/api/v1/grid/confirm", "{\"absent\":true}", 400, "unknown-key"},
        {"POST", "/api/v1/points/a/b", "", 400, "bad-json"},
        {"POST", "/api/v1/points/a/b", "{\"value\":1,}", 400, "bad-json"},
        {"POST", "/api/v1/points/a/b", "{\"valeu\":1}", 400, "unknown-key"},
        {"POST", "/api/v1/points/a/b", "{}", 400, "bad-value"},
        {"POST", "/api/v1/points/a/b", "{\"value\":[1]}", 400, "bad-value"},
        {"POST", "/api/v1/points/a/b", "{\"value\":1,\"lease_s\":0}", 400, "bad-lease"},
        {"POST", "/api/v1/points/a/b", "{\"value\":1,\"lease_s\":\"5\"}", 400,
         "bad-lease"},
    };
    json_t *root;

    reset();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CU_ASSERT_EQUAL(call(rows[i].method, rows[i].target, rows[i].body, &root),
                        rows[i].status);
        CU_ASSERT_STRING_EQUAL(text_of(root, "code"), rows[i].code);
        json_decref(root);
    }
    CU_ASSERT_EQUAL(fake.n_posts, 0);
}

static void a_write_reaches_the_loop_with_value_and_lease(void)
{
    json_t *root;

    reset();
    CU_ASSERT_EQUAL(call("POST", "/api/v1/points/relay/limit_w",
                         "{\"value\":2000,\"lease_s\":1.5}", &root),
                    200);
    CU_ASSERT_STRING_EQUAL(text_of(root, "result"), "confirmed");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "readback")), 2000);
    json_decref(root);
    CU_ASSERT_EQUAL(fake.last.kind, API_POST_WRITE);
    CU_ASSERT_STRING_EQUAL(fake.last.device, "relay");
    CU_ASSERT_STRING_EQUAL(fake.last.point, "limit_w");
    CU_ASSERT_EQUAL(fake.last.value.type, GW_TYPE_INT);
    CU_ASSERT_EQUAL(fake.last.value.v.i, 2000);
    CU_ASSERT_EQUAL(fake.last.lease_ms, 1500);
    CU_ASSERT_EQUAL(fake.last.uid, getuid());
    CU_ASSERT_EQUAL(call("POST", "/api/v1/points/a/b", "{\"value\":\"eco\"}", &root),
                    200);
    CU_ASSERT_STRING_EQUAL(fake.last_text, "eco");
    json_decref(root);
}

static void outcomes_have_their_status(void)
{
    static const struct {
        enum api_outcome outcome;
        unsigned write_status, reload_status;
        const char *name;
    } rows[] = {
        {API_CONFIRMED, 200, 200, "confirmed"},
        {API_ACCEPTED,  202, 202, "accepted" },
        {API_REFUSED,   403, 422, "refused"  },
        {API_FAILED,    502, 502, "failed"   },
        {API_NOT_FOUND, 404, 404, "not-found"},
    };
    json_t *root;

    reset();
    fake.text = "because \"so\"\nsecond line";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake.outcome = rows[i].outcome;
        CU_ASSERT_EQUAL(call("POST", "/api/v1/points/a/b", "{\"value\":true}", &root),
                        rows[i].write_status);
        CU_ASSERT_STRING_EQUAL(text_of(root, "result"), rows[i].name);
        CU_ASSERT_STRING_EQUAL(text_of(root, "reason"), fake.text);
        json_decref(root);
        CU_ASSERT_EQUAL(call("POST", "/api/v1/reload", NULL, &root),
                        rows[i].reload_status);
        json_decref(root);
    }
}

static void a_full_queue_is_told(void)
{
    json_t *root;

    reset();
    fake.mode = FAKE_POST_REFUSES;
    CU_ASSERT_EQUAL(call("POST", "/api/v1/devices/meter/read", NULL, &root), 503);
    json_decref(root);
    CU_ASSERT_EQUAL(api_post_count(), 0);
}

static void a_post_can_be_finished_after_nobody_waits_any_more(void)
{
    struct api_post_request request = {.kind = API_POST_READ, .device = "meter"};
    struct api_post *post = api_post_new(&request);
    struct api_post_result result;

    CU_ASSERT_EQUAL(api_post_wait(post, -1, 1, &result), -ETIMEDOUT);
    api_post_unref(post);
    CU_ASSERT_EQUAL(api_post_count(), 1);
    api_post_finish(post, API_CONFIRMED, "late", NULL);
    CU_ASSERT_EQUAL(api_post_count(), 0);
}

/* Status of one request over TCP, whatever its method. */
static unsigned tcp_status(const char *method, const char *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[512] = "";
    unsigned status = 0;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((in_port_t)atoi(strrchr(api_bound_address(api), ':') + 1));
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    dprintf(fd, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method,
            target);
    CU_ASSERT_TRUE(recv(fd, text, sizeof text - 1, 0) > 0);
    sscanf(text, "HTTP/1.1 %u", &status);
    close(fd);
    return status;
}

static void tcp_only_reads(void)
{
    reset();
    CU_ASSERT_EQUAL(tcp_status("GET", "/api/v1/status"), 200);
    CU_ASSERT_EQUAL(tcp_status("HEAD", "/api/v1/status"), 200);
    CU_ASSERT_EQUAL(tcp_status("GET", "/metrics"), 200);
    CU_ASSERT_EQUAL(tcp_status("POST", "/api/v1/reload"), 403);
    CU_ASSERT_EQUAL(tcp_status("POST", "/api/v1/grid/confirm"), 403);
    CU_ASSERT_EQUAL(tcp_status("POST", "/api/v1/points/a/b"), 403);
    CU_ASSERT_EQUAL(tcp_status("PUT", "/api/v1/points/a/b"), 405);
    CU_ASSERT_EQUAL(fake.n_posts, 0);
}

static void history_comes_in_columns(void)
{
    json_t *root, *second;

    reset();
    CU_ASSERT_EQUAL_FATAL(call("GET",
                               "/api/v1/history?point=a.b&point=c.d.e&from=1000&to="
                               "61000&step=10s",
                               NULL, &root),
                          200);
    second = json_array_get(json_object_get(root, "points"), 1);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "step")), 10000);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "t")), 2);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_array_get(json_object_get(root, "clock"), 1)), "holdover");
    CU_ASSERT_STRING_EQUAL(text_of(second, "point"), "c.d.e");
    CU_ASSERT_TRUE(json_is_null(json_array_get(json_object_get(second, "value"), 1)));
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_array_get(json_object_get(second, "quality"), 1)),
        "timeout");
    CU_ASSERT_TRUE(json_is_true(json_object_get(root, "complete")));
    json_decref(root);
}

static void a_long_span_says_where_to_go_on(void)
{
    json_t *root;

    reset();
    CU_ASSERT_EQUAL(call("GET",
                         "/api/v1/history?point=a.b&from=50000000000&to=99999999999&"
                         "step=1s",
                         NULL, &root),
                    200);
    CU_ASSERT_TRUE(json_is_false(json_object_get(root, "complete")));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "next")),
                    fake.history.to_ms);
    CU_ASSERT_TRUE(fake.history.to_ms <= 50000000000 + INT64_C(20000) * 1000);
    json_decref(root);
    /* nothing is kept of the first half: not page by page through it */
    CU_ASSERT_EQUAL(call("GET", "/api/v1/history?point=a.b&from=0&to=90000000000&step=1s",
                         NULL, &root),
                    200);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "next")), 40000000000);
    json_decref(root);
    /* nor of the years to come */
    CU_ASSERT_EQUAL(call("GET",
                         "/api/v1/history?point=a.b&from=89999000000&to=999999999999&"
                         "step=1s",
                         NULL, &root),
                    200);
    CU_ASSERT_TRUE(json_is_true(json_object_get(root, "complete")));
    CU_ASSERT_TRUE(json_is_null(json_object_get(root, "next")));
    json_decref(root);
    fake.is_slow = true;
    CU_ASSERT_EQUAL(call("GET", "/api/v1/history?point=a.b", NULL, &root), 503);
    CU_ASSERT_STRING_EQUAL(text_of(root, "code"), "too-much");
    json_decref(root);
}

static void energy_comes_in_slots(void)
{
    json_t *root, *slots;

    reset();
    CU_ASSERT_EQUAL_FATAL(call("GET", "/api/v1/energy?from=5&to=10", NULL, &root), 200);
    slots = json_object_get(root, "slots");
    CU_ASSERT_EQUAL_FATAL(json_array_size(slots), 2);
    CU_ASSERT_EQUAL(
        json_array_size(json_object_get(json_array_get(slots, 0), "flows")), 2);
    CU_ASSERT_TRUE(json_is_true(json_object_get(json_array_get(slots, 1), "open")));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "next")), 77);
    json_decref(root);
}

struct sunk {
    uint64_t n, total;
    bool is_alien;
};

static int sink(void *ctx, const void *data, size_t size, uint64_t total)
{
    struct sunk *sunk = ctx;

    for (size_t i = 0; i < size; i++)
        sunk->is_alien |= ((const char *)data)[i] != 'b';
    sunk->n += size;
    sunk->total = total;
    return 0;
}

static void a_backup_is_streamed_whole_or_not_at_all(void)
{
    struct sunk sunk = {0};
    struct http_call request = {.socket_path = socket_path, .method = "GET",
                                .target = "/api/v1/backup", .timeout_ms = 5000,
                                .sink = sink, .sink_ctx = &sunk};
    struct http_answer answer = {0};

    reset();
    CU_ASSERT_EQUAL(http_client_call(&request, &answer), 0);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_EQUAL(sunk.n, 300000);
    CU_ASSERT_EQUAL(sunk.total, 300000);
    CU_ASSERT_FALSE(sunk.is_alien);
    reset();
    fake.is_slow = true; /* it breaks off */
    sunk = (struct sunk){0};
    CU_ASSERT_TRUE(http_client_call(&request, &answer) < 0);
    CU_ASSERT_TRUE(sunk.n < 300000);
    reset();
    fake.is_store_broken = true;
    CU_ASSERT_EQUAL(http_client_call(&request, &answer), 0);
    CU_ASSERT_EQUAL(answer.status, 409);
    http_answer_done(&answer);
    CU_ASSERT_EQUAL(tcp_status("GET", "/api/v1/backup"), 403);
    CU_ASSERT_EQUAL(tcp_status("GET", "/api/v1/restore"), 403);
    CU_ASSERT_EQUAL(tcp_status("POST", "/api/v1/restore"), 403);
    CU_ASSERT_EQUAL(tcp_status("GET", "/api/v1/energy"), 200);
}

static void metrics_are_grouped_and_escaped(void)
{
    struct http_call request = {.socket_path = socket_path,
                                .method = "GET",
                                .target = "/metrics",
                                .timeout_ms = 5000};
    struct http_answer answer;

    reset();
    CU_ASSERT_EQUAL_FATAL(http_client_call(&request, &answer), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.body, "\ngatewayd_store_readings_total 1234\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(answer.body, "\ngatewayd_bus_requests_total{bus=\"line\\\"1\"} 110\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(answer.body, "\ngatewayd_route_connected{route=\"cloud\"} 0\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(answer.body, "\ngatewayd_points{quality=\"timeout\"} 1\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(answer.body, "gatewayd_device_up{device=\"relay\"} 0\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.body, "gatewayd_extra 1\n"));
    http_answer_done(&answer);
}

static void a_device_without_a_good_point_is_not_up(void)
{
    const struct api_unit units[] = {
        {.device = "a", .last_error = ""       },
        {.device = "b", .last_error = "refused"},
        {.device = "c", .last_error = ""       }
    };
    struct api_device_health devices[] = {
        {.device = "a", .n_points = 2, .n_good = 1, .quality = GW_TIMEOUT  },
        {.device = "b", .n_points = 2, .n_good = 0, .quality = GW_LINK_DOWN},
    };
    const struct api_health health = {.n = 2, .devices = devices};
    struct api_bus bus = {.state = "online", .text = "", .n_units = 3, .units = units};
    const char *state, *text;

    CU_ASSERT_TRUE(api_health_is_up(&health, &units[0]));
    CU_ASSERT_FALSE(api_health_is_up(&health, &units[1]));
    CU_ASSERT_TRUE(api_health_is_up(&health, &units[2]));
    api_health_judge(&health, &bus, &state, &text);
    CU_ASSERT_STRING_EQUAL(state, "degraded");
    CU_ASSERT_STRING_EQUAL(text, "refused");
    bus.units = &units[1];
    bus.n_units = 1;
    api_health_judge(&health, &bus, &state, &text);
    CU_ASSERT_STRING_EQUAL(state, "link-down");
    bus.state = "starting";
    api_health_judge(&health, &bus, &state, &text);
    CU_ASSERT_STRING_EQUAL(state, "starting");
}

static void illness_and_a_broken_store_are_503(void)
{
    json_t *root;

    reset();
    fake.unwell = "the loop has not turned for 2 s";
    fake.is_store_broken = true;
    CU_ASSERT_EQUAL(call("GET", "/healthz", NULL, &root), 503);
    CU_ASSERT_STRING_EQUAL(text_of(root, "detail"), fake.unwell);
    json_decref(root);
    CU_ASSERT_EQUAL(call("GET", "/api/v1/events", NULL, &root), 503);
    json_decref(root);
}

static void a_taken_address_leaves_nothing_open(void)
{
    struct api_options options = {.listen = api_bound_address(api)};
    struct api_ports ports = fake_ports(&fake);
    struct api *second = NULL;
    struct gw_error error;
    int before = suite_count_fds();

    CU_ASSERT_EQUAL(api_open(&options, &ports, &second, &error), -EADDRINUSE);
    CU_ASSERT_PTR_NULL(second);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, options.listen));
    CU_ASSERT_EQUAL(suite_count_fds(), before);
}

/* A client that waits for a reload the loop has not answered. */
static void *wait_for_reload(void *path)
{
    struct http_call request = {.socket_path = path,
                                .method = "POST",
                                .target = "/api/v1/reload",
                                .timeout_ms = 20000};
    struct http_answer answer = {0};
    unsigned status = 0;

    if (http_client_call(&request, &answer) == 0)
        status = answer.status;
    http_answer_done(&answer);
    return (void *)(uintptr_t)status;
}

static void closing_answers_who_waits_for_the_loop(void)
{
    char path[80];
    const struct api_options options = {.socket = path};
    struct api_ports ports = fake_ports(&fake);
    struct api *second = NULL;
    struct gw_error error;
    void *status = NULL;
    pthread_t client;

    reset();
    fake.mode = FAKE_POST_KEEPS;
    snprintf(path, sizeof path, "%s/second", directory);
    CU_ASSERT_EQUAL_FATAL(api_open(&options, &ports, &second, &error), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&client, NULL, wait_for_reload, path), 0);
    for (int i = 0; i < 5000 && !fake.kept; i++)
        poll(NULL, 0, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fake.kept);
    api_close(second);
    pthread_join(client, &status);
    CU_ASSERT_EQUAL((uintptr_t)status, 503);
    CU_ASSERT_EQUAL(access(path, F_OK), -1);
    api_post_finish(fake.kept, API_CONFIRMED, "late", NULL);
    CU_ASSERT_EQUAL(api_post_count(), 0);
}

static CU_TestInfo tests[] = {
    TEST(every_document_is_json),
    TEST(points_have_the_fields_of_the_contract),
    TEST(since_gives_only_what_changed),
    TEST(problems_have_their_status),
    TEST(a_write_reaches_the_loop_with_value_and_lease),
    TEST(outcomes_have_their_status),
    TEST(a_full_queue_is_told),
    TEST(a_post_can_be_finished_after_nobody_waits_any_more),
    TEST(tcp_only_reads),
    TEST(history_comes_in_columns),
    TEST(a_long_span_says_where_to_go_on),
    TEST(energy_comes_in_slots),
    TEST(a_backup_is_streamed_whole_or_not_at_all),
    TEST(metrics_are_grouped_and_escaped),
    TEST(a_device_without_a_good_point_is_not_up),
    TEST(illness_and_a_broken_store_are_503),
    TEST(closing_answers_who_waits_for_the_loop),
    TEST(a_taken_address_leaves_nothing_open),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"api", open_api, close_api, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
