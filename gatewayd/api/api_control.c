/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and requests of outage control; see api_control.h. On an API thread. */
#include "gatewayd/api/api_control.h"

#include <stdio.h>
#include <string.h>

#include "gatewayd/api/api_change.h"
#include "lib/http/json_in.h"

#define FOR_MAX_S 2592000.0

static bool is_there(struct api_call *call, bool has_port)
{
    if (!has_port)
        http_problem(call->response, 404, "no-control",
                     "this gateway has no outage control");
    return has_port;
}

void api_control_get_grid(struct api_call *call)
{
    if (is_there(call, call->ports->grid))
        call->ports->grid(call->ports->ctx, &call->response->body);
}

void api_control_get_circuits(struct api_call *call)
{
    if (is_there(call, call->ports->circuits))
        call->ports->circuits(call->ports->ctx, &call->response->body);
}

void api_control_get_why(struct api_call *call)
{
    if (is_there(call, call->ports->why) &&
        !call->ports->why(call->ports->ctx, call->args[0], &call->response->body))
        http_problem(call->response, 404, "unknown-circuit", "there is no circuit %.63s",
                     call->args[0]);
}

/* The body with none but these keys, or NULL and a problem. */
static json_t *take_body(struct api_call *call, const char *const *known)
{
    char error[200];
    json_t *root = json_in_object(call->request->body, call->request->body_len, error,
                                  sizeof error);
    const char *unknown = root ? json_in_unknown_key(root, known) : NULL;

    if (!root) {
        http_problem(call->response, 400, "bad-json", "%s", error);
    } else if (unknown) {
        http_problem(call->response, 400, "unknown-key", "unknown key \"%.40s\"",
                     unknown);
        json_decref(root);
        root = NULL;
    }
    return root;
}

static bool take_span(struct api_call *call, const json_t *root, uint32_t *ret_ms)
{
    const json_t *field = json_object_get(root, "for_s");
    double span_s = json_number_value(field);

    if (field && !(json_is_number(field) && span_s >= 0 && span_s <= FOR_MAX_S)) {
        http_problem(call->response, 400, "bad-span",
                     "\"for_s\" wants seconds, from 0 to %.0f", FOR_MAX_S);
        return false;
    }
    *ret_ms = (uint32_t)(span_s * 1e3);
    return true;
}

static bool take_to(struct api_call *call, const json_t *root, char ret[64])
{
    const char *to = json_string_value(json_object_get(root, "to"));

    if (!to ||
        (strcmp(to, "on") != 0 && strcmp(to, "off") != 0 && strcmp(to, "auto") != 0)) {
        http_problem(call->response, 400, "bad-value", "\"to\" wants on, off or auto");
        return false;
    }
    snprintf(ret, 64, "%s", to);
    return true;
}

void api_control_override(struct api_call *call)
{
    static const char *const known[] = {"to", "for_s", NULL};
    struct api_post_request request = {.kind = API_POST_OVERRIDE,
                                       .uid = call->request->uid};
    json_t *root = take_body(call, known);

    if (!root)
        return;
    if (strlen(call->args[0]) >= sizeof request.device)
        http_problem(call->response, 404, "unknown-circuit", "there is no such circuit");
    else if (take_to(call, root, request.point) &&
             take_span(call, root, &request.lease_ms)) {
        strcpy(request.device, call->args[0]);
        api_change_hand_over(call, &request);
    }
    json_decref(root);
}

static void ask_bool(struct api_call *call, enum api_post_kind kind, const char *key)
{
    const char *const known[] = {key, NULL};
    struct api_post_request request = {.kind = kind, .uid = call->request->uid};
    json_t *root = take_body(call, known);
    const json_t *field = json_object_get(root, key);

    if (!root)
        return;
    if (!json_is_boolean(field)) {
        http_problem(call->response, 400, "bad-value", "\"%s\" wants true or false", key);
    } else {
        request.value =
            (struct gw_value){.type = GW_TYPE_BOOL, .v.b = json_is_true(field)};
        api_change_hand_over(call, &request);
    }
    json_decref(root);
}

void api_control_hold(struct api_call *call)
{
    ask_bool(call, API_POST_HOLD, "on");
}

void api_control_confirm(struct api_call *call)
{
    ask_bool(call, API_POST_CONFIRM, "present");
}

static void ask_span(struct api_call *call, enum api_post_kind kind)
{
    static const char *const known[] = {"for_s", NULL};
    struct api_post_request request = {.kind = kind, .uid = call->request->uid};
    json_t *root = take_body(call, known);

    if (root && !json_object_get(root, "for_s"))
        http_problem(call->response, 400, "bad-span", "\"for_s\" is missing");
    else if (root && take_span(call, root, &request.lease_ms))
        api_change_hand_over(call, &request);
    json_decref(root);
}

void api_control_storm(struct api_call *call)
{
    ask_span(call, API_POST_STORM);
}

void api_control_island(struct api_call *call)
{
    ask_span(call, API_POST_ISLAND);
}

void api_control_drill(struct api_call *call)
{
    ask_span(call, API_POST_DRILL);
}
