/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision of one gateway-route: its configuration goes out, its PUBACKs and messages
 * come in, every field checked. On the core's loop.
 */
#include "gatewayd/forward/route_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/channel/child.h"
#include "lib/channel/route_msg.h"
#include "lib/channel/wire.h"

#define SILENCE_LIMIT_S 15
#define MAX_WINDOW 64
#define STOP_TERM_MS 800u
#define STOP_KILL_MS 1000u

struct route_process {
    struct child *child;
    struct route_hooks hooks;
    char *name, *subject;
    struct strbuf config; /* body of ROUTE_MSG_CONFIG */
    bool stopping;
};

static void on_up(void *ctx)
{
    struct route_process *process = ctx;

    child_send(process->child, ROUTE_MSG_CONFIG, process->config.data,
               process->config.len, -1);
}

static void on_down(void *ctx, int status, bool again, unsigned restart_ms)
{
    struct route_process *process = ctx;

    (void)again;
    log_warning(process->subject, "gateway-route ended (status %d), restart in %u ms",
                status, restart_ms);
    process->hooks.state(process->hooks.ctx, 0, "route process restarting");
    process->hooks.down(process->hooks.ctx);
}

static void on_stopped(void *ctx)
{
    struct route_process *process = ctx;

    process->hooks.stopped(process->hooks.ctx);
}

static int on_state(struct route_process *process, struct wire *wire)
{
    uint8_t connected = wire_get_u8(wire);
    uint32_t window = wire_get_u32(wire);
    const char *text = wire_get_string(wire);

    if (!wire_done(wire))
        return -EBADMSG;
    process->hooks.state(process->hooks.ctx, connected ? window : 0, text);
    return 0;
}

static int on_done(struct route_process *process, struct wire *wire)
{
    uint64_t token = wire_get_u64(wire);
    uint32_t reason = wire_get_u32(wire);

    if (!wire_done(wire))
        return -EBADMSG;
    process->hooks.done(process->hooks.ctx, token, reason);
    return 0;
}

static int on_lost(struct route_process *process, struct wire *wire)
{
    uint64_t token = wire_get_u64(wire);

    if (!wire_done(wire))
        return -EBADMSG;
    process->hooks.lost(process->hooks.ctx, token);
    return 0;
}

static int on_incoming(struct route_process *process, struct wire *wire)
{
    struct route_message message;

    message.topic = wire_get_string(wire);
    message.retained = wire_get_u8(wire) != 0;
    message.expiry_s = wire_get_u32(wire);
    message.payload = wire_get_bytes(wire, &message.len);
    if (!wire_done(wire))
        return -EBADMSG;
    process->hooks.message(process->hooks.ctx, &message);
    return 0;
}

static int on_log(struct route_process *process, struct wire *wire)
{
    uint8_t level = wire_get_u8(wire);
    const char *text = wire_get_string(wire);

    if (!wire_done(wire))
        return -EBADMSG;
    log_line(log_level_of(level), process->subject, "%s", text);
    return 0;
}

static int on_alive(struct route_process *process, struct wire *wire)
{
    (void)process;
    (void)wire;
    return 0;
}

static int on_message(void *ctx, const struct channel_message *message)
{
    static int (*const handlers[])(struct route_process *, struct wire *) = {
        [ROUTE_MSG_STATE] = on_state, [ROUTE_MSG_DONE] = on_done,
        [ROUTE_MSG_LOST] = on_lost,   [ROUTE_MSG_MESSAGE] = on_incoming,
        [ROUTE_MSG_LOG] = on_log,     [ROUTE_MSG_ALIVE] = on_alive,
    };
    struct wire wire = wire_of(message->body, message->len);

    if (message->type >= sizeof handlers / sizeof *handlers || !handlers[message->type])
        return -EBADMSG;
    return handlers[message->type](ctx, &wire);
}

static void encode_config(struct route_process *process, const struct config_route *route,
                          const struct route_process_options *options)
{
    static const char *const subscriptions[] = {"cmd/+", "receipt/+", "plan"};
    struct strbuf *buf = &process->config;
    char text[160];

    wire_put_string(buf, route->name);
    wire_put_string(buf, route->host);
    wire_put_u32(buf, route->port);
    wire_put_u8(buf, route->tls);
    snprintf(text, sizeof text, "gatewayd-%s-%s", options->gateway_id, route->name);
    wire_put_string(buf, text);
    wire_put_string(buf, options->credentials);
    snprintf(text, sizeof text, "gw/%s/%s/", options->site, options->gateway_id);
    wire_put_string(buf, text);
    wire_put_string(buf, options->will);
    wire_put_u32(buf, sizeof subscriptions / sizeof *subscriptions);
    for (size_t i = 0; i < sizeof subscriptions / sizeof *subscriptions; i++)
        wire_put_string(buf, subscriptions[i]);
    wire_put_u32(buf, MAX_WINDOW);
    /* where a name leads was judged once; at each connection it may lead elsewhere */
    wire_put_u8(buf, strcmp(route->recipient, "self") == 0);
}

struct route_process *route_process_new(sd_event *event, const struct config_route *route,
                                        const struct route_process_options *options,
                                        const struct route_hooks *hooks)
{
    struct route_process *process = calloc(1, sizeof *process);
    const char *argv[] = {options->program, NULL};
    struct child_options child_options = {.argv = argv,
                                          .extra_fd = -1,
                                          .extra_env = "RES_OPTIONS=timeout:1 attempts:1",
                                          .heartbeat_type = ROUTE_MSG_HEARTBEAT,
                                          .silence_limit_s = SILENCE_LIMIT_S};
    struct child_hooks child_hooks = {.ctx = process,
                                      .up = on_up,
                                      .message = on_message,
                                      .down = on_down,
                                      .stopped = on_stopped};

    if (!process)
        return NULL;
    process->hooks = *hooks;
    process->name = strdup(route->name);
    if (asprintf(&process->subject, "route %s", route->name) < 0)
        process->subject = NULL;
    encode_config(process, route, options);
    child_options.subject = process->subject;
    if (process->name && process->subject && !process->config.failed)
        process->child = child_new(event, &child_options, &child_hooks);
    if (!process->child) {
        route_process_free(process);
        return NULL;
    }
    child_start(process->child);
    return process;
}

void route_process_free(struct route_process *process)
{
    if (!process)
        return;
    child_free(process->child);
    strbuf_done(&process->config);
    free(process->name);
    free(process->subject);
    free(process);
}

void route_process_tick(struct route_process *process)
{
    child_tick(process->child);
}

int route_process_publish(struct route_process *process, uint64_t token,
                          const char *topic, bool retain, const char *payload, size_t len)
{
    struct strbuf buf;
    int rc = -ENOMEM;

    strbuf_init(&buf);
    wire_put_u64(&buf, token);
    wire_put_u8(&buf, retain);
    wire_put_u32(&buf, 0);
    wire_put_string(&buf, topic);
    wire_put_bytes(&buf, payload, len);
    if (!buf.failed)
        rc = child_send_now(process->child, ROUTE_MSG_PUBLISH, buf.data, buf.len);
    strbuf_done(&buf);
    return rc;
}

void route_process_stop(struct route_process *process)
{
    process->stopping = true;
    child_stop(process->child, ROUTE_MSG_STOP, NULL, 0, STOP_TERM_MS, STOP_KILL_MS);
}

void route_process_restart(struct route_process *process, const char *why)
{
    child_kill(process->child, why);
}

uint32_t route_process_n_restarts(const struct route_process *process)
{
    return child_n_restarts(process->child);
}
