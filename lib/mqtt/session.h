/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Paho's callbacks of one connection leave for the owner thread (mqtt.c). The
 * callbacks run on Paho's threads under Paho's lock: they note, wake and return. The
 * owner never holds `lock` while it calls Paho.
 */
#ifndef GATEWAYD_MQTT_SESSION_H
#define GATEWAYD_MQTT_SESSION_H

#include <MQTTAsync.h>
#include <pthread.h>

#include "lib/mqtt/mqtt.h"

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_ENDED };

/* One message in flight. */
struct slot {
    struct session *session;
    enum slot_state state;
    uint64_t token; /* the owner's */
    unsigned reason;
    bool lost;
};

struct inbox {
    struct mqtt_message *first, *last;
    unsigned n, max_messages;
    size_t bytes, max_bytes;
    uint64_t n_dropped;
};

struct session {
    int wake_fd; /* borrowed */
    bool tls;
    pthread_mutex_t lock; /* of all below */
    bool awake;           /* wake_fd was written and not read since */
    bool closing;         /* the owner gives up: callbacks have nothing to say any more */
    struct slot slots[MQTT_WINDOW_MAX];
    uint8_t ended[MQTT_WINDOW_MAX]; /* slots to be told, in order */
    unsigned n_ended;
    bool connected, connected_told, session_present;
    unsigned receive_maximum;
    bool subscribed; /* answered, and not told yet */
    unsigned subscribe_reason;
    bool over; /* connection lost, or never made */
    char why[200], tls_error[120];
    struct inbox inbox;
};

struct session *session_new(int wake_fd, const struct mqtt_options *options);
void session_free(struct session *session);

/* Paho's callbacks; context: the session, or the slot for the publish_ ones. */
void session_connect_success(void *context, MQTTAsync_successData5 *data);
void session_connect_failure(void *context, MQTTAsync_failureData5 *data);
void session_connection_lost(void *context, char *cause);
void session_server_disconnect(void *context, MQTTProperties *properties,
                               enum MQTTReasonCodes reason);
void session_subscribe_success(void *context, MQTTAsync_successData5 *data);
void session_subscribe_failure(void *context, MQTTAsync_failureData5 *data);
void session_publish_success(void *context, MQTTAsync_successData5 *data);
void session_publish_failure(void *context, MQTTAsync_failureData5 *data);
int session_message(void *context, char *topic, int topic_len,
                    MQTTAsync_message *message);
int session_tls_error(const char *text, size_t len, void *context);

/* The oldest message of the inbox, or NULL. Locks. */
struct mqtt_message *session_take_message(struct session *session);

#endif
