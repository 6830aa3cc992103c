/* SPDX-License-Identifier: Apache-2.0 */
/* A second MQTT client for tests, on lib/mqtt itself; see mqtt_peer.h. */
#include "tests/unit/mqtt_peer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/mqtt/mqtt.h"
#include "tests/unit/route_rig.h"

#define DEADLINE_NS (20 * CLOCK_NS_PER_S)

struct mqtt_peer {
    struct mqtt *mqtt;
    unsigned n, n_done;
    bool connected, subscribed;
    char topic[256], payload[1024];
};

static void step(struct mqtt_peer *peer, int timeout_ms)
{
    struct pollfd pfd = {mqtt_fd(peer->mqtt), POLLIN, 0};
    struct mqtt_event event;
    struct mqtt_message *message;

    poll(&pfd, 1, timeout_ms);
    while (mqtt_next(peer->mqtt, &event)) {
        if (event.kind == MQTT_DISCONNECTED)
            rig_fail(event.text);
        peer->connected |= event.kind == MQTT_CONNECTED;
        peer->subscribed |= event.kind == MQTT_SUBSCRIBED;
        peer->n_done += event.kind == MQTT_DONE;
    }
    while ((message = mqtt_take_message(peer->mqtt))) {
        snprintf(peer->topic, sizeof peer->topic, "%s", message->topic);
        snprintf(peer->payload, sizeof peer->payload, "%s", message->payload);
        peer->n++;
        mqtt_message_free(message);
    }
}

static void wait_for(struct mqtt_peer *peer, const bool *flag)
{
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;

    while (!*flag) {
        step(peer, 100);
        if (clock_boot_ns() > deadline_ns)
            rig_fail(__func__);
    }
}

struct mqtt_peer *mqtt_peer_new(uint16_t port, const char *topic)
{
    struct mqtt_options options = {.client_id = "peer",
                                   .inbox_messages = 10000,
                                   .inbox_bytes = 16 * 1024 * 1024};
    struct mqtt_peer *peer = calloc(1, sizeof *peer);

    if (!peer || !(peer->mqtt = mqtt_new(&options)) ||
        mqtt_connect(peer->mqtt, "127.0.0.1", "127.0.0.1", port) < 0)
        rig_fail(__func__);
    wait_for(peer, &peer->connected);
    if (!topic)
        return peer;
    if (mqtt_subscribe(peer->mqtt, 1, &topic) < 0)
        rig_fail(__func__);
    wait_for(peer, &peer->subscribed);
    return peer;
}

void mqtt_peer_free(struct mqtt_peer *peer)
{
    mqtt_free(peer->mqtt);
    free(peer);
}

void mqtt_peer_publish(struct mqtt_peer *peer, const char *topic, const char *payload,
                       bool retain, uint32_t expiry_s)
{
    struct mqtt_publication publication = {.topic = topic,
                                           .payload = payload,
                                           .len = strlen(payload),
                                           .retain = retain,
                                           .expiry_s = expiry_s};
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;
    unsigned n_done = peer->n_done;

    if (mqtt_publish(peer->mqtt, &publication) < 0)
        rig_fail(__func__);
    while (peer->n_done == n_done) {
        step(peer, 100);
        if (clock_boot_ns() > deadline_ns)
            rig_fail(__func__);
    }
}

unsigned mqtt_peer_n(struct mqtt_peer *peer)
{
    step(peer, 0);
    return peer->n;
}

bool mqtt_peer_wait(struct mqtt_peer *peer, unsigned n)
{
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;

    while (peer->n < n && clock_boot_ns() < deadline_ns)
        step(peer, 100);
    return peer->n >= n;
}

const char *mqtt_peer_topic(const struct mqtt_peer *peer)
{
    return peer->topic;
}

const char *mqtt_peer_payload(const struct mqtt_peer *peer)
{
    return peer->payload;
}
