/* SPDX-License-Identifier: Apache-2.0 */
/* Paho's callbacks; see session.h. */
#include "lib/mqtt/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mqtt/interpose.h"

#define RECEIVE_MAXIMUM_DEFAULT 65535 /* MQTT 5, 3.2.2.3.3 */

struct session *session_new(int wake_fd, const struct mqtt_options *options)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->wake_fd = wake_fd;
    session->tls = options->tls;
    pthread_mutex_init(&session->lock, NULL);
    for (unsigned i = 0; i < MQTT_WINDOW_MAX; i++)
        session->slots[i].session = session;
    session->inbox.max_messages = options->inbox_messages;
    session->inbox.max_bytes = options->inbox_bytes;
    return session;
}

void session_free(struct session *session)
{
    struct mqtt_message *message;

    if (!session)
        return;
    while ((message = session_take_message(session)))
        mqtt_message_free(message);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

/* With the lock held. One write for all that happens until the owner reads. */
static void wake(struct session *session)
{
    uint64_t one = 1;

    if (session->awake)
        return;
    session->awake = true;
    (void)!write(session->wake_fd, &one, sizeof one);
}

static void note_over(struct session *session, const char *why)
{
    interpose_set_connected(false);
    pthread_mutex_lock(&session->lock);
    session->over = true;
    if (!session->why[0])
        snprintf(session->why, sizeof session->why, "%s", why);
    wake(session);
    pthread_mutex_unlock(&session->lock);
}

void session_connect_success(void *context, MQTTAsync_successData5 *data)
{
    struct session *session = context;
    unsigned receive_maximum = RECEIVE_MAXIMUM_DEFAULT;

    interpose_set_connected(true);
    if (MQTTProperties_hasProperty(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM))
        receive_maximum = (unsigned)MQTTProperties_getNumericValue(
            &data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    pthread_mutex_lock(&session->lock);
    session->connected = true;
    session->receive_maximum = receive_maximum;
    session->session_present = data->alt.connect.sessionPresent != 0;
    wake(session);
    pthread_mutex_unlock(&session->lock);
}

void session_connect_failure(void *context, MQTTAsync_failureData5 *data)
{
    struct session *session = context;
    const char *text = "connection refused, or no way to the host", *reason = NULL;
    char why[sizeof session->why];

    /* Paho puts the CONNACK's reason into code */
    if (data->code > 0)
        reason = MQTTReasonCode_toString((enum MQTTReasonCodes)data->code);
    if (reason)
        snprintf(why, sizeof why, "refused by the broker: %s", reason);
    else if (session->tls_error[0])
        snprintf(why, sizeof why, "TLS: %s", session->tls_error);
    else if (session->tls)
        /* Paho checks the name after the handshake and says nothing */
        snprintf(why, sizeof why, "%s, or the certificate is for another name", text);
    else
        snprintf(why, sizeof why, "%s", text);
    note_over(session, why);
}

void session_connection_lost(void *context, char *cause)
{
    note_over(context, cause ? cause : "connection lost");
}

void session_server_disconnect(void *context, MQTTProperties *properties,
                               enum MQTTReasonCodes reason)
{
    struct session *session = context;
    const char *text = MQTTReasonCode_toString(reason);

    (void)properties;
    /* connection_lost follows */
    pthread_mutex_lock(&session->lock);
    snprintf(session->why, sizeof session->why, "ended by the broker: %s",
             text ? text : "unknown reason");
    pthread_mutex_unlock(&session->lock);
}

static void note_subscribed(struct session *session, unsigned reason)
{
    pthread_mutex_lock(&session->lock);
    session->subscribed = true;
    session->subscribe_reason = reason;
    wake(session);
    pthread_mutex_unlock(&session->lock);
}

void session_subscribe_success(void *context, MQTTAsync_successData5 *data)
{
    unsigned worst = data->reasonCode;

    /* one topic: in reasonCode alone */
    for (int i = 0;
         data->alt.sub.reasonCodeCount > 1 && i < data->alt.sub.reasonCodeCount; i++)
        if (data->alt.sub.reasonCodes[i] > worst)
            worst = data->alt.sub.reasonCodes[i];
    note_subscribed(context, worst);
}

void session_subscribe_failure(void *context, MQTTAsync_failureData5 *data)
{
    note_subscribed(context, data->reasonCode >= 0x80 ? data->reasonCode : 0x80);
}

static void note_ended(struct slot *slot, bool lost, unsigned reason)
{
    struct session *session = slot->session;

    pthread_mutex_lock(&session->lock);
    if (!session->closing && slot->state == SLOT_BUSY) {
        slot->state = SLOT_ENDED;
        slot->lost = lost;
        slot->reason = reason;
        session->ended[session->n_ended++] = (uint8_t)(slot - session->slots);
        wake(session);
    }
    pthread_mutex_unlock(&session->lock);
}

void session_publish_success(void *context, MQTTAsync_successData5 *data)
{
    note_ended(context, false, interpose_puback_reason(data->token));
}

void session_publish_failure(void *context, MQTTAsync_failureData5 *data)
{
    bool answered =
        data->code == 0 && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR;

    if (answered)
        interpose_puback_reason(data->token); /* taken, so that it does not stay */
    note_ended(context, !answered, answered ? data->reasonCode : 0);
}

static struct mqtt_message *message_new(const char *topic, size_t topic_len,
                                        MQTTAsync_message *from)
{
    size_t len = (size_t)from->payloadlen;
    struct mqtt_message *message = calloc(1, sizeof *message + topic_len + len + 2);

    if (!message)
        return NULL;
    message->topic = (char *)(message + 1);
    memcpy(message->topic, topic, topic_len);
    message->payload = message->topic + topic_len + 1;
    if (len)
        memcpy(message->payload, from->payload, len);
    message->len = len;
    message->retained = from->retained != 0;
    if (MQTTProperties_hasProperty(&from->properties,
                                   MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL))
        message->expiry_s = (uint32_t)MQTTProperties_getNumericValue(
            &from->properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL);
    return message;
}

/* With the lock held. */
static void inbox_put(struct inbox *inbox, struct mqtt_message *message)
{
    if (inbox->last)
        inbox->last->next = message;
    else
        inbox->first = message;
    inbox->last = message;
    inbox->n++;
    inbox->bytes += message->len;
}

int session_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct session *session = context;
    struct inbox *inbox = &session->inbox;
    /* 0: the topic holds no NUL */
    size_t len = topic_len > 0 ? (size_t)topic_len : strlen(topic);
    struct mqtt_message *copy = NULL;
    bool full;

    pthread_mutex_lock(&session->lock);
    full = inbox->n >= inbox->max_messages ||
           inbox->bytes + (size_t)message->payloadlen > inbox->max_bytes;
    if (!full && !session->closing)
        copy = message_new(topic, len, message);
    if (copy)
        inbox_put(inbox, copy);
    else
        inbox->n_dropped++;
    wake(session);
    pthread_mutex_unlock(&session->lock);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

int session_tls_error(const char *text, size_t len, void *context)
{
    struct session *session = context;
    const char *detail = NULL;
    char line[256];

    /* "139:error:0A000086:SSL routines:FUNCTION:certificate verify failed:FILE:LINE:" */
    snprintf(line, sizeof line, "%.*s", (int)len, text);
    detail = strstr(line, "error:");
    for (int colons = 0; detail && colons < 4; colons++) {
        detail = strchr(detail, ':');
        detail = detail ? detail + 1 : NULL;
    }
    if (detail)
        line[(size_t)(detail - line) + strcspn(detail, ":\n")] = '\0';
    pthread_mutex_lock(&session->lock);
    if (!session->tls_error[0])
        snprintf(session->tls_error, sizeof session->tls_error, "%.100s",
                 detail ? detail : line);
    pthread_mutex_unlock(&session->lock);
    return 1;
}

struct mqtt_message *session_take_message(struct session *session)
{
    struct inbox *inbox = &session->inbox;
    struct mqtt_message *message;

    pthread_mutex_lock(&session->lock);
    message = inbox->first;
    if (message) {
        inbox->first = message->next;
        if (!inbox->first)
            inbox->last = NULL;
        inbox->n--;
        inbox->bytes -= message->len;
        message->next = NULL;
    }
    pthread_mutex_unlock(&session->lock);
    return message;
}
