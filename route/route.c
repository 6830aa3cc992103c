/* SPDX-License-Identifier: Apache-2.0 */
/* One MQTT route; see route.h. Between the core's channel and lib/mqtt, on one thread. */
#include "route/route.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/channel.h"
#include "lib/channel/route_msg.h"
#include "lib/channel/wire.h"
#include "lib/consent/consent_address.h"
#include "lib/mqtt/backoff.h"
#include "lib/mqtt/mqtt.h"
#include "lib/mqtt/resolver.h"
#include "route/outbox.h"
#include "route/route_config.h"

#define HEARTBEAT_TIMEOUT_NS (5 * CLOCK_NS_PER_S)
#define STOP_TIMEOUT_NS (2 * CLOCK_NS_PER_S)
#define STEADY_NS (10 * CLOCK_NS_PER_S) /* a connection this old forgives the failures */
#define PAYLOAD_MAX 61440
#define PACKET_MAX (PAYLOAD_MAX + 4096) /* with topic and properties */
#define TRIM_BYTES (512 * 1024) /* of payloads, since memory was last given back */
#define INBOX_MESSAGES 64
#define INBOX_BYTES (256 * 1024)

enum phase {
    PHASE_NO_CONFIG,
    PHASE_WAITING,    /* for t_phase_ns, to try again */
    PHASE_RESOLVING,
    PHASE_CONNECTING, /* and subscribing, until t_phase_ns at most */
    PHASE_UP,         /* since t_phase_ns */
};

struct route {
    struct route_options options;
    struct channel *channel;
    struct route_config config;
    struct mqtt *mqtt;
    struct resolver *resolver;
    struct backoff backoff;
    struct outbox outbox;
    struct mqtt_message *held; /* received, the channel was full */
    enum phase phase;
    int64_t t_phase_ns, t_heartbeat_ns, t_progress_ns;
    unsigned window;
    unsigned n_tried; /* addresses of the host, since it was last given up */
    uint64_t n_dropped, n_dropped_told; /* received messages */
    size_t n_bytes; /* published since the last trim */
    struct log_limit drop_limit;
    bool stopping; /* DISCONNECT as soon as all is answered */
    bool leaving;  /* SIGTERM: wait a little for the core to say stop */
    int64_t t_stop_ns;
    bool ended;
    int exit_code;
};

static void end(struct route *route, int exit_code)
{
    route->ended = true;
    route->exit_code = exit_code;
}

static void log_to_core(void *ctx, enum log_level level, const char *subject,
                        const char *text)
{
    struct route *route = ctx;
    struct strbuf buf;

    (void)subject; /* the core knows which route this is */
    strbuf_init(&buf);
    wire_put_u8(&buf, (uint8_t)level);
    wire_put_string(&buf, text);
    /* a line that finds the channel full is lost; the state is not */
    if (!buf.failed)
        channel_send(route->channel, ROUTE_MSG_LOG, buf.data, buf.len, -1);
    strbuf_done(&buf);
}

struct route *route_new(const struct route_options *options)
{
    struct route *route = calloc(1, sizeof *route);

    if (!route) {
        close(options->channel_fd);
        return NULL;
    }
    route->options = *options;
    outbox_init(&route->outbox);
    route->channel = channel_new(options->channel_fd);
    route->resolver = resolver_new(NULL);
    if (!route->channel || !route->resolver) {
        route_free(route);
        return NULL;
    }
    route->t_heartbeat_ns = clock_boot_ns();
    log_set_sink(log_to_core, route);
    return route;
}

void route_free(struct route *route)
{
    if (!route)
        return;
    log_set_sink(NULL, NULL);
    mqtt_message_free(route->held);
    mqtt_free(route->mqtt);
    resolver_free(route->resolver);
    channel_free(route->channel);
    outbox_done(&route->outbox);
    route_config_done(&route->config);
    free(route);
}

/* ---- connection -------------------------------------------------------------------- */

static void wait_and_retry(struct route *route, const char *why)
{
    unsigned delay_ms;
    char text[256];

    if (route->stopping) {
        outbox_put_down(&route->outbox, why);
        return;
    }
    delay_ms = backoff_next_ms(&route->backoff);
    route->n_tried = 0;
    route->phase = PHASE_WAITING;
    route->t_phase_ns = clock_boot_ns() + delay_ms * CLOCK_NS_PER_MS;
    snprintf(text, sizeof text, "%.200s, retrying in %u.%u s", why, delay_ms / 1000,
             delay_ms % 1000 / 100);
    outbox_put_down(&route->outbox, text);
}

static void start_attempt(struct route *route)
{
    int rc = resolver_start(route->resolver, route->config.host);

    if (rc < 0)
        wait_and_retry(route, error_errno_text(rc));
    else
        route->phase = PHASE_RESOLVING;
}

static void resolve(struct route *route)
{
    char address[64], why[240];
    int rc = resolver_result(route->resolver, address, sizeof address);

    if (rc == -EAGAIN)
        return;
    if (rc < 0) {
        snprintf(why, sizeof why, "cannot resolve '%.100s': %s", route->config.host,
                 address);
        wait_and_retry(route, why);
        return;
    }
    if (route->config.home_only && !consent_address_is_local(address)) {
        snprintf(why, sizeof why, "'%.100s' is %s now, outside of the home's network",
                 route->config.host, address);
        wait_and_retry(route, why);
        return;
    }
    rc = mqtt_connect(route->mqtt, route->config.host, address, route->config.port);
    if (rc < 0) {
        wait_and_retry(route, error_errno_text(rc));
        return;
    }
    route->phase = PHASE_CONNECTING;
    route->t_phase_ns =
        clock_boot_ns() + route->options.connect_timeout_ms * CLOCK_NS_PER_MS;
}

static void announce_up(struct route *route)
{
    route->phase = PHASE_UP;
    route->t_phase_ns = clock_boot_ns();
    outbox_put_up(&route->outbox, route->window, "connected");
}

static void on_connected(struct route *route, unsigned window)
{
    route->window = window;
    if (route->config.n_topics == 0)
        announce_up(route);
    else if (mqtt_subscribe(route->mqtt, route->config.n_topics,
                            (const char *const *)route->config.topics) < 0)
        mqtt_close(route->mqtt, "cannot subscribe");
}

static void on_subscribed(struct route *route, unsigned reason)
{
    if (reason >= 0x80)
        log_warning(NULL,
                    "the broker refused a subscription (0x%02x): commands or receipts "
                    "will not arrive",
                    reason);
    if (route->phase == PHASE_CONNECTING)
        announce_up(route);
}

static void on_disconnected(struct route *route, const char *why)
{
    bool was_up = route->phase == PHASE_UP;

    if (was_up && clock_boot_ns() - route->t_phase_ns >= STEADY_NS)
        backoff_reset(&route->backoff);
    /* a host with a dead IPv6 address is tried at its other one at once */
    if (!was_up && !route->stopping &&
        ++route->n_tried < resolver_n_addresses(route->resolver))
        start_attempt(route);
    else
        wait_and_retry(route, why);
}

static void on_event(struct route *route, const struct mqtt_event *event)
{
    switch (event->kind) {
    case MQTT_CONNECTED:
        on_connected(route, event->window);
        break;
    case MQTT_SUBSCRIBED:
        on_subscribed(route, event->reason);
        break;
    case MQTT_DONE:
        route->t_progress_ns = clock_boot_ns();
        outbox_put_done(&route->outbox, event->token, event->reason);
        break;
    case MQTT_LOST:
        outbox_put_lost(&route->outbox, event->token);
        break;
    case MQTT_DISCONNECTED:
        on_disconnected(route, event->text);
        break;
    }
}

static void run_events(struct route *route)
{
    struct mqtt_event event;

    while (mqtt_next(route->mqtt, &event))
        on_event(route, &event);
}

/* ---- received messages ------------------------------------------------------------- */

static bool belongs(const struct route *route, const struct mqtt_message *message)
{
    size_t prefix = strlen(route->config.prefix);

    return message->len <= PAYLOAD_MAX &&
           strncmp(message->topic, route->config.prefix, prefix) == 0;
}

static int forward(struct route *route, const struct mqtt_message *message)
{
    struct strbuf buf;
    int rc = -ENOMEM;

    strbuf_init(&buf);
    wire_put_string(&buf, message->topic + strlen(route->config.prefix));
    wire_put_u8(&buf, message->retained);
    wire_put_u32(&buf, message->expiry_s);
    wire_put_bytes(&buf, message->payload, message->len);
    if (!buf.failed)
        rc = channel_send(route->channel, ROUTE_MSG_MESSAGE, buf.data, buf.len, -1);
    strbuf_done(&buf);
    return rc;
}

/* True while the channel takes them. */
static bool forward_messages(struct route *route)
{
    while (route->held || (route->held = mqtt_take_message(route->mqtt))) {
        int rc = belongs(route, route->held) ? forward(route, route->held) : -EMSGSIZE;

        if (rc == -EAGAIN)
            return false;
        if (rc < 0)
            route->n_dropped++;
        mqtt_message_free(route->held);
        route->held = NULL;
    }
    return true;
}

static void tell_dropped(struct route *route)
{
    uint64_t n = route->n_dropped + (route->mqtt ? mqtt_n_dropped(route->mqtt) : 0);

    if (n == route->n_dropped_told || !log_limit_pass(&route->drop_limit, 60, NULL))
        return;
    log_warning(NULL,
                "%llu received messages dropped: too large, or more than the core takes",
                (unsigned long long)(n - route->n_dropped_told));
    route->n_dropped_told = n;
}

/* ---- the core ---------------------------------------------------------------------- */

static int start_mqtt(struct route *route)
{
    const struct route_config *config = &route->config;
    struct mqtt_options options = {
        .client_id = config->client_id,
        .user = config->user,
        .password = config->password,
        .tls = config->tls,
        .ca_file = config->ca_file,
        .cert_file = config->cert_file,
        .key_file = config->key_file,
        .will_topic = config->will_topic,
        .will_payload = config->will_payload,
        .max_window = config->max_window,
        .max_packet_bytes = PACKET_MAX,
        .inbox_messages = INBOX_MESSAGES,
        .inbox_bytes = INBOX_BYTES,
    };

    route->mqtt = mqtt_new(&options);
    return route->mqtt ? 0 : -ENOMEM;
}

static void on_config(struct route *route, const struct channel_message *message)
{
    struct gw_error error = {0};
    uint64_t seed = (uint64_t)clock_boot_ns() ^ (uint64_t)getpid() << 32;
    int rc = -EBADMSG;

    if (route->phase == PHASE_NO_CONFIG)
        rc = route_config_decode(message->body, message->len, &route->config);
    if (rc == 0)
        rc = route_config_read_credentials(&route->config, &error);
    if (rc == 0)
        rc = start_mqtt(route);
    if (rc < 0) {
        /* told as a state too: an operator looks there first */
        log_error(NULL, "cannot start: %s",
                  error.text[0] ? error.text : error_errno_text(rc));
        outbox_put_down(&route->outbox,
                        error.text[0] ? error.text : "bad configuration message");
        end(route, 1);
        return;
    }
    backoff_init(&route->backoff, seed);
    start_attempt(route);
}

static void on_publish(struct route *route, const struct channel_message *message)
{
    struct wire wire = wire_of(message->body, message->len);
    struct mqtt_publication publication = {0};
    char topic[1024];
    int rc = -ENOTCONN, len;

    publication.token = wire_get_u64(&wire);
    publication.retain = wire_get_u8(&wire) != 0;
    publication.expiry_s = wire_get_u32(&wire);
    len = snprintf(topic, sizeof topic, "%s%s",
                   route->config.prefix ? route->config.prefix : "",
                   wire_get_string(&wire));
    publication.payload = wire_get_bytes(&wire, &publication.len);
    publication.topic = topic;
    if (!wire_done(&wire) || len >= (int)sizeof topic) {
        log_error(NULL, "malformed message from the core");
        end(route, 1);
        return;
    }
    if (route->mqtt && !route->stopping) {
        if (mqtt_n_in_flight(route->mqtt) == 0)
            route->t_progress_ns = clock_boot_ns();
        rc = mqtt_publish(route->mqtt, &publication);
        route->n_bytes += publication.len;
    }
    if (rc < 0)
        outbox_put_lost(&route->outbox, publication.token);
}

/* A backlog's payloads leave holes all over the heap, which stays large otherwise. */
static void give_memory_back(struct route *route)
{
    if (route->n_bytes < TRIM_BYTES || mqtt_n_in_flight(route->mqtt) > 0)
        return;
    route->n_bytes = 0;
    malloc_trim(0);
}

/* Answered at once, so that an idle route wakes once a second and not twice. */
static void on_heartbeat(struct route *route)
{
    route->t_heartbeat_ns = clock_boot_ns();
    channel_send(route->channel, ROUTE_MSG_ALIVE, NULL, 0, -1);
    give_memory_back(route);
}

static void on_message(struct route *route, const struct channel_message *message)
{
    switch (message->type) {
    case ROUTE_MSG_CONFIG:
        on_config(route, message);
        break;
    case ROUTE_MSG_PUBLISH:
        on_publish(route, message);
        break;
    case ROUTE_MSG_HEARTBEAT:
        on_heartbeat(route);
        break;
    case ROUTE_MSG_STOP:
        route->stopping = true;
        route->t_stop_ns = clock_boot_ns() + STOP_TIMEOUT_NS;
        break;
    default:
        log_error(NULL, "unknown message %u from the core", message->type);
        end(route, 1);
    }
}

/* An answer for each message in flight must find room. */
static bool may_read(const struct route *route)
{
    unsigned in_flight = route->mqtt ? mqtt_n_in_flight(route->mqtt) : 0;

    return outbox_room(&route->outbox) > in_flight;
}

static void read_channel(struct route *route)
{
    struct channel_message message;
    int rc = 0;

    while (!route->ended && may_read(route) &&
           (rc = channel_receive(route->channel, &message)) > 0) {
        if (message.fd >= 0)
            close(message.fd);
        on_message(route, &message);
    }
    /* the core is gone: leave the will to the broker */
    if (rc < 0)
        end(route, 1);
}

static void read_signal(struct route *route)
{
    struct signalfd_siginfo info;

    if (read(route->options.signal_fd, &info, sizeof info) != sizeof info ||
        route->leaving)
        return;
    route->leaving = true;
    route->t_stop_ns = clock_boot_ns() + STOP_TIMEOUT_NS;
}

/* ---- the loop ---------------------------------------------------------------------- */

static void disconnect(struct route *route)
{
    if (route->mqtt) {
        mqtt_close(route->mqtt, "stopped");
        run_events(route);
    }
    outbox_flush(&route->outbox, route->channel);
    end(route, 0);
}

static void check_stop(struct route *route, int64_t now_ns)
{
    bool all_answered = !route->mqtt || mqtt_n_in_flight(route->mqtt) == 0;

    if (route->stopping && (all_answered || now_ns >= route->t_stop_ns))
        disconnect(route);
    else if (route->leaving && now_ns >= route->t_stop_ns)
        end(route, 1);
}

static void check_connection(struct route *route, int64_t now_ns)
{
    int64_t ack_ns = route->options.ack_timeout_ms * CLOCK_NS_PER_MS;
    char why[80];

    if (route->phase == PHASE_WAITING && now_ns >= route->t_phase_ns && !route->stopping)
        start_attempt(route);
    if (route->phase == PHASE_RESOLVING)
        resolve(route);
    if (route->phase == PHASE_CONNECTING && now_ns >= route->t_phase_ns) {
        mqtt_close(route->mqtt, "no answer from the broker");
    } else if (route->mqtt && mqtt_n_in_flight(route->mqtt) > 0 &&
               now_ns - route->t_progress_ns >= ack_ns) {
        snprintf(why, sizeof why, "no acknowledgement for %u s",
                 route->options.ack_timeout_ms / 1000);
        mqtt_close(route->mqtt, why);
    }
}

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_deadline_ns(const struct route *route)
{
    int64_t t_ns = route->t_heartbeat_ns + HEARTBEAT_TIMEOUT_NS;

    if (route->phase == PHASE_WAITING || route->phase == PHASE_CONNECTING)
        t_ns = min_ns(t_ns, route->t_phase_ns);
    if (route->phase == PHASE_RESOLVING)
        t_ns = min_ns(t_ns, resolver_deadline_ns(route->resolver));
    if (route->mqtt && mqtt_n_in_flight(route->mqtt) > 0)
        t_ns = min_ns(t_ns, route->t_progress_ns +
                                route->options.ack_timeout_ms * CLOCK_NS_PER_MS);
    if (route->stopping || route->leaving)
        t_ns = min_ns(t_ns, route->t_stop_ns);
    return t_ns;
}

static void wait_for_work(struct route *route, bool channel_full)
{
    short channel_events = 0;
    struct pollfd fds[4];
    int64_t left_ns = next_deadline_ns(route) - clock_boot_ns();

    if (may_read(route))
        channel_events = POLLIN;
    if (channel_full)
        channel_events |= POLLOUT;
    fds[0] = (struct pollfd){channel_fd(route->channel), channel_events, 0};
    fds[1] = (struct pollfd){route->mqtt ? mqtt_fd(route->mqtt) : -1, POLLIN, 0};
    fds[2] = (struct pollfd){resolver_fd(route->resolver), POLLIN, 0};
    fds[3] = (struct pollfd){route->options.signal_fd, POLLIN, 0};
    if (route->phase != PHASE_RESOLVING)
        fds[2].fd = -1;
    /* rounded up: a deadline is looked at when it has passed */
    poll(fds, 4, left_ns <= 0 ? 0 : (int)(left_ns / CLOCK_NS_PER_MS) + 1);
    if (fds[3].revents)
        read_signal(route);
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        read_channel(route);
}

int route_run(struct route *route)
{
    bool channel_full = false;

    while (!route->ended) {
        int64_t now_ns;

        wait_for_work(route, channel_full);
        if (route->ended)
            break;
        if (route->mqtt)
            run_events(route);
        now_ns = clock_boot_ns();
        if (now_ns - route->t_heartbeat_ns >= HEARTBEAT_TIMEOUT_NS) {
            end(route, 1);
            break;
        }
        check_connection(route, now_ns);
        channel_full = outbox_flush(&route->outbox, route->channel) == -EAGAIN;
        if (route->mqtt && !forward_messages(route))
            channel_full = true;
        tell_dropped(route);
        check_stop(route, now_ns);
    }
    outbox_flush(&route->outbox, route->channel);
    return route->exit_code;
}
