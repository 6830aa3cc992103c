/* SPDX-License-Identifier: Apache-2.0 */
/* Plan messages: parsed strictly, replays refused; see plan_in.h. */
#include "gatewayd/control/plan_in.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/http/json_in.h"

#define VALID_MAX_S 86400
#define UNTIL_MAX_S 604800
#define POWER_MAX_W 1e7
#define ENERGY_MAX_WH 1e9

static const char *const mode_names[] = {"normal", "storm", "island"};

const char *plan_mode_name(enum plan_mode mode)
{
    return (unsigned)mode < 3 ? mode_names[mode] : "";
}

/* ---- fields ------------------------------------------------------------------------ */

static bool get_text(const json_t *root, const char *key, char *ret, size_t size)
{
    const json_t *field = json_object_get(root, key);

    if (!json_is_string(field) || json_string_length(field) >= size)
        return false;
    memcpy(ret, json_string_value(field), json_string_length(field) + 1);
    return true;
}

/* Absent is fine where `is_needed` is false: *ret stays. */
static bool get_number(const json_t *root, const char *key, bool is_needed, double max,
                       double *ret)
{
    const json_t *field = json_object_get(root, key);
    double number = json_number_value(field);

    if (!field)
        return !is_needed;
    if (!json_is_number(field) || !(number >= 0 && number <= max))
        return false;
    *ret = number;
    return true;
}

static bool get_word(const json_t *root, const char *key, const char *const *words, int n,
                     int *ret)
{
    const char *text = json_string_value(json_object_get(root, key));

    for (int i = 0; text && i < n; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static const char *parse_names(const json_t *root, struct plan_content *ret)
{
    static const char *const classes[] = {"P0", "P1", "P2", "P3", "P4"};
    const json_t *state = json_object_get(root, "state");
    int mode, class = CIRCUIT_P4, id;

    if (!get_text(root, "plan", ret->id, sizeof ret->id) || !ret->id[0])
        return "'plan' must be a text of 1 to 64 bytes";
    if (!get_word(root, "mode", mode_names, 3, &mode))
        return "'mode' must be normal, storm or island";
    ret->mode = (enum plan_mode)mode;
    id = state
             ? grid_state_from_name(json_is_string(state) ? json_string_value(state) : "")
             : 0;
    if (id < 0)
        return "'state' is no state of the grid";
    ret->has_state = state != NULL;
    ret->state = (enum grid_state_id)id;
    if (json_object_get(root, "p_max") && !get_word(root, "p_max", classes, 5, &class))
        return "'p_max' must be P0 to P4";
    ret->p_max = (enum circuit_class) class;
    if (json_object_get(root, "reason") &&
        !get_text(root, "reason", ret->reason, sizeof ret->reason))
        return "'reason' must be a text below 200 bytes";
    return NULL;
}

static const char *parse_numbers(const json_t *root, struct plan_content *ret)
{
    double valid_s = 0, until_s = 0, soc = -1;

    ret->power_w = ret->energy_wh = -1;
    if (!get_number(root, "valid_s", true, VALID_MAX_S, &valid_s) || valid_s < 1)
        return "'valid_s' must be 1 to 86400";
    if (!get_number(root, "power_w", false, POWER_MAX_W, &ret->power_w))
        return "'power_w' must be a power in W";
    if (!get_number(root, "energy_wh", false, ENERGY_MAX_WH, &ret->energy_wh))
        return "'energy_wh' must be an energy in Wh";
    if (!get_number(root, "until_s", ret->energy_wh >= 0, UNTIL_MAX_S, &until_s))
        return "'until_s' must be a time in s, and stand beside 'energy_wh'";
    if (!get_number(root, "soc_permille", false, 1000, &soc))
        return "'soc_permille' must be 0 to 1000";
    ret->valid_s = (uint32_t)valid_s;
    ret->until_s = (uint32_t)until_s;
    ret->soc_permille = (int32_t)lround(soc);
    return NULL;
}

static const char *parse(const struct plan_message *message, struct plan_content *ret)
{
    static const char *const known[] = {"v",        "plan",  "valid_s", "mode",   "state",
                                        "soc_permille", "power_w", "energy_wh", "until_s",
                                        "p_max",    "reason", NULL};
    static _Thread_local char error[200];
    const char *reason, *unknown;
    json_t *root;

    if (message->retained)
        return "retained plans are refused: nobody knows how old they are";
    if (message->len > PLAN_IN_BYTES_MAX)
        return "more than 4096 bytes";
    root = json_in_object(message->payload, message->len, error, sizeof error);
    if (!root)
        return error;
    unknown = json_in_unknown_key(root, known);
    if (unknown) {
        snprintf(error, sizeof error, "unknown key '%.40s'", unknown);
        reason = error;
    } else if (json_integer_value(json_object_get(root, "v")) != 1) {
        reason = "'v' must be 1";
    } else {
        reason = parse_names(root, ret);
        if (!reason)
            reason = parse_numbers(root, ret);
    }
    json_decref(root);
    return reason;
}

/* ---- taking it --------------------------------------------------------------------- */

static bool was_seen(const struct plan_in *plan, const char *id)
{
    for (unsigned i = 0; i < PLAN_IN_IDS; i++)
        if (strcmp(plan->seen[i], id) == 0)
            return true;
    return false;
}

static const char *take(struct plan_in *plan, const struct plan_message *message,
                        int64_t t_boot_ms)
{
    struct plan_content content = {0};
    const char *reason = parse(message, &content);
    bool is_same = plan->is_there && strcmp(plan->content.id, content.id) == 0;
    uint32_t until_s;

    if (reason)
        return reason;
    if (!is_same && was_seen(plan, content.id))
        return "an older plan came again";
    if (!is_same) {
        snprintf(plan->seen[plan->n_seen++ % PLAN_IN_IDS], sizeof plan->seen[0], "%s",
                 content.id);
        plan->t_first_ms = t_boot_ms;
    }
    until_s = is_same ? plan->content.until_s : content.until_s;
    plan->content = content;
    plan->content.until_s = until_s;
    plan->is_there = true;
    plan->t_last_ms = t_boot_ms;
    return NULL;
}

const char *plan_in_take(struct plan_in *plan, const struct plan_message *message,
                         int64_t t_boot_ms)
{
    const char *reason = take(plan, message, t_boot_ms);

    if (reason)
        plan->n_refused++;
    else
        plan->n_accepted++;
    return reason;
}

const struct plan_content *plan_in_now(const struct plan_in *plan, int64_t t_boot_ms)
{
    if (!plan->is_there ||
        t_boot_ms >= plan->t_last_ms + (int64_t)plan->content.valid_s * 1000)
        return NULL;
    return &plan->content;
}

bool plan_in_is_alive(const struct plan_in *plan, int64_t t_boot_ms)
{
    return plan_in_now(plan, t_boot_ms) &&
           t_boot_ms < plan->t_last_ms + PLAN_IN_HEARTBEAT_MS;
}

int64_t plan_in_next_ms(const struct plan_in *plan, int64_t t_boot_ms)
{
    int64_t end_ms = plan->t_last_ms + (int64_t)plan->content.valid_s * 1000;
    int64_t beat_ms = plan->t_last_ms + PLAN_IN_HEARTBEAT_MS;

    if (!plan->is_there || t_boot_ms >= end_ms)
        return INT64_MAX;
    return t_boot_ms < beat_ms && beat_ms < end_ms ? beat_ms : end_ms;
}
