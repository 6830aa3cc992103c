/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's side of a client; see mqtt.h. Each connection is a Paho client of its own,
 * destroyed when it ends: only that makes sure that Paho does not send after a reconnect
 * what was reported lost. A second Paho client that never connects keeps Paho's threads
 * alive in between; without it each destroy waits a second for them.
 */
#include "lib/mqtt/mqtt.h"

#include <MQTTAsync.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/mqtt/interpose.h"
#include "lib/mqtt/session.h"

#define KEEPALIVE_S 30
#define CONNECT_TIMEOUT_S 30 /* Paho's own, on the wall clock; the owner's is shorter */
#define SESSION_FOR_EVER UINT32_MAX

struct mqtt {
    struct mqtt_options options;
    int wake_fd;
    MQTTAsync anchor, client; /* client NULL: no connection, none in the making */
    struct session *session;  /* of `client`, or of the last one */
    struct session *retired;
    unsigned n_in_flight, next_slot;
    uint64_t n_dropped_before; /* of sessions that are gone */
    char why[200];
};

static int create_client(const char *uri, const char *client_id, MQTTAsync *ret)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;

    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = MQTT_WINDOW_MAX;
    options.restoreMessages = 0;
    return MQTTAsync_createWithOptions(ret, uri, client_id, MQTTCLIENT_PERSISTENCE_NONE,
                                       NULL, &options) == MQTTASYNC_SUCCESS
               ? 0
               : -ENOMEM;
}

struct mqtt *mqtt_new(const struct mqtt_options *options)
{
    /* without TLS OpenSSL need not be set up, which saves its memory */
    MQTTAsync_init_options init = MQTTAsync_init_options_initializer;
    struct mqtt *mqtt = calloc(1, sizeof *mqtt);

    if (!mqtt)
        return NULL;
    mqtt->options = *options;
    if (!mqtt->options.max_window || mqtt->options.max_window > MQTT_WINDOW_MAX)
        mqtt->options.max_window = MQTT_WINDOW_MAX;
    init.do_openssl_init = options->tls;
    MQTTAsync_global_init(&init);
    mqtt->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mqtt->wake_fd < 0 || create_client("tcp://127.0.0.1:1", "", &mqtt->anchor) < 0) {
        mqtt_free(mqtt);
        return NULL;
    }
    return mqtt;
}

void mqtt_free(struct mqtt *mqtt)
{
    if (!mqtt)
        return;
    interpose_end();
    if (mqtt->client)
        MQTTAsync_destroy(&mqtt->client);
    if (mqtt->anchor)
        MQTTAsync_destroy(&mqtt->anchor);
    session_free(mqtt->session);
    session_free(mqtt->retired);
    if (mqtt->wake_fd >= 0)
        close(mqtt->wake_fd);
    free(mqtt);
}

int mqtt_fd(const struct mqtt *mqtt)
{
    return mqtt->wake_fd;
}

/* A callback that began before the destroy may still look at the session: it is kept
 * until the next one retires. */
static void retire(struct mqtt *mqtt)
{
    if (mqtt->session)
        mqtt->n_dropped_before += mqtt->session->inbox.n_dropped;
    session_free(mqtt->retired);
    mqtt->retired = mqtt->session;
    mqtt->session = NULL;
}

static void fill_tls(const struct mqtt *mqtt, MQTTAsync_SSLOptions *ssl)
{
    ssl->trustStore = mqtt->options.ca_file;
    ssl->keyStore = mqtt->options.cert_file;
    ssl->privateKey = mqtt->options.key_file;
    ssl->enableServerCertAuth = 1;
    ssl->verify = 1; /* the host name; Paho's default is not to look */
    ssl->sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    ssl->ssl_error_cb = session_tls_error;
    ssl->ssl_error_context = mqtt->session;
}

static void add_number(MQTTProperties *properties, enum MQTTPropertyCodes code,
                       uint32_t value)
{
    MQTTProperty property = {.identifier = code};

    property.value.integer4 = value;
    MQTTProperties_add(properties, &property);
}

static int start_connect(struct mqtt *mqtt)
{
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    int rc;

    connect.keepAliveInterval = KEEPALIVE_S;
    connect.cleanstart = !mqtt->options.keep_session;
    connect.maxInflight = MQTT_WINDOW_MAX;
    connect.connectTimeout = CONNECT_TIMEOUT_S;
    connect.automaticReconnect = 0;
    connect.username = mqtt->options.user;
    connect.password = mqtt->options.password;
    connect.onSuccess5 = session_connect_success;
    connect.onFailure5 = session_connect_failure;
    connect.context = mqtt->session;
    if (mqtt->options.will_topic) {
        will.topicName = mqtt->options.will_topic;
        will.message = mqtt->options.will_payload;
        will.retained = 1;
        will.qos = 1;
        connect.will = &will;
    }
    if (mqtt->options.tls) {
        fill_tls(mqtt, &ssl);
        connect.ssl = &ssl;
    }
    if (mqtt->options.keep_session)
        add_number(&properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                   SESSION_FOR_EVER);
    if (mqtt->options.max_packet_bytes)
        add_number(&properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
                   mqtt->options.max_packet_bytes);
    connect.connectProperties = &properties;
    rc = MQTTAsync_connect(mqtt->client, &connect);
    MQTTProperties_free(&properties);
    return rc == MQTTASYNC_SUCCESS ? 0 : -EINVAL;
}

int mqtt_connect(struct mqtt *mqtt, const char *host, const char *address, uint16_t port)
{
    /* by name with TLS, so that the name can be checked against the certificate */
    const char *to = mqtt->options.tls ? host : address;
    char uri[340];
    int rc;

    if (mqtt->client)
        return -EBUSY;
    retire(mqtt);
    mqtt->session = session_new(mqtt->wake_fd, &mqtt->options);
    if (!mqtt->session)
        return -ENOMEM;
    snprintf(uri, sizeof uri, "%s://%s%s%s:%u", mqtt->options.tls ? "ssl" : "tcp",
             strchr(to, ':') ? "[" : "", to, strchr(to, ':') ? "]" : "", port);
    interpose_begin(mqtt->options.tls, to, address);
    rc = create_client(uri, mqtt->options.client_id, &mqtt->client);
    if (rc < 0)
        return rc;
    mqtt->n_in_flight = 0;
    MQTTAsync_setCallbacks(mqtt->client, mqtt->session, session_connection_lost,
                           session_message, NULL);
    MQTTAsync_setDisconnected(mqtt->client, mqtt->session, session_server_disconnect);
    rc = start_connect(mqtt);
    if (rc < 0)
        MQTTAsync_destroy(&mqtt->client);
    return rc;
}

int mqtt_subscribe(struct mqtt *mqtt, unsigned n, const char *const *topics)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTSubscribe_options per_topic[MQTT_TOPICS_MAX];
    MQTTSubscribe_options initial = MQTTSubscribe_options_initializer;
    char *list[MQTT_TOPICS_MAX];
    int qos[MQTT_TOPICS_MAX];

    if (!mqtt->client)
        return -ENOTCONN;
    if (n == 0 || n > MQTT_TOPICS_MAX)
        return -EINVAL;
    for (unsigned i = 0; i < n; i++) {
        per_topic[i] = initial;
        per_topic[i].retainAsPublished = 1;
        list[i] = (char *)(uintptr_t)topics[i];
        qos[i] = 1;
    }
    response.onSuccess5 = session_subscribe_success;
    response.onFailure5 = session_subscribe_failure;
    response.context = mqtt->session;
    response.subscribeOptions = initial;
    response.subscribeOptionsCount = (int)n;
    response.subscribeOptionsList = per_topic;
    return MQTTAsync_subscribeMany(mqtt->client, (int)n, list, qos, &response) ==
                   MQTTASYNC_SUCCESS
               ? 0
               : -EIO;
}

static unsigned window_of(const struct mqtt *mqtt, unsigned receive_maximum)
{
    unsigned window = mqtt->options.max_window;

    /* Once Paho has to queue it falls to one window a second (until 1.3.14): one less
     * than what fits keeps it from ever queueing. */
    if (receive_maximum < window)
        window = receive_maximum;
    return window > 1 ? window - 1 : 1;
}

/* A free slot; -EAGAIN: the window is full; -ENOTCONN. */
static int slot_take(struct mqtt *mqtt, uint64_t token, struct slot **ret)
{
    struct session *session = mqtt->session;
    struct slot *slot = NULL;
    int rc = 0;

    pthread_mutex_lock(&session->lock);
    if (!session->connected || session->over) {
        rc = -ENOTCONN;
    } else if (mqtt->n_in_flight >= window_of(mqtt, session->receive_maximum)) {
        rc = -EAGAIN;
    } else {
        while (session->slots[mqtt->next_slot].state != SLOT_FREE)
            mqtt->next_slot = (mqtt->next_slot + 1) % MQTT_WINDOW_MAX;
        slot = &session->slots[mqtt->next_slot];
        mqtt->next_slot = (mqtt->next_slot + 1) % MQTT_WINDOW_MAX;
        slot->state = SLOT_BUSY;
        slot->token = token;
        mqtt->n_in_flight++;
        *ret = slot;
    }
    pthread_mutex_unlock(&session->lock);
    return rc;
}

/* False when its callback has spoken already. */
static bool slot_give_back(struct mqtt *mqtt, struct slot *slot)
{
    bool busy;

    pthread_mutex_lock(&mqtt->session->lock);
    busy = slot->state == SLOT_BUSY;
    if (busy) {
        slot->state = SLOT_FREE;
        mqtt->n_in_flight--;
    }
    pthread_mutex_unlock(&mqtt->session->lock);
    return busy;
}

int mqtt_publish(struct mqtt *mqtt, const struct mqtt_publication *publication)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    struct slot *slot;
    int rc;

    if (!mqtt->client)
        return -ENOTCONN;
    rc = slot_take(mqtt, publication->token, &slot);
    if (rc < 0)
        return rc;
    response.onSuccess5 = session_publish_success;
    response.onFailure5 = session_publish_failure;
    response.context = slot;
    if (publication->expiry_s)
        add_number(&response.properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
                   publication->expiry_s);
    rc = MQTTAsync_send(mqtt->client, publication->topic, (int)publication->len,
                        publication->payload, 1, publication->retain, &response);
    MQTTProperties_free(&response.properties);
    if (rc != MQTTASYNC_SUCCESS && slot_give_back(mqtt, slot))
        return rc == MQTTASYNC_DISCONNECTED ? -ENOTCONN : -EIO;
    return 0;
}

void mqtt_close(struct mqtt *mqtt, const char *why)
{
    struct session *session = mqtt->session;
    uint64_t one = 1;

    if (!mqtt->client)
        return;
    pthread_mutex_lock(&session->lock);
    session->over = true;
    snprintf(session->why, sizeof session->why, "%s", why);
    pthread_mutex_unlock(&session->lock);
    (void)!write(mqtt->wake_fd, &one, sizeof one);
}

unsigned mqtt_n_in_flight(const struct mqtt *mqtt)
{
    return mqtt->n_in_flight;
}

uint64_t mqtt_n_dropped(const struct mqtt *mqtt)
{
    uint64_t n = mqtt->n_dropped_before;

    if (mqtt->session) {
        pthread_mutex_lock(&mqtt->session->lock);
        n += mqtt->session->inbox.n_dropped;
        pthread_mutex_unlock(&mqtt->session->lock);
    }
    return n;
}

static void slot_event(struct mqtt *mqtt, struct slot *slot, struct mqtt_event *ret)
{
    ret->kind = slot->lost ? MQTT_LOST : MQTT_DONE;
    ret->token = slot->token;
    ret->reason = slot->reason;
    slot->state = SLOT_FREE;
    mqtt->n_in_flight--;
}

/* What callbacks noted, in order; with the lock held. */
static bool noted_event(struct mqtt *mqtt, struct session *session,
                        struct mqtt_event *ret)
{
    if (session->connected && !session->connected_told) {
        session->connected_told = true;
        ret->kind = MQTT_CONNECTED;
        ret->window = window_of(mqtt, session->receive_maximum);
        ret->session_present = session->session_present;
        return true;
    }
    if (session->n_ended > 0) {
        slot_event(mqtt, &session->slots[session->ended[0]], ret);
        session->n_ended--;
        memmove(session->ended, session->ended + 1, session->n_ended);
        return true;
    }
    if (session->subscribed) {
        session->subscribed = false;
        ret->kind = MQTT_SUBSCRIBED;
        ret->reason = session->subscribe_reason;
        return true;
    }
    return false;
}

/* The connection is over: one slot that no callback has told of, or none left. */
static bool unanswered_event(struct mqtt *mqtt, struct session *session,
                             struct mqtt_event *ret)
{
    session->closing = true;
    for (unsigned i = 0; i < MQTT_WINDOW_MAX; i++) {
        struct slot *slot = &session->slots[i];

        if (slot->state != SLOT_BUSY)
            continue;
        slot->lost = true;
        slot_event(mqtt, slot, ret);
        return true;
    }
    return false;
}

bool mqtt_next(struct mqtt *mqtt, struct mqtt_event *ret_event)
{
    struct session *session = mqtt->session;
    bool found, over;
    uint64_t n;

    memset(ret_event, 0, sizeof *ret_event);
    if (!mqtt->client)
        return false;
    pthread_mutex_lock(&session->lock);
    if (session->awake) {
        (void)!read(mqtt->wake_fd, &n, sizeof n);
        session->awake = false;
    }
    found = noted_event(mqtt, session, ret_event);
    over = session->over;
    if (!found && over)
        found = unanswered_event(mqtt, session, ret_event);
    pthread_mutex_unlock(&session->lock);
    if (found || !over)
        return found;
    (void)!read(mqtt->wake_fd, &n, sizeof n);
    interpose_set_connected(false);
    MQTTAsync_destroy(&mqtt->client);
    memcpy(mqtt->why, session->why, sizeof mqtt->why);
    ret_event->kind = MQTT_DISCONNECTED;
    ret_event->text = mqtt->why;
    return true;
}

struct mqtt_message *mqtt_take_message(struct mqtt *mqtt)
{
    return mqtt->session ? session_take_message(mqtt->session) : NULL;
}

void mqtt_message_free(struct mqtt_message *message)
{
    free(message);
}
