/* SPDX-License-Identifier: Apache-2.0 */
/* A second MQTT client for tests: subscribes, publishes, remembers the last message. */
#ifndef GATEWAYD_TESTS_UNIT_MQTT_PEER_H
#define GATEWAYD_TESTS_UNIT_MQTT_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct mqtt_peer;

/* Connected and subscribed when it returns; aborts otherwise. topic NULL: none. */
struct mqtt_peer *mqtt_peer_new(uint16_t port, const char *topic);
void mqtt_peer_free(struct mqtt_peer *peer);
void mqtt_peer_publish(struct mqtt_peer *peer, const char *topic, const char *payload,
                       bool retain, uint32_t expiry_s); /* waits for the PUBACK */
unsigned mqtt_peer_n(struct mqtt_peer *peer); /* received so far */
bool mqtt_peer_wait(struct mqtt_peer *peer, unsigned n); /* false after 20 s */
const char *mqtt_peer_topic(const struct mqtt_peer *peer);
const char *mqtt_peer_payload(const struct mqtt_peer *peer);

#endif
