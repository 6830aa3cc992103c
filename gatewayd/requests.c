/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others ask the gateway to do: posts of the API (from its threads onto the loop)
 * and commands of a route. Both end in writes.c.
 */
#include "gatewayd/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/command/command.h"
#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* What a broker can make us do and store: more than this is dropped without an answer. */
#define COMMANDS_MAX 64
#define COMMANDS_PER_S 10
#define COMMANDS_BURST 100
#define DROPS_TOLD_NS (60 * CLOCK_NS_PER_S)

/* ---- posts of the API -------------------------------------------------------------- */

struct posted {
    struct gateway *gateway;
    struct api_post *post;
};

static void on_post_answer(void *ctx, enum write_outcome outcome, const char *text,
                           const struct gw_value *readback)
{
    static const enum api_outcome outcomes[] = {[WRITE_CONFIRMED] = API_CONFIRMED,
                                                [WRITE_ACCEPTED] = API_ACCEPTED,
                                                [WRITE_REFUSED] = API_REFUSED,
                                                [WRITE_FAILED] = API_FAILED};

    api_post_finish(ctx, outcomes[outcome], text,
                    readback->type == GW_TYPE_NONE ? NULL : readback);
}

static void on_read_answer(void *ctx, enum write_outcome outcome, const char *text,
                           const struct gw_value *readback)
{
    (void)readback;
    api_post_finish(ctx,
                    outcome == WRITE_ACCEPTED || outcome == WRITE_CONFIRMED
                        ? API_CONFIRMED
                        : API_FAILED,
                    text, NULL);
}

static void post_reload(struct gateway *gateway, struct api_post *post)
{
    char *text = NULL;
    int rc = gateway_reload(gateway, &text);

    api_post_finish(post, rc < 0 ? API_REFUSED : API_CONFIRMED, text ? text : "", NULL);
    free(text);
}

/* Two masters of one relay would undo each other's orders. */
static bool refuse_owned(struct gateway *gateway, uint32_t device, uint32_t point,
                         char *text, size_t size)
{
    return controlling_owns(gateway->controlling, device, point, text, size);
}

static void post_write(struct gateway *gateway, struct api_post *post)
{
    const struct api_post_request *request = api_post_get(post);
    int device = catalog_find_device(gateway->catalog, request->device);
    int point = device < 0 ? -1
                           : catalog_device_find_point(&gateway->catalog->devices[device],
                                                       request->point);
    const struct write_order order = {.device = (uint32_t)device,
                                      .point = (uint32_t)point,
                                      .value = request->value,
                                      .lease_ms = request->lease_ms,
                                      .by = "api"};
    char text[200];

    if (point < 0) {
        api_post_finish(post, API_NOT_FOUND, "no such device or point", NULL);
        return;
    }
    if (refuse_owned(gateway, order.device, order.point, text, sizeof text))
        api_post_finish(post, API_REFUSED, text, NULL);
    else
        writes_order(gateway->writes, gateway->catalog, &order, on_post_answer, post);
}

static void post_read(struct gateway *gateway, struct api_post *post)
{
    int device = catalog_find_device(gateway->catalog, api_post_get(post)->device);

    if (device < 0)
        api_post_finish(post, API_NOT_FOUND, "no such device", NULL);
    else
        writes_read(gateway->writes, (uint32_t)device, on_read_answer, post);
}

static void on_posted(void *arg)
{
    struct posted *posted = arg;
    struct gateway *gateway = posted->gateway;
    struct api_post *post = posted->post;

    free(posted);
    switch (api_post_get(post)->kind) {
    case API_POST_WRITE:
        post_write(gateway, post);
        break;
    case API_POST_READ:
        post_read(gateway, post);
        break;
    case API_POST_RELOAD:
        post_reload(gateway, post);
        break;
    case API_POST_OVERRIDE:
    case API_POST_HOLD:
    case API_POST_STORM:
    case API_POST_DRILL:
    case API_POST_CONFIRM:
    case API_POST_ISLAND:
        controlling_post(gateway->controlling, post);
        break;
    default:
        api_post_finish(post, API_REFUSED, "unknown request", NULL);
        break;
    }
}

int requests_post(void *ctx, struct api_post *post)
{
    struct gateway *gateway = ctx;
    struct posted *posted = malloc(sizeof *posted);
    int rc;

    if (!posted)
        return -ENOMEM;
    *posted = (struct posted){gateway, post};
    rc = loop_calls_post(gateway->calls, on_posted, posted);
    if (rc < 0)
        free(posted);
    return rc;
}

/* ---- commands of a route ----------------------------------------------------------- */

/* One command on its way: loop -> store (seen before?) -> loop (do it) -> store (keep the
 * answer) -> loop (send it). */
struct asked {
    struct gateway *gateway;
    char route[64], id[COMMAND_ID_MAX + 1];
    /* its numbers hold for this generation of the configuration */
    struct command command;
    uint32_t generation;
    int64_t deadline_boot_ns;
    char *answer;
    bool seen, is_noted;
};

static void asked_free(struct asked *asked)
{
    __atomic_sub_fetch(&asked->gateway->commands.n, 1, __ATOMIC_RELAXED);
    free(asked->answer);
    free(asked);
}

static void send_answer(void *arg)
{
    struct asked *asked = arg;
    char topic[80];

    snprintf(topic, sizeof topic, "ack/%s", asked->id);
    if (asked->answer)
        forwarding_answer(asked->gateway->forwarding, asked->route, topic, asked->answer);
    asked_free(asked);
}

static void keep_answer(void *arg)
{
    struct asked *asked = arg;

    store_command_finish(asked->gateway->store, asked->id, asked->answer);
    if (loop_calls_post(asked->gateway->calls, send_answer, asked) < 0)
        asked_free(asked);
}

static void answer_command(struct asked *asked, enum command_result result,
                           const char *reason, const struct gw_value *readback)
{
    struct strbuf buf;

    strbuf_init(&buf);
    command_put_answer(&buf, result, reason, readback);
    asked->answer = strbuf_take(&buf);
    if (!asked->answer || store_post(asked->gateway->store, keep_answer, asked, true) < 0)
        send_answer(asked);
}

static void on_command_answer(void *ctx, enum write_outcome outcome, const char *text,
                              const struct gw_value *readback)
{
    static const enum command_result results[] = {[WRITE_CONFIRMED] = COMMAND_CONFIRMED,
                                                  [WRITE_ACCEPTED] = COMMAND_ACCEPTED,
                                                  [WRITE_REFUSED] = COMMAND_REFUSED,
                                                  [WRITE_FAILED] = COMMAND_FAILED};
    struct asked *asked = ctx;
    char line[400];

    snprintf(line, sizeof line, "command %s by %s: %s%s%s", asked->id, asked->command.by,
             command_result_name(results[outcome]), *text ? ": " : "", text);
    gateway_event(asked->gateway, "", "command",
                  outcome >= WRITE_REFUSED ? "warning" : "info", line);
    answer_command(asked, results[outcome], text, readback);
}

/* Without its id on record a repetition could not be told from a new command. */
static void refuse_unnoted(struct asked *asked)
{
    struct strbuf buf;

    strbuf_init(&buf);
    command_put_answer(&buf, COMMAND_REFUSED,
                       "the command cannot be noted now; send it again", NULL);
    free(asked->answer);
    asked->answer = strbuf_take(&buf);
    send_answer(asked);
}

static void order_command(struct asked *asked)
{
    const struct command *command = &asked->command;
    const struct write_order order = {.device = command->device, .point = command->point,
                                      .value = command->value,
                                      .lease_ms = command->lease_ms, .by = command->by};

    writes_order(asked->gateway->writes, asked->gateway->catalog, &order,
                 on_command_answer, asked);
}

static void do_command(void *arg)
{
    struct asked *asked = arg;
    struct gateway *gateway = asked->gateway;
    const struct command *command = &asked->command;
    char text[200];

    if (asked->seen)
        send_answer(asked);
    else if (!asked->is_noted)
        refuse_unnoted(asked);
    else if (!command->accepted)
        answer_command(asked, COMMAND_REFUSED, command->reason, NULL);
    else if (clock_boot_ns() > asked->deadline_boot_ns)
        answer_command(asked, COMMAND_REFUSED, "it expired before it could be done",
                       NULL);
    else if (asked->generation != gateway->generation)
        answer_command(asked, COMMAND_REFUSED, "the configuration changed meanwhile",
                       NULL);
    else if (refuse_owned(gateway, command->device, command->point, text, sizeof text))
        answer_command(asked, COMMAND_REFUSED, text, NULL);
    else
        order_command(asked);
}

static void note_command(void *arg)
{
    struct asked *asked = arg;
    int rc = store_command_begin(asked->gateway->store, asked->id, &asked->answer);

    asked->seen = rc == 1;
    asked->is_noted = rc >= 0;
    if (rc < 0)
        log_warning("command", "cannot note command %s: %s", asked->id, strerror(-rc));
    if (loop_calls_post(asked->gateway->calls, do_command, asked) < 0)
        asked_free(asked);
}

static void tell_drops(struct gateway *gateway, const char *route, int64_t now_ns)
{
    char text[160];

    gateway->commands.n_dropped++;
    if (gateway->commands.told_boot_ns &&
        now_ns - gateway->commands.told_boot_ns < DROPS_TOLD_NS)
        return;
    snprintf(text, sizeof text,
             "more commands than are taken (%d per s), by now over route '%s': "
             "%llu dropped",
             COMMANDS_PER_S, route, (unsigned long long)gateway->commands.n_dropped);
    gateway_event(gateway, "", "commands-dropped", "warning", text);
    gateway->commands.n_dropped = 0;
    gateway->commands.told_boot_ns = now_ns;
}

static bool takes_command(struct gateway *gateway, const char *route)
{
    int64_t now_ns = clock_boot_ns(), each_ns = CLOCK_NS_PER_S / COMMANDS_PER_S;

    if (gateway->commands.due_boot_ns < now_ns - COMMANDS_BURST * each_ns)
        gateway->commands.due_boot_ns = now_ns - COMMANDS_BURST * each_ns;
    if (gateway->commands.due_boot_ns > now_ns ||
        __atomic_load_n(&gateway->commands.n, __ATOMIC_RELAXED) >= COMMANDS_MAX) {
        tell_drops(gateway, route, now_ns);
        return false;
    }
    gateway->commands.due_boot_ns += each_ns;
    return true;
}

void requests_command(void *ctx, const char *route, const char *id,
                      const struct route_message *message)
{
    struct gateway *gateway = ctx;
    struct command_message in = {.id = id,
                                 .payload = message->payload,
                                 .len = message->len,
                                 .retained = message->retained,
                                 .expiry_s = message->expiry_s};
    struct asked *asked;

    if (!takes_command(gateway, route))
        return;
    if (!command_id_is_valid(id)) {
        log_warning(route, "command with an unusable id ignored");
        return;
    }
    asked = calloc(1, sizeof *asked);
    if (!asked)
        return;
    asked->gateway = gateway;
    __atomic_add_fetch(&gateway->commands.n, 1, __ATOMIC_RELAXED);
    snprintf(asked->route, sizeof asked->route, "%s", route);
    snprintf(asked->id, sizeof asked->id, "%s", id);
    asked->generation = gateway->generation;
    asked->command = command_parse(gateway->config, gateway->catalog, &in);
    asked->deadline_boot_ns =
        clock_boot_ns() + (int64_t)asked->command.valid_s * CLOCK_NS_PER_S;
    if (store_post(gateway->store, note_command, asked, true) < 0)
        asked_free(asked);
}
