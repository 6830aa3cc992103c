/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backup as one stream; restore in pieces of at most HTTP_BODY_MAX: begin, data...,
 * start, then the state is asked until it is done. Everything behind it is the store's;
 * the file itself is checked by gatewayctl first. On the API's thread.
 */
#include "gatewayd/api/api_backup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/sha256.h"
#include "lib/http/json_in.h"

static unsigned status_of(int rc)
{
    switch (-rc) {
    case EBUSY:
        return 503;
    case EROFS:
        return 409;
    case ENOSPC:
        return 507;
    case EINVAL:
        return 400;
    case EBADMSG:
        return 422;
    default:
        return 500;
    }
}

static void tell(struct api_call *call, int rc, const struct gw_error *error)
{
    http_problem(call->response, status_of(rc), error->code, "%s", error->text);
}

/* All that the gateway knows: nothing for a port that any program of the box can open. */
static bool is_allowed(struct api_call *call)
{
    if (call->request->is_local_socket && call->ports->backup)
        return true;
    http_problem(call->response, 403, "socket-only",
                 "backups are for the installer: use gatewayctl on the gateway itself");
    return false;
}

void api_backup_get(struct api_call *call)
{
    struct gw_error error;
    int rc;

    if (!is_allowed(call))
        return;
    rc = call->ports->backup(call->ports->ctx, &call->response->stream, &error);
    if (rc < 0)
        tell(call, rc, &error);
    else
        call->response->content_type = "application/x-tar";
}

void api_backup_restore_state(struct api_call *call)
{
    struct strbuf *buf = &call->response->body;
    struct api_restore state = {.phase = "idle"};

    if (!is_allowed(call))
        return;
    call->ports->restore_state(call->ports->ctx, &state);
    strbuf_printf(buf, "{\"phase\":\"%s\",\"id\":%" PRIu32 ",\"received\":%" PRIu64
                       ",\"size\":%" PRIu64 ",\"code\":",
                  state.phase, state.id, state.received, state.bytes);
    strbuf_put_json_string(buf, state.code);
    strbuf_puts(buf, ",\"text\":");
    strbuf_put_json_string(buf, state.text);
    strbuf_puts(buf, "}\n");
}

static void accept(struct api_call *call, unsigned status, uint32_t id)
{
    call->response->status = status;
    strbuf_printf(&call->response->body, "{\"result\":\"accepted\",\"id\":%" PRIu32 "}\n",
                  id);
}

static bool take_request(struct api_call *call, json_t *root,
                         struct api_restore_request *ret)
{
    const char *sum = json_string_value(json_object_get(root, "sha256"));
    json_int_t size = json_integer_value(json_object_get(root, "size"));
    json_t *force = json_object_get(root, "force");

    if (size <= 0 || !sum || strlen(sum) != SHA256_HEX - 1 ||
        strspn(sum, "0123456789abcdef") != SHA256_HEX - 1 ||
        (force && !json_is_boolean(force))) {
        http_problem(call->response, 400, "bad-restore",
                     "wanted: \"size\" (bytes of store.db), \"sha256\" (64 hex digits of "
                     "it), and perhaps \"force\" (true or false)");
        return false;
    }
    *ret = (struct api_restore_request){.bytes = (uint64_t)size,
                                        .is_forced = json_is_true(force)};
    memcpy(ret->sha256, sum, SHA256_HEX);
    return true;
}

void api_backup_restore_begin(struct api_call *call)
{
    static const char *const known[] = {"size", "sha256", "force", NULL};
    struct api_restore_request request;
    struct gw_error error;
    char text[200];
    const char *unknown;
    uint32_t id;
    json_t *root;
    int rc;

    if (!is_allowed(call))
        return;
    root =
        json_in_object(call->request->body, call->request->body_len, text, sizeof text);
    if (!root) {
        http_problem(call->response, 400, "bad-json", "%s", text);
        return;
    }
    unknown = json_in_unknown_key(root, known);
    if (unknown) {
        http_problem(call->response, 400, "unknown-key", "unknown key \"%.40s\"",
                     unknown);
    } else if (take_request(call, root, &request)) {
        rc = call->ports->restore_begin(call->ports->ctx, &request, &id, &error);
        if (rc < 0)
            tell(call, rc, &error);
        else
            accept(call, 201, id);
    }
    json_decref(root);
}

static bool take_number(struct api_call *call, const char *key, uint64_t max,
                        uint64_t *ret)
{
    const char *text = http_request_query(call->request, key);
    size_t len = text ? strlen(text) : 0;

    if (len && len <= 15 && strspn(text, "0123456789") == len) {
        *ret = strtoull(text, NULL, 10);
        if (*ret <= max)
            return true;
    }
    http_problem(call->response, 400, "bad-query", "%s= wants a whole number", key);
    return false;
}

void api_backup_restore_data(struct api_call *call)
{
    uint64_t id, offset;
    struct gw_error error;
    int rc;

    if (!is_allowed(call) || !take_number(call, "id", UINT32_MAX, &id) ||
        !take_number(call, "offset", INT64_MAX, &offset))
        return;
    rc = call->ports->restore_data(call->ports->ctx, (uint32_t)id, offset,
                                   call->request->body, call->request->body_len, &error);
    if (rc < 0)
        tell(call, rc, &error);
    else
        accept(call, 200, (uint32_t)id);
}

void api_backup_restore_start(struct api_call *call)
{
    struct gw_error error;
    uint64_t id;
    int rc;

    if (!is_allowed(call) || !take_number(call, "id", UINT32_MAX, &id))
        return;
    rc = call->ports->restore_start(call->ports->ctx, (uint32_t)id, &error);
    if (rc < 0)
        tell(call, rc, &error);
    else
        accept(call, 202, (uint32_t)id);
}
