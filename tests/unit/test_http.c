/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/http: what is malformed never reaches the handler, what is fine does. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/http/http_client.h"
#include "lib/http/http_listen.h"
#include "lib/http/http_server.h"
#include "lib/http/json_in.h"
#include "tests/unit/suite.h"

static char directory[] = "/tmp/gatewayd-http-XXXXXX";
static char socket_path[64];
static struct http_server *local, *tcp;
static char bound[HTTP_ADDRESS_MAX];
static unsigned n_handled;

static void echo(void *ctx, const struct http_request *request,
                 struct http_response *response)
{
    const char *query = http_request_query(request, "q");

    (void)ctx;
    n_handled++;
    strbuf_printf(&response->body, "%s %s q=%s %zu:%s %d", request->method, request->path,
                  query ? query : "-", request->body_len, request->body,
                  request->is_local_socket && request->uid == getuid());
}

static int open_servers(void)
{
    struct http_server_options options = {.is_local_socket = true, .handler = echo};
    struct gw_error error;

    if (!mkdtemp(directory))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/s", directory);
    options.listen_fd = http_listen_unix(socket_path, "no-such-group", &error);
    local = http_server_new(&options);
    options.listen_fd = http_listen_tcp("127.0.0.1:0", bound, &error);
    options.is_local_socket = false;
    options.bound_host = "127.0.0.1";
    tcp = http_server_new(&options);
    return local && tcp ? 0 : -1;
}

static int close_servers(void)
{
    http_listen_unlink(socket_path, http_listen_inode(socket_path));
    http_server_free(local);
    http_server_free(tcp);
    return rmdir(directory);
}

/* Status of a raw request over TCP; the answer's text in `ret`. */
static unsigned raw_tcp(const char *request, char *ret, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    unsigned status = 0;
    ssize_t n;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((in_port_t)atoi(strchr(bound, ':') + 1));
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    CU_ASSERT_EQUAL(send(fd, request, strlen(request), MSG_NOSIGNAL),
                    (ssize_t)strlen(request));
    while (len + 1 < size && (n = recv(fd, ret + len, size - len - 1, 0)) > 0)
        len += (size_t)n;
    ret[len] = '\0';
    close(fd);
    sscanf(ret, "HTTP/1.1 %u", &status);
    return status;
}

static unsigned call_local(const char *method, const char *target, const char *body,
                           struct http_answer *ret)
{
    struct http_call call = {.socket_path = socket_path,
                             .method = method,
                             .target = target,
                             .body = body,
                             .timeout_ms = 5000};

    CU_ASSERT_EQUAL_FATAL(http_client_call(&call, ret), 0);
    return ret->status;
}

static void a_request_over_the_socket_arrives_whole(void)
{
    struct http_answer answer;

    CU_ASSERT_EQUAL(call_local("POST", "/a%20b?q=1%262", "{\"x\":1}", &answer), 200);
    CU_ASSERT_STRING_EQUAL(answer.body, "POST /a b q=1&2 7:{\"x\":1} 1");
    CU_ASSERT_STRING_EQUAL(answer.content_type, "application/json");
    http_answer_done(&answer);
}

static void the_largest_body_passes_and_a_larger_is_refused(void)
{
    char *body = malloc(HTTP_BODY_MAX + 2);
    unsigned before = n_handled;
    struct http_answer answer;

    memset(body, 'x', HTTP_BODY_MAX + 1);
    body[HTTP_BODY_MAX + 1] = '\0';
    CU_ASSERT_EQUAL(call_local("POST", "/", body, &answer), 413);
    CU_ASSERT_STRING_EQUAL(answer.content_type, "application/problem+json");
    http_answer_done(&answer);
    CU_ASSERT_EQUAL(n_handled, before);
    body[HTTP_BODY_MAX] = '\0';
    CU_ASSERT_EQUAL(call_local("POST", "/", body, &answer), 200);
    CU_ASSERT_EQUAL(answer.body_len, HTTP_BODY_MAX + strlen("POST / q=- 65536: 1"));
    http_answer_done(&answer);
    free(body);
}

static void own_host_names_pass_over_tcp_and_others_do_not(void)
{
    static const struct {
        const char *host;
        unsigned status;
    } rows[] = {
        {"Host: localhost\r\n",                       200},
        {"Host: LocalHost:8480\r\n",                  200},
        {"Host: 127.0.0.1:1\r\n",                     200},
        {"Host: [::1]:80\r\n",                        200},
        {"Host: evil.example\r\n",                    403},
        {"Host: localhost.evil.example\r\n",          403},
        {"Host: localhost:80@evil\r\n",               403},
        {"Host: 127.0.0.1x\r\n",                      403},
        {"Host: [::1\r\n",                            403},
        {"Host: [::1]evil\r\n",                       403},
        {"Host: \r\n",                                403},
        {"Host: localhost\r\nHost: evil.example\r\n", 403},
    };
    char request[200], answer[2048];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\n%sConnection: close\r\n\r\n",
                 rows[i].host);
        CU_ASSERT_EQUAL(raw_tcp(request, answer, sizeof answer), rows[i].status);
        if (!strstr(answer, rows[i].status == 200 ? "GET /" : "foreign-host"))
            CU_FAIL("an answer of the wrong kind");
    }
}

static void ambiguous_bodies_are_refused(void)
{
    static const char *const heads[] = {
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 99999999999999999999\r\n",
    };
    char request[300], answer[2048];
    unsigned before = n_handled, status;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        snprintf(request, sizeof request,
                 "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\nabc",
                 heads[i]);
        status = raw_tcp(request, answer, sizeof answer);
        CU_ASSERT_TRUE(status >= 400 && status < 500);
    }
    CU_ASSERT_EQUAL(n_handled, before);
}

static void a_dead_socket_is_replaced_and_a_live_one_is_not(void)
{
    char path[80];
    struct gw_error error;
    struct stat st;
    int first, second;

    snprintf(path, sizeof path, "%s/again", directory);
    first = http_listen_unix(path, NULL, &error);
    CU_ASSERT_FATAL(first >= 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
    CU_ASSERT_EQUAL(http_listen_unix(path, NULL, &error), -EADDRINUSE);
    close(first);
    second = http_listen_unix(path, NULL, &error);
    CU_ASSERT_TRUE(second >= 0);
    close(second);
    unlink(path);
}

static void a_file_in_the_sockets_place_stays(void)
{
    char path[80];
    struct gw_error error;
    FILE *file;

    snprintf(path, sizeof path, "%s/file", directory);
    file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(http_listen_unix(path, NULL, &error), -EEXIST);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void only_loopback_addresses_are_opened(void)
{
    static const struct {
        const char *address;
        int rc;
    } rows[] = {
        {"0.0.0.0:0",       -EACCES},
        {"[::]:0",          -EACCES},
        {"192.0.2.1:80",    -EACCES},
        {"127.0.0.1",       -EINVAL},
        {"127.0.0.1:",      -EINVAL},
        {"127.0.0.1:99999", -EINVAL},
        {"host.example:1",  -EINVAL},
        {"::1:80x",         -EINVAL},
        {"",                -EINVAL},
    };
    char address[HTTP_ADDRESS_MAX];
    struct gw_error error;
    int fd;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(http_listen_tcp(rows[i].address, address, &error), rows[i].rc);
    fd = http_listen_tcp("localhost:0", address, &error);
    CU_ASSERT_TRUE(fd >= 0);
    CU_ASSERT_EQUAL(strncmp(address, "127.0.0.1:", 10), 0);
    CU_ASSERT_STRING_NOT_EQUAL(address, "127.0.0.1:0");
    close(fd);
}

static void a_missing_server_is_told_from_a_silent_one(void)
{
    char path[80];
    struct http_call call = {
        .socket_path = path, .method = "GET", .target = "/", .timeout_ms = 50};
    struct http_answer answer;
    struct gw_error error;
    int fd;

    snprintf(path, sizeof path, "%s/none", directory);
    CU_ASSERT_EQUAL(http_client_call(&call, &answer), -ENOENT);
    fd = http_listen_unix(path, NULL, &error);
    CU_ASSERT_EQUAL(http_client_call(&call, &answer), -ETIMEDOUT);
    close(fd);
    CU_ASSERT_EQUAL(http_client_call(&call, &answer), -ECONNREFUSED);
    unlink(path);
}

static void json_is_strict_and_bounded(void)
{
    static const char brackets[] = "{\"a\":\"[[\\\"[\"}";
    char error[200], deep[200];
    static const char *const bad[] = {"",         "[]",  "1", "{\"a\":1,\"a\":2}",
                                      "{\"a\":}", "{} x"};
    json_t *root;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_PTR_NULL(json_in_object(bad[i], strlen(bad[i]), error, sizeof error));
    memset(deep, '[', sizeof deep);
    CU_ASSERT_PTR_NULL(json_in_object(deep, sizeof deep, error, sizeof error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "nested"));
    root = json_in_object(brackets, strlen(brackets), error, sizeof error);
    CU_ASSERT_PTR_NOT_NULL(root);
    json_decref(root);
}

static CU_TestInfo tests[] = {
    TEST(a_request_over_the_socket_arrives_whole),
    TEST(the_largest_body_passes_and_a_larger_is_refused),
    TEST(own_host_names_pass_over_tcp_and_others_do_not),
    TEST(ambiguous_bodies_are_refused),
    TEST(a_dead_socket_is_replaced_and_a_live_one_is_not),
    TEST(a_file_in_the_sockets_place_stays),
    TEST(only_loopback_addresses_are_opened),
    TEST(a_missing_server_is_told_from_a_silent_one),
    TEST(json_is_strict_and_bounded),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"http", open_servers, close_servers, NULL, NULL, tests},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
