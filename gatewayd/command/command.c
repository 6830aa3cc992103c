/* SPDX-License-Identifier: Apache-2.0 */
/* Commands from outside; see command.h. Any thread. */
#include "gatewayd/command/command.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/http/json_in.h"

#define MS_PER_S 1000

static bool refuse(struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Always false: `return refuse(...)`. */
static bool refuse(struct command *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(command->reason, sizeof command->reason, format, args);
    va_end(args);
    return false;
}

bool command_id_is_valid(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.:-";
    size_t len = strlen(id);

    return len >= 1 && len <= COMMAND_ID_MAX && strspn(id, allowed) == len;
}

static bool check_envelope(const struct command_message *message, struct command *ret)
{
    if (!command_id_is_valid(message->id))
        return refuse(ret, "the id is not one of 1 to 64 letters, digits, _ . : -");
    /* a broker hands a retained command to every new connection: it would never end */
    if (message->retained)
        return refuse(ret, "retained commands are refused");
    if (message->expiry_s == 0)
        return refuse(ret, "no message expiry: set it to valid_s");
    if (message->expiry_s > COMMAND_VALID_MAX_S)
        return refuse(ret, "message expiry above %d s", COMMAND_VALID_MAX_S);
    if (message->len > COMMAND_PAYLOAD_MAX)
        return refuse(ret, "more than %d bytes", COMMAND_PAYLOAD_MAX);
    return true;
}

/* An integer field within min..max. */
static bool get_integer(const json_t *object, const char *key, json_int_t min,
                        json_int_t max, uint32_t *ret_number, struct command *ret)
{
    const json_t *field = json_object_get(object, key);

    if (!json_is_integer(field))
        return refuse(ret, "'%s' must be a whole number", key);
    if (json_integer_value(field) < min || json_integer_value(field) > max)
        return refuse(ret, "'%s' must be %lld to %lld", key, (long long)min,
                      (long long)max);
    *ret_number = (uint32_t)json_integer_value(field);
    return true;
}

static const char *get_string(const json_t *object, const char *key, struct command *ret)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (!text || !text[0]) {
        refuse(ret, "'%s' must be a text", key);
        return NULL;
    }
    return text;
}

static bool check_times(const json_t *object, const struct command_message *message,
                        struct command *ret)
{
    uint32_t version, valid_s;

    if (!get_integer(object, "v", 1, 1, &version, ret) ||
        !get_integer(object, "valid_s", 1, COMMAND_VALID_MAX_S, &valid_s, ret))
        return false;
    /* the expiry starts as valid_s and the broker counts it down */
    if (message->expiry_s > valid_s)
        return refuse(ret, "message expiry %u s is longer than valid_s %u s",
                      message->expiry_s, valid_s);
    ret->valid_s = message->expiry_s;
    return true;
}

static bool is_allowed(const struct config *config, const char *by, const char *point)
{
    for (uint32_t i = 0; i < config->n_allows; i++) {
        const struct config_allow *allow = &config->allows[i];

        if (strcmp(allow->by, by) != 0)
            continue;
        for (uint32_t k = 0; k < allow->n_points; k++)
            if (strcmp(allow->points[k], point) == 0)
                return true;
    }
    return false;
}

static bool check_sender(const json_t *object, const struct config *config,
                         const struct catalog *catalog, struct command *ret)
{
    const char *by = get_string(object, "by", ret);
    const char *point = by ? get_string(object, "point", ret) : NULL;

    if (!point)
        return false;
    /* the same words whether the point exists or not: strangers learn nothing */
    if (strlen(by) >= sizeof ret->by || !is_allowed(config, by, point) ||
        !catalog_find(catalog, point, &ret->device, &ret->point))
        return refuse(ret, "this sender may not command this point (commands.allow)");
    snprintf(ret->by, sizeof ret->by, "%s", by);
    if (!catalog->devices[ret->device].points[ret->point].writable)
        return refuse(ret, "the point is not writable");
    return true;
}

static bool get_bool(const json_t *field, struct command *ret)
{
    bool is_digit = json_is_integer(field) && json_integer_value(field) >= 0 &&
                    json_integer_value(field) <= 1;

    if (!json_is_boolean(field) && !is_digit)
        return refuse(ret, "'value' must be true or false");
    ret->value.type = GW_TYPE_BOOL;
    ret->value.v.b = is_digit ? json_integer_value(field) != 0 : json_is_true(field);
    return true;
}

static bool get_value(const json_t *object, const struct catalog_point *point,
                      struct command *ret)
{
    const json_t *field = json_object_get(object, "value");
    double number;

    if (point->is_bool)
        return get_bool(field, ret);
    if (!json_is_number(field))
        return refuse(ret, "'value' must be a number");
    number = json_number_value(field);
    if (!(number >= point->write_min && number <= point->write_max))
        return refuse(ret, "'value' must be %.15g to %.15g", point->write_min,
                      point->write_max);
    ret->value.type = GW_TYPE_FLOAT64;
    ret->value.v.d = number;
    return true;
}

static bool get_lease(const json_t *object, const struct catalog_point *point,
                      struct command *ret)
{
    uint32_t lease_s;

    /* a lease beyond the point's own would leave a device with a value nobody renews */
    if (!get_integer(object, "lease_s", 1, point->lease_ms / MS_PER_S, &lease_s, ret))
        return false;
    ret->lease_ms = lease_s * MS_PER_S;
    return true;
}

static bool parse_object(const struct config *config, const struct catalog *catalog,
                         const struct command_message *message, json_t *object,
                         struct command *ret)
{
    static const char *const known[] = {"v", "point", "value", "lease_s",
                                        "valid_s", "by", NULL};
    const char *unknown = json_in_unknown_key(object, known);
    const struct catalog_point *point;

    if (unknown)
        return refuse(ret, "unknown field '%.40s'", unknown);
    if (!check_times(object, message, ret) || !check_sender(object, config, catalog, ret))
        return false;
    point = &catalog->devices[ret->device].points[ret->point];
    return get_value(object, point, ret) && get_lease(object, point, ret);
}

struct command command_parse(const struct config *config, const struct catalog *catalog,
                             const struct command_message *message)
{
    struct command command = {.accepted = false};
    char error[120];
    json_t *object;

    if (!check_envelope(message, &command))
        return command;
    object = json_in_object(message->payload, message->len, error, sizeof error);
    if (!object) {
        refuse(&command, "not JSON: %s", error);
        return command;
    }
    command.accepted = parse_object(config, catalog, message, object, &command);
    json_decref(object);
    return command;
}

const char *command_result_name(enum command_result result)
{
    static const char *const names[] = {"confirmed", "accepted", "refused", "failed"};

    return names[result];
}

void command_put_answer(struct strbuf *buf, enum command_result result,
                        const char *reason, const struct gw_value *readback)
{
    strbuf_puts(buf, "{\"v\":1,\"result\":\"");
    strbuf_puts(buf, command_result_name(result));
    strbuf_puts(buf, "\",\"reason\":");
    if (reason && reason[0])
        strbuf_put_json_string(buf, reason);
    else
        strbuf_puts(buf, "null");
    strbuf_puts(buf, ",\"readback\":");
    if (readback && readback->type != GW_TYPE_NONE)
        value_put_json(readback, buf);
    else
        strbuf_puts(buf, "null");
    strbuf_putc(buf, '}');
}
