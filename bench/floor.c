/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what any program on these libraries must spend. One thread reads each device
 * once a second with libmodbus and publishes one message a device with Paho at QoS 1. No
 * configuration, isolation, store, quality or consent.
 *   floor BROKER_HOST BROKER_PORT REGISTERS HOST:PORT...
 */
#include <MQTTAsync.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_MAX 256

static volatile int connected;

static void on_connected(void *ctx, MQTTAsync_successData5 *response)
{
    (void)ctx;
    (void)response;
    connected = 1;
}

static MQTTAsync connect_broker(const char *host, const char *port)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    struct timespec pause = {0, 1000000};
    MQTTAsync client;
    char url[128];

    snprintf(url, sizeof url, "tcp://%s:%s", host, port);
    if (MQTTAsync_createWithOptions(&client, url, "floor", MQTTCLIENT_PERSISTENCE_NONE,
                                    NULL, &create) != MQTTASYNC_SUCCESS)
        return NULL;
    options.cleanstart = 1;
    options.keepAliveInterval = 60;
    options.maxInflight = 64;
    options.onSuccess5 = on_connected;
    if (MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS)
        return NULL;
    while (!connected)
        nanosleep(&pause, NULL);
    return client;
}

static void publish(MQTTAsync client, int device, const uint16_t *registers, int n)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    MQTTAsync_message message = MQTTAsync_message_initializer;
    static char payload[16384];
    char topic[64];
    int len;

    len = snprintf(payload, sizeof payload, "{\"t\":%lld,\"values\":[",
                   (long long)time(NULL));
    for (int i = 0; i + 1 < n; i += 2)
        len += snprintf(payload + len, sizeof payload - (size_t)len, "%s%.7g",
                        i ? "," : "", (double)modbus_get_float_abcd(registers + i));
    len += snprintf(payload + len, sizeof payload - (size_t)len, "]}");
    snprintf(topic, sizeof topic, "floor/%d", device);
    message.payload = payload;
    message.payloadlen = len;
    message.qos = 1;
    MQTTAsync_sendMessage(client, topic, &message, &options);
}

int main(int argc, char *argv[])
{
    modbus_t *devices[DEVICES_MAX];
    int n = argc - 4, n_registers;
    struct timespec next;
    uint16_t registers[125];
    MQTTAsync client;

    if (n < 1 || n > DEVICES_MAX) {
        fprintf(stderr, "usage: floor BROKER_HOST BROKER_PORT REGISTERS HOST:PORT...\n");
        return 2;
    }
    n_registers = atoi(argv[3]);
    client = connect_broker(argv[1], argv[2]);
    if (!client || n_registers < 2 || n_registers > 125)
        return 1;
    for (int i = 0; i < n; i++) {
        char *colon = strchr(argv[4 + i], ':');

        *colon = '\0';
        devices[i] = modbus_new_tcp(argv[4 + i], atoi(colon + 1));
        modbus_set_slave(devices[i], 1);
        if (modbus_connect(devices[i]) < 0)
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        for (int i = 0; i < n; i++)
            if (modbus_read_registers(devices[i], 0, n_registers, registers) ==
                n_registers)
                publish(client, i, registers, n_registers);
        next.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}
