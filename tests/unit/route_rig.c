/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and brokers for test_route.c; see route_rig.h. */
#include "tests/unit/route_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/strbuf.h"
#include "lib/channel/route_msg.h"
#include "lib/channel/wire.h"

#define DEADLINE_NS (20 * CLOCK_NS_PER_S)

extern char **environ;
static char dir[256];
static pid_t children[16]; /* ended by rig_done when a test did not */

static void remember(pid_t pid)
{
    for (unsigned i = 0; i < sizeof children / sizeof children[0]; i++)
        if (!children[i]) {
            children[i] = pid;
            return;
        }
}

static void forget(pid_t pid)
{
    for (unsigned i = 0; i < sizeof children / sizeof children[0]; i++)
        if (children[i] == pid)
            children[i] = 0;
}

void rig_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    rig_done();
    _exit(99);
}

void rig_init(void)
{
    const char *base = getenv("TMPDIR");

    snprintf(dir, sizeof dir, "%s/test-route-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        rig_fail(__func__);
}

void rig_done(void)
{
    for (unsigned i = 0; i < sizeof children / sizeof children[0]; i++)
        if (children[i])
            rig_process_stop(children[i], SIGKILL);
    rig_shell("rm -rf '%s'", dir);
}

const char *rig_dir(void)
{
    return dir;
}

void rig_write_file(const char *name, const char *text)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "w");
    if (!file)
        rig_fail(__func__);
    fputs(text, file);
    fclose(file);
}

int rig_shell(const char *format, ...)
{
    char *command = NULL;
    va_list args;
    int status;

    va_start(args, format);
    if (vasprintf(&command, format, args) < 0)
        rig_fail(__func__);
    va_end(args);
    status = system(command);
    free(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        rig_fail(__func__);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

uint16_t rig_free_port(void)
{
    uint16_t port;

    close(listen_on_loopback(&port));
    return port;
}

/* ---- processes --------------------------------------------------------------------- */

static const char *mosquitto_path(void)
{
    static const char *const paths[] = {"/usr/sbin/mosquitto",
                                        "/usr/local/sbin/mosquitto"};

    for (unsigned i = 0; i < 2; i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

bool rig_have_mosquitto(void)
{
    return mosquitto_path() != NULL;
}

static bool accepts(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    close(fd);
    return ok;
}

pid_t rig_broker_start(uint16_t port, const char *extra)
{
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;
    char text[2048], path[512];
    char *argv[] = {(char *)(uintptr_t)mosquitto_path(), (char *)(uintptr_t) "-c", path,
                    NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    snprintf(text, sizeof text,
             "listener %u 127.0.0.1\nallow_anonymous true\nuser root\n%s\n", port,
             extra ? extra : "");
    rig_write_file("mosquitto.conf", text);
    snprintf(path, sizeof path, "%s/mosquitto.conf", dir);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        rig_fail(__func__);
    posix_spawn_file_actions_destroy(&actions);
    remember(pid);
    while (!accepts(port)) {
        if (clock_boot_ns() > deadline_ns || waitpid(pid, NULL, WNOHANG) == pid)
            rig_fail("mosquitto does not start");
        poll(NULL, 0, 10);
    }
    return pid;
}

void rig_process_stop(pid_t pid, int signal)
{
    kill(pid, signal);
    waitpid(pid, NULL, 0);
    forget(pid);
}

/* ---- the route --------------------------------------------------------------------- */

struct rig_route *rig_route_start(const char *const *args)
{
    struct rig_route *route = calloc(1, sizeof *route);
    const char *build = getenv("GATEWAYD_BUILD");
    posix_spawn_file_actions_t actions;
    char *argv[8] = {NULL}, path[512];
    int fds[2], n = 0;

    snprintf(path, sizeof path, "%s/route/gateway-route", build ? build : ".");
    argv[n++] = path;
    argv[n++] = (char *)(uintptr_t)"--tidy";
    for (int i = 0; args && args[i]; i++)
        argv[n++] = (char *)(uintptr_t)args[i];
    if (!route || channel_pair(fds) < 0)
        rig_fail(__func__);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], CHANNEL_CHILD_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, CHANNEL_CHILD_FD + 1);
    if (posix_spawn(&route->pid, path, &actions, NULL, argv, environ) != 0)
        rig_fail(__func__);
    posix_spawn_file_actions_destroy(&actions);
    remember(route->pid);
    close(fds[1]);
    route->channel = channel_new(fds[0]);
    return route;
}

static void send_body(struct rig_route *route, uint16_t type, struct strbuf *buf)
{
    channel_send(route->channel, type, buf->data, buf->len, -1);
    strbuf_done(buf);
}

void rig_route_config(struct rig_route *route, const char *host, uint16_t port, bool tls)
{
    static const char *const topics[] = {"cmd/+", "receipt/+", "plan"};
    char credentials[sizeof dir + 1];
    struct strbuf buf;

    snprintf(credentials, sizeof credentials, "%s/", dir);
    strbuf_init(&buf);
    wire_put_string(&buf, "r");
    wire_put_string(&buf, host);
    wire_put_u32(&buf, port);
    wire_put_u8(&buf, tls);
    wire_put_string(&buf, "gw-test");
    wire_put_string(&buf, credentials);
    wire_put_string(&buf, "gw/s/g/");
    wire_put_string(&buf, "{\"v\":1,\"state\":\"offline\"}");
    wire_put_u32(&buf, 3);
    for (int i = 0; i < 3; i++)
        wire_put_string(&buf, topics[i]);
    wire_put_u32(&buf, 64);
    wire_put_u8(&buf, true); /* the tests stay on loopback, whatever a name may say */
    send_body(route, ROUTE_MSG_CONFIG, &buf);
}

int rig_route_publish(struct rig_route *route, uint64_t token, const char *suffix,
                      bool retain, const char *payload)
{
    struct strbuf buf;
    int rc;

    strbuf_init(&buf);
    wire_put_u64(&buf, token);
    wire_put_u8(&buf, retain);
    wire_put_u32(&buf, 0);
    wire_put_string(&buf, suffix);
    wire_put_bytes(&buf, payload, strlen(payload));
    rc = channel_send(route->channel, ROUTE_MSG_PUBLISH, buf.data, buf.len, -1);
    strbuf_done(&buf);
    return rc;
}

void rig_route_send(struct rig_route *route, uint16_t type)
{
    channel_send(route->channel, type, NULL, 0, -1);
}

static void on_state(struct rig_route *route, struct wire *wire)
{
    route->connected = wire_get_u8(wire) != 0;
    route->window = wire_get_u32(wire);
    snprintf(route->text, sizeof route->text, "%s", wire_get_string(wire));
    if (route->connected)
        route->n_up++;
    else
        route->n_down++;
}

static void on_message(struct rig_route *route, struct wire *wire)
{
    size_t len;
    const char *payload;

    snprintf(route->message_suffix, sizeof route->message_suffix, "%s",
             wire_get_string(wire));
    route->message_retained = wire_get_u8(wire);
    route->message_expiry_s = wire_get_u32(wire);
    payload = wire_get_bytes(wire, &len);
    snprintf(route->message_payload, sizeof route->message_payload, "%.*s", (int)len,
             payload);
    route->n_messages++;
}

static void dispatch(struct rig_route *route, const struct channel_message *message)
{
    struct wire wire = wire_of(message->body, message->len);
    uint64_t token;

    if (message->type == ROUTE_MSG_STATE) {
        on_state(route, &wire);
    } else if (message->type == ROUTE_MSG_DONE || message->type == ROUTE_MSG_LOST) {
        token = wire_get_u64(&wire) % RIG_TOKENS;
        route->n_answers++;
        if (message->type == ROUTE_MSG_LOST) {
            route->n_lost[token]++;
        } else {
            route->n_done[token]++;
            route->reason[token] = wire_get_u32(&wire);
        }
    } else if (message->type == ROUTE_MSG_MESSAGE) {
        on_message(route, &wire);
    } else if (message->type == ROUTE_MSG_ALIVE) {
        route->n_alive++;
    } else if (message->type == ROUTE_MSG_LOG) {
        wire_get_u8(&wire);
        fprintf(stderr, "    route: %s\n", wire_get_string(&wire));
    }
    if (!wire_done(&wire))
        rig_fail(__func__);
}

static void step(struct rig_route *route)
{
    struct pollfd pfd = {channel_fd(route->channel), POLLIN, 0};
    struct channel_message message;
    int rc;

    if (!route->no_heartbeats &&
        clock_boot_ns() - route->t_heartbeat_ns >= CLOCK_NS_PER_S) {
        route->t_heartbeat_ns = clock_boot_ns();
        rig_route_send(route, ROUTE_MSG_HEARTBEAT);
    }
    poll(&pfd, 1, 100);
    while ((rc = channel_receive(route->channel, &message)) > 0)
        dispatch(route, &message);
    if (rc < 0 && !route->gone) {
        waitpid(route->pid, &route->exit_status, 0);
        forget(route->pid);
        route->gone = true;
    }
}

bool rig_route_wait(struct rig_route *route, rig_condition condition, uint64_t arg)
{
    int64_t deadline_ns = clock_boot_ns() + DEADLINE_NS;

    while (!condition(route, arg)) {
        if (route->gone || clock_boot_ns() > deadline_ns)
            return false;
        step(route);
    }
    return true;
}

bool rig_is_connected(const struct rig_route *route, uint64_t arg)
{
    (void)arg;
    return route->connected;
}

bool rig_is_down(const struct rig_route *route, uint64_t n)
{
    return !route->connected && route->n_down >= n;
}

bool rig_has_answers(const struct rig_route *route, uint64_t n)
{
    return route->n_answers >= n;
}

bool rig_has_messages(const struct rig_route *route, uint64_t n)
{
    return route->n_messages >= n;
}

bool rig_is_gone(const struct rig_route *route, uint64_t arg)
{
    (void)arg;
    return route->gone;
}

int rig_route_end(struct rig_route *route)
{
    int status;

    if (!route->gone)
        rig_route_send(route, ROUTE_MSG_STOP);
    if (!rig_route_wait(route, rig_is_gone, 0)) {
        kill(route->pid, SIGKILL);
        waitpid(route->pid, &route->exit_status, 0);
    }
    forget(route->pid);
    status = route->exit_status;
    channel_free(route->channel);
    free(route);
    return status;
}
