/* SPDX-License-Identifier: Apache-2.0 */
/* gatewayctl's side of the API: calls over the Unix socket (lib/http), messages when the
 * daemon cannot be reached or says no. */
#include "gatewayctl/ctl.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/config/config.h"
#include "lib/http/http_client.h"

/* Above the API's own 5 s for a post. */
#define TIMEOUT_MS 12000

static int tell_unreachable(const struct ctl *ctl, int rc)
{
    const char *hint = "";

    if (rc == -EACCES || rc == -EPERM)
        hint =
            "you may not open it: run it as root, or add yourself to the group gatewayd\n"
            "(sudo usermod -aG gatewayd $USER, then log in again)";
    else if (rc == -ENOENT || rc == -ECONNREFUSED)
        hint =
            "is gatewayd running? See 'systemctl status gatewayd'; for another place of\n"
            "the socket use --socket PATH or GATEWAYD_SOCKET";
    else if (rc == -ETIMEDOUT)
        hint = "gatewayd is there but does not answer; see 'journalctl -u gatewayd'";
    fprintf(stderr, "gatewayctl: %s: %s\n%s%s", ctl->socket, error_errno_text(rc), hint,
            *hint ? "\n" : "");
    return EXIT_NO_DAEMON;
}

static int call(const struct ctl *ctl, const char *method, const char *target,
                const char *body, struct http_answer *ret_answer)
{
    const struct http_call request = {.socket_path = ctl->socket,
                                      .method = method,
                                      .target = target,
                                      .body = body,
                                      .timeout_ms = TIMEOUT_MS};
    int rc = http_client_call(&request, ret_answer);

    return rc < 0 ? tell_unreachable(ctl, rc) : EXIT_OK;
}

/* A problem document in words; with --json as it came. */
static int tell_problem(const struct ctl *ctl, const struct http_answer *answer)
{
    json_t *root = json_loads(answer->body, 0, NULL);
    const char *detail = ctl_text(root, "detail");

    if (ctl->is_json)
        fputs(answer->body, stdout);
    fprintf(stderr, "gatewayctl: %s (%u)\n", *detail ? detail : "the daemon refused",
            answer->status);
    json_decref(root);
    return EXIT_BAD_NEWS;
}

int ctl_get_text(const struct ctl *ctl, const char *target, char **ret_body)
{
    struct http_answer answer;
    int rc = call(ctl, "GET", target, NULL, &answer);

    if (rc != EXIT_OK)
        return rc;
    if (answer.status != 200) {
        rc = tell_problem(ctl, &answer);
        http_answer_done(&answer);
        return rc;
    }
    *ret_body = answer.body;
    return EXIT_OK;
}

int ctl_get(const struct ctl *ctl, const char *target, json_t **ret_root, char **ret_body)
{
    char *body = NULL;
    json_t *root;
    int rc = ctl_get_text(ctl, target, &body);

    if (rc != EXIT_OK)
        return rc;
    root = json_loads(body, 0, NULL);
    if (!root) {
        fprintf(stderr, "gatewayctl: %s: the answer is no JSON\n", ctl->socket);
        free(body);
        return EXIT_NO_DAEMON;
    }
    if (ret_body)
        *ret_body = body;
    else
        free(body);
    *ret_root = root;
    return EXIT_OK;
}

/* What a sink did with the content, apart from what the connection did. */
struct sunk {
    int (*sink)(void *ctx, const void *data, size_t size, uint64_t total);
    void *ctx;
    int rc;
};

static int sink_it(void *ctx, const void *data, size_t size, uint64_t total)
{
    struct sunk *sunk = ctx;

    sunk->rc = sunk->sink(sunk->ctx, data, size, total);
    return sunk->rc;
}

int ctl_get_file(const struct ctl *ctl, const char *target, const char *file,
                 int (*sink)(void *ctx, const void *data, size_t size, uint64_t total),
                 void *sink_ctx)
{
    struct sunk sunk = {.sink = sink, .ctx = sink_ctx};
    const struct http_call request = {.socket_path = ctl->socket,
                                      .method = "GET",
                                      .target = target,
                                      .timeout_ms = TIMEOUT_MS,
                                      .sink = sink_it,
                                      .sink_ctx = &sunk};
    struct http_answer answer = {0};
    int rc = http_client_call(&request, &answer);

    if (sunk.rc < 0) {
        fprintf(stderr, "gatewayctl: %s: %s\n", file, error_errno_text(sunk.rc));
        return EXIT_BAD_NEWS;
    }
    if (rc < 0)
        return tell_unreachable(ctl, rc);
    rc = answer.status == 200 ? EXIT_OK : tell_problem(ctl, &answer);
    http_answer_done(&answer);
    return rc;
}

/* A result document, or a problem told. */
static int take_result(const struct ctl *ctl, struct http_answer *answer,
                       json_t **ret_root)
{
    json_t *root = json_loads(answer->body, 0, NULL);
    int rc;

    if (root && json_object_get(root, "result")) {
        *ret_root = root;
        rc = answer->status < 300 ? EXIT_OK : EXIT_BAD_NEWS;
    } else {
        json_decref(root);
        rc = tell_problem(ctl, answer);
    }
    http_answer_done(answer);
    return rc;
}

int ctl_post_bytes(const struct ctl *ctl, const char *target, const void *data,
                   size_t size, json_t **ret_root)
{
    const struct http_call request = {.socket_path = ctl->socket,
                                      .method = "POST",
                                      .target = target,
                                      .body = data,
                                      .body_len = size,
                                      .timeout_ms = TIMEOUT_MS};
    struct http_answer answer;
    int rc = http_client_call(&request, &answer);

    return rc < 0 ? tell_unreachable(ctl, rc) : take_result(ctl, &answer, ret_root);
}

int ctl_post(const struct ctl *ctl, const char *target, json_t *body, json_t **ret_root)
{
    struct strbuf text;
    struct http_answer answer;
    int rc;

    strbuf_init(&text);
    if (body)
        ctl_put_json(body, &text);
    json_decref(body);
    rc = call(ctl, "POST", target, body ? text.data : NULL, &answer);
    strbuf_done(&text);
    return rc != EXIT_OK ? rc : take_result(ctl, &answer, ret_root);
}

/* ---- JSON out ---------------------------------------------------------------------- */

static void put_object(const json_t *object, struct strbuf *buf)
{
    const char *key, *separator = "{";
    const json_t *value;

    if (json_object_size(object) == 0)
        strbuf_putc(buf, '{');
    /* The iterator wants a non-const object, which it does not change. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        strbuf_puts(buf, separator);
        strbuf_put_json_string(buf, key);
        strbuf_putc(buf, ':');
        ctl_put_json(value, buf);
        separator = ",";
    }
    strbuf_putc(buf, '}');
}

static void put_array(const json_t *array, struct strbuf *buf)
{
    strbuf_putc(buf, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            strbuf_putc(buf, ',');
        ctl_put_json(json_array_get(array, i), buf);
    }
    strbuf_putc(buf, ']');
}

void ctl_put_json(const json_t *value, struct strbuf *buf)
{
    if (json_is_object(value))
        put_object(value, buf);
    else if (json_is_array(value))
        put_array(value, buf);
    else if (json_is_string(value))
        strbuf_put_json_string(buf, json_string_value(value));
    else if (json_is_integer(value))
        strbuf_put_i64(buf, json_integer_value(value));
    else if (json_is_real(value))
        strbuf_put_double(buf, json_real_value(value));
    else if (json_is_boolean(value))
        strbuf_puts(buf, json_is_true(value) ? "true" : "false");
    else
        strbuf_puts(buf, "null");
}

void ctl_print_json(const json_t *value)
{
    struct strbuf buf;

    strbuf_init(&buf);
    ctl_put_json(value, &buf);
    puts(buf.data ? buf.data : "null");
    strbuf_done(&buf);
}

void ctl_print_report(const struct config_report *report)
{
    struct strbuf buf;

    strbuf_init(&buf);
    config_report_print(report, &buf);
    if (buf.data)
        fputs(buf.data, stderr);
    strbuf_done(&buf);
}

const char *ctl_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

int64_t ctl_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool ctl_split_name(const char *text, char ret_device[64], char ret_point[64])
{
    const char *dot = strchr(text, '.');
    size_t len = dot ? (size_t)(dot - text) : strlen(text);

    if (!len || len >= 64 || (dot && (!dot[1] || strlen(dot + 1) >= 64)) ||
        strpbrk(text, "/?#% "))
        return false;
    memcpy(ret_device, text, len);
    ret_device[len] = '\0';
    strcpy(ret_point, dot ? dot + 1 : "");
    return true;
}

bool ctl_may_replace(const struct ctl *ctl, const char *name)
{
    struct stat st;

    if (stat(name, &st) < 0)
        return true; /* opening it says what is wrong */
    if (S_ISREG(st.st_mode) && ctl->is_forced)
        return true;
    fprintf(stderr,
            S_ISREG(st.st_mode) ? "gatewayctl: %s exists already; --force replaces it\n"
                                : "gatewayctl: %s exists already and is no file\n",
            name);
    return false;
}
