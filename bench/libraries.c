/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that only initialises the libraries the daemon stands on, with TLS ready and
 * an HTTP server listening: the floor of its memory. Prints "ready" and waits.
 */
#include <MQTTAsync.h>
#include <jansson.h>
#include <microhttpd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <yaml.h>

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection,
                              const char *url, const char *method, const char *version,
                              const char *data, size_t *size, void **ctx)
{
    (void)cls, (void)connection, (void)url, (void)method;
    (void)version, (void)data, (void)size, (void)ctx;
    return MHD_NO;
}

int main(void)
{
    MQTTAsync_init_options init = MQTTAsync_init_options_initializer;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    struct MHD_Daemon *http;
    MQTTAsync client;
    yaml_parser_t parser;
    sd_event *event;
    sqlite3 *db;
    json_t *json = json_object();

    init.do_openssl_init = 1;
    MQTTAsync_global_init(&init);
    MQTTAsync_createWithOptions(&client, "ssl://127.0.0.1:1", "libraries",
                                MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    connect.ssl = &tls;
    MQTTAsync_connect(client, &connect);
    sd_event_default(&event);
    yaml_parser_initialize(&parser);
    sqlite3_open(":memory:", &db);
    sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL);
    http = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
                            MHD_OPTION_END);
    if (!http || !json)
        return 1;
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
