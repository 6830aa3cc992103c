/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MQTT 5 client over Paho MQTTAsync, QoS 1. Everything is called by one owner thread;
 * Paho's callbacks only note what happened and wake mqtt_fd(). No reconnecting, no
 * persistence, no queue: the owner asks again. Every message handed over is answered
 * exactly once, by MQTT_DONE or MQTT_LOST, before MQTT_DISCONNECTED.
 */
#ifndef GATEWAYD_MQTT_MQTT_H
#define GATEWAYD_MQTT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_WINDOW_MAX 64
#define MQTT_TOPICS_MAX 16

/* Texts are borrowed until mqtt_free; NULL: none. */
struct mqtt_options {
    const char *client_id;
    const char *user, *password;
    /* the server's certificate and name are checked */
    bool tls;
    const char *ca_file, *cert_file, *key_file;  /* PEM; no ca_file: the system's store */
    const char *will_topic, *will_payload;       /* retained, QoS 1 */
    /* else clean start and no session after */
    bool keep_session;
    unsigned max_window;                         /* 0: MQTT_WINDOW_MAX */
    uint32_t max_packet_bytes;                   /* told to the server; 0: any */
    /* Received messages that wait to be taken; beyond it the new one is dropped, counted.
     * (Paho has acknowledged it already: it does so before it calls back.) */
    unsigned inbox_messages;
    size_t inbox_bytes;
};

struct mqtt;

/* NULL: no memory, or Paho refused. SIGPIPE must be ignored. */
struct mqtt *mqtt_new(const struct mqtt_options *options);
/* Sends DISCONNECT when connected: the server then drops the will. Leave without it
 * (exit) where the will is wanted. May take about a second: Paho's threads end. */
void mqtt_free(struct mqtt *mqtt);
int mqtt_fd(const struct mqtt *mqtt); /* readable: call mqtt_next until false */

/* Begins to connect to `host` at `address` (numeric, from a resolver); MQTT_CONNECTED or
 * MQTT_DISCONNECTED follows. -EBUSY while a connection exists; other negative errno. */
int mqtt_connect(struct mqtt *mqtt, const char *host, const char *address, uint16_t port);
/* Needed after each connect of a clean session; MQTT_SUBSCRIBED follows. 0 or -errno. */
int mqtt_subscribe(struct mqtt *mqtt, unsigned n, const char *const *topics);
/* Copies. -EAGAIN: the window is full; -ENOTCONN; other negative errno: not taken, no
 * event will follow. expiry_s 0: none. */
struct mqtt_publication {
    uint64_t token;
    const char *topic;
    const void *payload;
    size_t len;
    bool retain;
    uint32_t expiry_s;
};
int mqtt_publish(struct mqtt *mqtt, const struct mqtt_publication *publication);
/* Ends the connection now: MQTT_LOST for what is not confirmed,
 * MQTT_DISCONNECTED(why). */
void mqtt_close(struct mqtt *mqtt, const char *why);

unsigned mqtt_n_in_flight(const struct mqtt *mqtt);
uint64_t mqtt_n_dropped(const struct mqtt *mqtt); /* received, no room */

enum mqtt_event_kind {
    MQTT_CONNECTED,    /* window: messages to hand over at a time; session_present */
    MQTT_SUBSCRIBED,   /* reason: the worst of all topics, >= 0x80 refused */
    MQTT_DONE,         /* token, reason of the PUBACK (0x10: nobody listens) */
    MQTT_LOST,         /* token */
    MQTT_DISCONNECTED, /* text; may connect again */
};
struct mqtt_event {
    enum mqtt_event_kind kind;
    unsigned window, reason;
    bool session_present;
    uint64_t token;
    const char *text; /* until the next call */
};
bool mqtt_next(struct mqtt *mqtt, struct mqtt_event *ret_event);

struct mqtt_message {
    struct mqtt_message *next;
    char *topic, *payload; /* payload NUL-terminated beyond len */
    size_t len;
    bool retained;
    uint32_t expiry_s; /* what remains of it; 0: none given */
};
/* The oldest received message, or NULL; mqtt_message_free gives it back. */
struct mqtt_message *mqtt_take_message(struct mqtt *mqtt);
void mqtt_message_free(struct mqtt_message *message);

#endif
