/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST: the body becomes an api_post for the loop, whose answer becomes the document. The
 * API thread waits at most 5 s; limits, leases and rights of the point are the loop's.
 */
#include "gatewayd/api/api_change.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/api/api_json.h"
#include "lib/http/json_in.h"

#define LEASE_MAX_S 86400.0

static unsigned outcome_status(enum api_outcome outcome, enum api_post_kind kind)
{
    switch (outcome) {
    case API_CONFIRMED:
        return 200;
    case API_ACCEPTED:
        return 202;
    case API_REFUSED:
        return kind == API_POST_RELOAD ? 422 : 403;
    case API_NOT_FOUND:
        return 404;
    case API_FAILED:
        break;
    }
    return 502;
}

/* Every answer of the loop, good or bad, has the same form, so that a program looks at
 * "result" and needs no second parser. */
static void tell(struct api_call *call, enum api_post_kind kind,
                 struct api_post_result *result)
{
    call->response->status = outcome_status(result->outcome, kind);
    api_json_result(result, &call->response->body);
    free(result->text);
}

void api_change_hand_over(struct api_call *call, const struct api_post_request *request)
{
    struct api_post *post;
    struct api_post_result result;
    int rc;

    if (api_post_count() >= API_POSTS_MAX || !(post = api_post_new(request))) {
        http_problem(call->response, 503, "busy",
                     "too many requests wait; try again soon");
        return;
    }
    rc = call->ports->post(call->ports->ctx, post);
    if (rc < 0) {
        api_post_unref(post); /* the loop's reference, which it did not take */
        http_problem(call->response, 503, "busy", "not taken: %s", error_errno_text(rc));
    } else {
        rc = api_post_wait(post, call->stop_fd, API_POST_TIMEOUT_MS, &result);
        if (rc == 0)
            tell(call, request->kind, &result);
        else if (rc == -ECANCELED)
            http_problem(call->response, 503, "stopping", "gatewayd is stopping");
        else
            http_problem(call->response, 504, "no-answer",
                         "no answer within %d s; it may still be done, look at the point",
                         API_POST_TIMEOUT_MS / 1000);
    }
    api_post_unref(post);
}

static bool copy_name(struct api_call *call, char ret[64], const char *name)
{
    size_t len = strlen(name);

    if (len && len < 64) {
        memcpy(ret, name, len + 1);
        return true;
    }
    http_problem(call->response, 404, "unknown-name", "there is no such device or point");
    return false;
}

static bool take_value(struct api_call *call, json_t *value, struct gw_value *ret)
{
    if (json_is_boolean(value))
        *ret = (struct gw_value){.type = GW_TYPE_BOOL, .v.b = json_is_true(value)};
    else if (json_is_integer(value))
        *ret = (struct gw_value){.type = GW_TYPE_INT, .v.i = json_integer_value(value)};
    else if (json_is_real(value))
        *ret = (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = json_real_value(value)};
    else if (json_is_string(value) && json_string_length(value) <= VALUE_STRING_MAX)
        *ret = (struct gw_value){.type = GW_TYPE_STRING, .v.s = json_string_value(value)};
    else {
        http_problem(call->response, 400, "bad-value",
                     "\"value\" wants a number, true, false or a short text");
        return false;
    }
    return true;
}

static bool take_lease(struct api_call *call, json_t *lease, uint32_t *ret_ms)
{
    double lease_s = lease ? json_number_value(lease) : 0;

    if (lease && !(json_is_number(lease) && lease_s > 0 && lease_s <= LEASE_MAX_S)) {
        http_problem(call->response, 400, "bad-lease",
                     "\"lease_s\" wants seconds, above 0 and up to %.0f", LEASE_MAX_S);
        return false;
    }
    *ret_ms = (uint32_t)ceil(lease_s * 1e3);
    return true;
}

void api_change_point(struct api_call *call)
{
    static const char *const known[] = {"value", "lease_s", NULL};
    struct api_post_request request = {.kind = API_POST_WRITE, .uid = call->request->uid};
    char error[200];
    const char *unknown;
    json_t *root;

    if (!copy_name(call, request.device, call->args[0]) ||
        !copy_name(call, request.point, call->args[1]))
        return;
    root =
        json_in_object(call->request->body, call->request->body_len, error, sizeof error);
    if (!root) {
        http_problem(call->response, 400, "bad-json", "%s", error);
        return;
    }
    unknown = json_in_unknown_key(root, known);
    if (unknown)
        http_problem(call->response, 400, "unknown-key", "unknown key \"%.40s\"",
                     unknown);
    else if (take_value(call, json_object_get(root, "value"), &request.value) &&
             take_lease(call, json_object_get(root, "lease_s"), &request.lease_ms))
        api_change_hand_over(call, &request);
    json_decref(root);
}

void api_change_read(struct api_call *call)
{
    struct api_post_request request = {.kind = API_POST_READ, .uid = call->request->uid};

    if (copy_name(call, request.device, call->args[0]))
        api_change_hand_over(call, &request);
}

void api_change_reload(struct api_call *call)
{
    const struct api_post_request request = {.kind = API_POST_RELOAD,
                                             .uid = call->request->uid};

    api_change_hand_over(call, &request);
}
