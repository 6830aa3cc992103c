/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare Paho loop beside bench/drain: sends the same number of messages of the same
 * size to the same broker at QoS 1 with the same window, out of one buffer; no store,
 * encoding, consent or process of its own. Prints the seconds from the first message to
 * the last PUBACK. paho_loop PORT TOPIC MESSAGES BYTES WINDOW
 */
#include <MQTTAsync.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sem_t connected, window;

static void on_connected(void *ctx, MQTTAsync_successData5 *response)
{
    (void)ctx;
    (void)response;
    sem_post(&connected);
}

static void on_acknowledged(void *ctx, MQTTAsync_successData5 *response)
{
    (void)ctx;
    (void)response;
    sem_post(&window);
}

static void on_failure(void *ctx, MQTTAsync_failureData5 *response)
{
    (void)ctx;
    (void)response;
    fputs("paho_loop: the broker refused\n", stderr);
    exit(1);
}

static MQTTAsync connect_broker(const char *port)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    MQTTAsync client;
    char url[64];

    snprintf(url, sizeof url, "tcp://127.0.0.1:%s", port);
    if (MQTTAsync_createWithOptions(&client, url, "paho-loop",
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS)
        exit(1);
    options.cleanstart = 1;
    options.maxInflight = 64;
    options.onSuccess5 = on_connected;
    options.onFailure5 = on_failure;
    if (MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS)
        exit(1);
    sem_wait(&connected);
    return client;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTAsync_message message = MQTTAsync_message_initializer;
    long n_messages;
    int n_window;
    MQTTAsync client;
    double begin;

    if (argc != 6) {
        fputs("usage: paho_loop PORT TOPIC MESSAGES BYTES WINDOW\n", stderr);
        return 2;
    }
    n_messages = atol(argv[3]);
    n_window = atoi(argv[5]);
    message.payloadlen = atoi(argv[4]);
    message.payload = malloc((size_t)message.payloadlen);
    memset(message.payload, 'x', (size_t)message.payloadlen);
    message.qos = 1;
    sem_init(&connected, 0, 0);
    sem_init(&window, 0, (unsigned)n_window);
    response.onSuccess5 = on_acknowledged;
    response.onFailure5 = on_failure;
    client = connect_broker(argv[1]);
    begin = seconds();
    for (long i = 0; i < n_messages; i++) {
        sem_wait(&window);
        if (MQTTAsync_sendMessage(client, argv[2], &message, &response) !=
            MQTTASYNC_SUCCESS)
            return 1;
    }
    for (int i = 0; i < n_window; i++)
        sem_wait(&window);
    printf("%.3f\n", seconds() - begin);
    return 0;
}
