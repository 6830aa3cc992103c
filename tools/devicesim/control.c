/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket of the device simulator. At most CONTROL_CLIENTS at a time. */
#include "tools/devicesim/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/strbuf.h"

#define CONTROL_CLIENTS 16
#define WORDS_MAX 6

struct client {
    struct control *control;
    struct loop_source source;
    size_t used;
    char line[512];
};

struct control {
    struct sim *sim;
    struct loop_source source;
    char path[108];
    struct client *clients[CONTROL_CLIENTS];
};

static int set_fault(struct device *device, char **words, unsigned n, struct strbuf *out)
{
    struct fault fault;
    int rc = fault_parse(words, n, &fault);

    (void)out;
    if (rc < 0)
        return rc;
    device->fault = fault;
    if (fault.kind == FAULT_NONE)
        image_restore(&device->image);
    return fault.kind == FAULT_NONE ? device->act(device->endpoint, DEVICE_ACCEPT) : 0;
}

static int do_action(struct device *device, char **words, unsigned n, struct strbuf *out)
{
    (void)out;
    if (n != 1)
        return -EINVAL;
    if (strcmp(words[0], "reset") == 0)
        return device->act(device->endpoint, DEVICE_RESET);
    return device->act(device->endpoint,
                       strcmp(words[0], "refuse") == 0 ? DEVICE_REFUSE : DEVICE_ACCEPT);
}

static int make_illegal(struct device *device, char **words, unsigned n,
                        struct strbuf *out)
{
    char *end;
    unsigned long first, to;

    (void)out;
    if (n != 2)
        return -EINVAL;
    first = to = strtoul(words[1], &end, 0);
    if (strncmp(end, "..", 2) == 0)
        to = strtoul(end + 2, &end, 0);
    if (*end || to < first || to > 65535)
        return -EINVAL;
    image_make_illegal(&device->image, (unsigned)first, (unsigned)to);
    return 0;
}

static int parse_place(char **words, enum image_table *ret_table, unsigned *ret_address)
{
    static const char *const names[] = {"coil", "discrete", "input", "holding"};

    for (int i = 0; i < IMAGE_TABLES; i++) {
        if (strcmp(words[1], names[i]) == 0) {
            *ret_table = (enum image_table)i;
            *ret_address = (unsigned)strtoul(words[2], NULL, 0);
            return *ret_address < 65536 ? 0 : -ERANGE;
        }
    }
    return -EINVAL;
}

static int get_or_set(struct device *device, char **words, unsigned n, struct strbuf *out)
{
    bool sets = strcmp(words[0], "set") == 0;
    enum image_table table;
    unsigned address;
    int rc = n == (sets ? 4 : 3) ? parse_place(words, &table, &address) : -EINVAL;

    if (rc < 0)
        return rc;
    if (!image_covers(&device->image, table, address, 1))
        return -ENXIO;
    if (sets)
        image_set(&device->image, table, address, (uint16_t)strtol(words[3], NULL, 0));
    else
        strbuf_printf(out, "%u\n", image_get(&device->image, table, address));
    return 0;
}

static int command(struct device *device, char **words, unsigned n, struct strbuf *out)
{
    static const struct {
        const char *word;
        int (*run)(struct device *device, char **words, unsigned n, struct strbuf *out);
    } commands[] = {
        {"reset",   do_action   },
        {"refuse",  do_action   },
        {"accept",  do_action   },
        {"illegal", make_illegal},
        {"set",     get_or_set  },
        {"get",     get_or_set  },
    };

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(words[0], commands[i].word) == 0)
            return commands[i].run(device, words, n, out);
    return set_fault(device, words, n, out);
}

static bool is_target(const struct device *device, const char *text)
{
    if (strcmp(text, "*") == 0)
        return true;
    if (text[0] == 'u')
        return device->unit == (int)strtol(text + 1, NULL, 10);
    return text[0] >= '0' && text[0] <= '9' && device->index == strtoul(text, NULL, 10);
}

static void put_stats(const struct sim *sim, struct strbuf *out)
{
    for (unsigned i = 0; i < sim->n_devices; i++)
        strbuf_printf(out, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", i,
                      sim->devices[i].n_requests, sim->devices[i].n_replies,
                      sim->devices[i].image.counter);
}

static int run_words(struct sim *sim, char *line, struct strbuf *out)
{
    char *words[WORDS_MAX], *rest = NULL, *word = strtok_r(line, " \t\r\n", &rest);
    unsigned n = 0, hits = 0;
    int rc = 0;

    for (; word && n < WORDS_MAX; word = strtok_r(NULL, " \t\r\n", &rest))
        words[n++] = word;
    if (n == 1 && strcmp(words[0], "stats") == 0) {
        put_stats(sim, out);
        return 0;
    }
    if (n < 2)
        return -EINVAL;
    for (unsigned i = 0; rc == 0 && i < sim->n_devices; i++) {
        if (!is_target(&sim->devices[i], words[0]))
            continue;
        rc = command(&sim->devices[i], words + 1, n - 1, out);
        hits++;
    }
    return rc == 0 && hits == 0 ? -ENODEV : rc;
}

static int tell_home(struct model_home *home, const char *text, struct strbuf *out)
{
    int rc = *text ? model_home_do(home, text) : 0;

    model_home_now(home);
    if (rc == 0)
        model_home_print(home, out);
    return rc;
}

static int run_line(struct sim *sim, char *line, struct strbuf *out)
{
    if (strncmp(line, "home", 4) == 0)
        return tell_home(&sim->home, line + 4 + (line[4] == ' '), out);
    return run_words(sim, line, out);
}

static void answer(struct client *client, char *line)
{
    struct strbuf out;
    int rc;

    strbuf_init(&out);
    rc = run_line(client->control->sim, line, &out);
    if (rc < 0)
        strbuf_printf(&out, "error: %s\n", error_errno_text(rc));
    else
        strbuf_puts(&out, "ok\n");
    if (!out.failed)
        (void)!write(client->source.fd, out.data, out.len);
    strbuf_done(&out);
}

static void drop_client(struct client *client)
{
    struct control *control = client->control;

    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i] == client)
            control->clients[i] = NULL;
    loop_remove(control->sim->loop, &client->source);
    close(client->source.fd);
    free(client);
}

static void on_line(void *ctx, uint32_t events)
{
    struct client *client = ctx;
    ssize_t n = read(client->source.fd, client->line + client->used,
                     sizeof client->line - 1 - client->used);
    char *end;

    (void)events;
    if (n <= 0) {
        drop_client(client);
        return;
    }
    client->used += (size_t)n;
    client->line[client->used] = 0;
    while ((end = strchr(client->line, '\n'))) {
        *end = 0;
        answer(client, client->line);
        client->used -= (size_t)(end + 1 - client->line);
        memmove(client->line, end + 1, client->used + 1);
    }
    if (client->used == sizeof client->line - 1)
        drop_client(client);
}

static void on_connect(void *ctx, uint32_t events)
{
    struct control *control = ctx;
    int fd = accept4(control->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK),
        slot = 0;
    struct client *client = fd >= 0 ? calloc(1, sizeof *client) : NULL;

    (void)events;
    while (slot < CONTROL_CLIENTS && control->clients[slot])
        slot++;
    if (!client || slot == CONTROL_CLIENTS) {
        free(client);
        if (fd >= 0)
            close(fd);
        return;
    }
    client->control = control;
    client->source = (struct loop_source){fd, on_line, client};
    control->clients[slot] = client;
    if (loop_add(control->sim->loop, &client->source) < 0)
        drop_client(client);
}

static int make_socket(const char *path, struct sockaddr_un *address)
{
    if (strlen(path) >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(address->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int control_new(struct sim *sim, const char *path, struct control **ret_control)
{
    struct control *control = calloc(1, sizeof *control);
    struct sockaddr_un address;
    int fd = control ? make_socket(path, &address) : -ENOMEM, rc = fd < 0 ? fd : 0;

    if (rc == 0) {
        unlink(path);
        control->sim = sim;
        control->source = (struct loop_source){fd, on_connect, control};
        memcpy(control->path, address.sun_path, sizeof control->path);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, 16) < 0)
            rc = -errno;
        else
            rc = loop_add(sim->loop, &control->source);
    }
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        free(control);
        return rc;
    }
    *ret_control = control;
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i])
            drop_client(control->clients[i]);
    loop_remove(control->sim->loop, &control->source);
    close(control->source.fd);
    unlink(control->path);
    free(control);
}

static int print_answer(FILE *stream)
{
    char line[1024];

    while (fgets(line, sizeof line, stream)) {
        bool failed = strncmp(line, "error", 5) == 0;

        fputs(line, failed ? stderr : stdout);
        if (failed || strcmp(line, "ok\n") == 0)
            return failed;
    }
    return 1;
}

int control_tell(const char *path, const char *line)
{
    struct sockaddr_un address;
    int fd = make_socket(path, &address), code = 3;
    FILE *stream;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        fprintf(stderr, "gateway-devicesim: %s: %s\n", path, error_errno_text(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    stream = fdopen(fd, "r+");
    if (stream) {
        fprintf(stream, "%s\n", line);
        fflush(stream);
        code = print_answer(stream);
        fclose(stream);
    }
    return code;
}
