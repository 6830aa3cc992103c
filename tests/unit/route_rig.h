/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For test_route.c: a real broker on a free port, a broker of our own that misbehaves,
 * and the real gateway-route on the other end of a channel, with each token's answers
 * counted.
 */
#ifndef GATEWAYD_TESTS_UNIT_ROUTE_RIG_H
#define GATEWAYD_TESTS_UNIT_ROUTE_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/channel/channel.h"

#define RIG_TOKENS 4096

/* A directory of its own under $TMPDIR, removed by rig_done. */
void rig_init(void);
void rig_done(void); /* ends what still runs, too */
void rig_fail(const char *what) __attribute__((noreturn));
const char *rig_dir(void);
void rig_write_file(const char *name, const char *text);
/* Runs a command of the test's own making; its exit status. */
int rig_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint16_t rig_free_port(void);
bool rig_have_mosquitto(void);
/* extra: further lines of its configuration. Waits until it accepts. */
pid_t rig_broker_start(uint16_t port, const char *extra);
void rig_process_stop(pid_t pid, int signal);

/* Accepts one connection after the other, answers CONNECT and SUBSCRIBE, never PUBLISH;
 * or closes each at once. */
struct fake_broker;
struct fake_broker *fake_broker_new(bool close_at_once);
/* From now on it drops each connection at its nth PUBLISH. */
void fake_broker_drop_at_publish(struct fake_broker *fake, unsigned n);
void fake_broker_free(struct fake_broker *fake); /* closes what it accepted */
uint16_t fake_broker_port(const struct fake_broker *fake);
unsigned fake_broker_n_publish(struct fake_broker *fake);
unsigned fake_broker_n_connect(struct fake_broker *fake);

struct rig_route {
    pid_t pid;
    struct channel *channel;
    int64_t t_heartbeat_ns;
    bool no_heartbeats;
    bool connected, gone;
    int exit_status; /* when gone */
    unsigned window, n_up, n_down, n_alive;
    char text[256];
    unsigned n_done[RIG_TOKENS], n_lost[RIG_TOKENS], reason[RIG_TOKENS];
    unsigned n_answers;
    /* the last received message */
    unsigned n_messages, message_retained, message_expiry_s;
    char message_suffix[256], message_payload[256];
};

/* Starts gateway-route; args: NULL-terminated further arguments, or NULL. */
struct rig_route *rig_route_start(const char *const *args);
void rig_route_config(struct rig_route *route, const char *host, uint16_t port, bool tls);
/* -EAGAIN when the channel is full. */
int rig_route_publish(struct rig_route *route, uint64_t token, const char *suffix,
                      bool retain, const char *payload);
void rig_route_send(struct rig_route *route, uint16_t type);
/* Works off what comes, with heartbeats, until the condition holds; false: 20 s are over
 * or the process is gone before. */
typedef bool (*rig_condition)(const struct rig_route *route, uint64_t arg);
bool rig_route_wait(struct rig_route *route, rig_condition condition, uint64_t arg);
bool rig_is_connected(const struct rig_route *route, uint64_t arg);
bool rig_is_down(const struct rig_route *route, uint64_t n);      /* at least n reports */
bool rig_has_answers(const struct rig_route *route, uint64_t n);
bool rig_has_messages(const struct rig_route *route, uint64_t n);
bool rig_is_gone(const struct rig_route *route, uint64_t arg);
/* Ends it (STOP, or SIGKILL when it does not), frees. Returns its wait status. */
int rig_route_end(struct rig_route *route);

#endif
