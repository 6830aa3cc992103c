/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway-subscribe: a receiver for tests and demonstrations. Keeps a session at the
 * broker, writes each message as a line TOPIC<tab>PAYLOAD, and with --receipts answers as
 * a coordinator does: the lines and the ledger are on disk before a receipt says so.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mqtt/mqtt.h"
#include "tools/ledger.h"

#define RETRY_MS 200
#define RECEIPT_MS 1000
#define CONNECT_TIMEOUT_MS 10000

static const char usage[] =
    "Usage: gateway-subscribe --port PORT [--address IP] [--id CLIENT] [--topic FILTER]\n"
    "       [--out FILE] [--ready-file FILE] [--receipts [--state FILE]]\n";

struct subscriber {
    const char *address, *id, *topic, *out_path, *ready_path, *state_path;
    uint16_t port;
    bool receipts;
    FILE *out;
    struct mqtt *mqtt;
    struct ledger ledger;
    bool connecting, connected;
    int64_t t_connect_ns, t_receipt_ns; /* when next */
    uint64_t n_dropped;
};

static bool parse(struct subscriber *s, int argc, char **argv)
{
    static const struct option table[] = {
        {"port", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'},
        {"id", required_argument, NULL, 'i'},
        {"topic", required_argument, NULL, 't'},
        {"out", required_argument, NULL, 'o'},
        {"ready-file", required_argument, NULL, 'r'},
        {"receipts", no_argument, NULL, 'R'},
        {"state", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (c) {
        case 'p': s->port = (uint16_t)strtoul(optarg, NULL, 10); break;
        case 'a': s->address = optarg; break;
        case 'i': s->id = optarg; break;
        case 't': s->topic = optarg; break;
        case 'o': s->out_path = optarg; break;
        case 'r': s->ready_path = optarg; break;
        case 's': s->state_path = optarg; break;
        case 'R': s->receipts = true; break;
        default: return false;
        }
    }
    return optind == argc && s->port;
}

static bool open_all(struct subscriber *s)
{
    struct mqtt_options options = {.client_id = s->id,
                                   .keep_session = true,
                                   .inbox_messages = 1000000,
                                   .inbox_bytes = 256 * 1024 * 1024};
    int rc;

    s->out = s->out_path ? fopen(s->out_path, "ae") : stdout;
    if (!s->out) {
        log_error(NULL, "cannot write %s: %s", s->out_path, error_errno_text(errno));
        return false;
    }
    rc = s->state_path ? ledger_load(&s->ledger, s->state_path) : 0;
    if (rc < 0) {
        log_error(NULL, "cannot read %s: %s", s->state_path, error_errno_text(rc));
        return false;
    }
    s->mqtt = mqtt_new(&options);
    return s->mqtt != NULL;
}

static void tell_ready(struct subscriber *s)
{
    FILE *file = s->ready_path ? fopen(s->ready_path, "we") : NULL;

    if (!file)
        return;
    fputs("ready\n", file);
    fclose(file);
}

static void on_event(struct subscriber *s, const struct mqtt_event *event)
{
    switch (event->kind) {
    case MQTT_CONNECTED:
        log_info(NULL, "connected, session %s", event->session_present ? "kept" : "new");
        s->connected = true;
        if (mqtt_subscribe(s->mqtt, 1, &s->topic) < 0)
            mqtt_close(s->mqtt, "cannot subscribe");
        for (struct ledger_log *log = s->ledger.logs; log; log = log->next)
            /* a broker that was killed may have lost the retained one */
            log->changed = true;
        break;
    case MQTT_SUBSCRIBED:
        tell_ready(s);
        break;
    case MQTT_DISCONNECTED:
        if (s->connected)
            log_info(NULL, "disconnected: %s", event->text);
        s->connected = s->connecting = false;
        s->t_connect_ns = clock_boot_ns() + RETRY_MS * CLOCK_NS_PER_MS;
        break;
    case MQTT_DONE:
    case MQTT_LOST:
        break; /* receipts are said again when they change, and at each connect */
    }
}

static void write_line(struct subscriber *s, const struct mqtt_message *message)
{
    fputs(message->topic, s->out);
    fputc('\t', s->out);
    for (size_t i = 0; i < message->len; i++)
        fputc(message->payload[i] == '\n' ? ' ' : message->payload[i], s->out);
    fputc('\n', s->out);
}

/* What arrived goes to the file and into the ledger. */
static void take_messages(struct subscriber *s)
{
    struct mqtt_message *message;
    bool any = false;

    while ((message = mqtt_take_message(s->mqtt))) {
        int rc = 0;

        any = true;
        write_line(s, message);
        if (s->receipts)
            rc = ledger_take(&s->ledger, message->topic, message->payload, message->len);
        if (rc < 0)
            log_warning(NULL, "%s: %s", message->topic,
                        rc == -EBADMSG ? "not what the contract says" : "no memory");
        mqtt_message_free(message);
    }
    if (any)
        fflush(s->out);
    if (mqtt_n_dropped(s->mqtt) != s->n_dropped) {
        s->n_dropped = mqtt_n_dropped(s->mqtt);
        log_warning(NULL, "%llu messages dropped so far",
                    (unsigned long long)s->n_dropped);
    }
}

static bool is_changed(const struct subscriber *s)
{
    for (const struct ledger_log *log = s->ledger.logs; log; log = log->next)
        if (log->changed)
            return true;
    return false;
}

static bool make_durable(struct subscriber *s)
{
    int rc = 0;

    if (ferror(s->out) || (s->out_path && fdatasync(fileno(s->out)) < 0)) {
        log_error(NULL, "cannot write %s", s->out_path ? s->out_path : "the output");
        return false;
    }
    if (s->state_path)
        rc = ledger_save(&s->ledger, s->state_path);
    if (rc < 0)
        log_error(NULL, "cannot write %s: %s", s->state_path, error_errno_text(rc));
    return rc == 0;
}

static void send_receipts(struct subscriber *s)
{
    struct mqtt_publication publication = {.retain = true};
    struct strbuf topic, payload;

    if (!is_changed(s) || !make_durable(s))
        return;
    strbuf_init(&topic);
    strbuf_init(&payload);
    for (struct ledger_log *log = s->ledger.logs; log; log = log->next) {
        if (!log->changed)
            continue;
        strbuf_clear(&topic);
        strbuf_clear(&payload);
        strbuf_printf(&topic, "%sreceipt/%s", log->prefix, log->epoch);
        ledger_put_receipt(log, &payload);
        publication.topic = topic.data;
        publication.payload = payload.data;
        publication.len = payload.len;
        if (!topic.failed && !payload.failed && mqtt_publish(s->mqtt, &publication) == 0)
            log->changed = false;
    }
    strbuf_done(&topic);
    strbuf_done(&payload);
}

static int64_t min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void run_due(struct subscriber *s, int64_t now_ns)
{
    if (!s->connected && now_ns >= s->t_connect_ns) {
        s->t_connect_ns = now_ns + CONNECT_TIMEOUT_MS * CLOCK_NS_PER_MS;
        if (s->connecting)
            mqtt_close(s->mqtt, "no answer from the broker");
        else
            s->connecting = mqtt_connect(s->mqtt, s->address, s->address, s->port) == 0;
    }
    if (s->receipts && s->connected && now_ns >= s->t_receipt_ns) {
        s->t_receipt_ns = now_ns + RECEIPT_MS * CLOCK_NS_PER_MS;
        send_receipts(s);
    }
}

static void run(struct subscriber *s, int signal_fd)
{
    for (;;) {
        struct pollfd fds[2] = {{signal_fd, POLLIN, 0}, {mqtt_fd(s->mqtt), POLLIN, 0}};
        int64_t now_ns = clock_boot_ns();
        int64_t t_ns = now_ns + RECEIPT_MS * CLOCK_NS_PER_MS;
        struct mqtt_event event;

        if (!s->connected)
            t_ns = min_ns(t_ns, s->t_connect_ns);
        poll(fds, 2, t_ns <= now_ns ? 0 : (int)((t_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
        while (mqtt_next(s->mqtt, &event))
            on_event(s, &event);
        take_messages(s);
        if (fds[0].revents)
            return;
        run_due(s, clock_boot_ns());
    }
}

int main(int argc, char **argv)
{
    struct subscriber s = {
        .address = "127.0.0.1", .id = "gateway-subscribe", .topic = "gw/#"};
    sigset_t mask;
    int signal_fd;

    if (!parse(&s, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!open_all(&s))
        return 1;
    run(&s, signal_fd);
    if (s.receipts && !make_durable(&s))
        return 1;
    mqtt_free(s.mqtt);
    ledger_done(&s.ledger);
    return fclose(s.out) == 0 ? 0 : 1;
}
