/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h on chips that a test plays behind the Unix socket $GATEWAYD_FAKE_GPIO
 * (tests/flow/gpio.py): the whole daemon with GPIO where the kernel has no chip. One
 * connection per chip, two per line: orders, and edges. A closed connection is a chip
 * that went; the other side sees ours close and takes the line as let go. Levels are
 * physical.
 */
#include "plugins/gpio/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 2000
#define REPLY_MS 2000

struct lines_chip {
    int fd;
    char label[LINES_NAME_MAX];
};

struct lines_line {
    int fd, edge_fd; /* edge_fd -1: output */
    bool is_active_low;
};

const char *lines_version(void)
{
    return "socket";
}

bool lines_can_debounce(void)
{
    return false;
}

static int connect_out(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("GATEWAYD_FAKE_GPIO");
    int fd;

    if (!path || strlen(path) >= sizeof address.sun_path)
        return -ENODEV;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -ENODEV;
    }
    return fd;
}

/* One question, one answer. 0, or -ENODEV when there is none. */
static int ask(int fd, const char *question, char answer[MESSAGE_MAX])
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t n;

    if (send(fd, question, strlen(question), MSG_NOSIGNAL) < 0 ||
        poll(&wait, 1, REPLY_MS) <= 0)
        return -ENODEV;
    n = recv(fd, answer, MESSAGE_MAX - 1, 0);
    if (n <= 0)
        return -ENODEV;
    answer[n] = '\0';
    if (strcmp(answer, "gone") == 0)
        return -ENODEV;
    return strcmp(answer, "busy") == 0 ? -EBUSY : 0;
}

void lines_list(bool (*chip)(void *ctx, const char *path), void *ctx)
{
    char answer[MESSAGE_MAX], *state = NULL;
    int fd = connect_out();
    bool goes_on = fd >= 0 && ask(fd, "chips", answer) == 0;

    if (goes_on)
        for (char *label = strtok_r(answer, "\n", &state); label && goes_on;
             label = strtok_r(NULL, "\n", &state))
            goes_on = chip(ctx, label);
    if (fd >= 0)
        close(fd);
}

int lines_chip_open(const char *path, struct lines_chip **ret,
                    struct lines_chip_info *ret_info)
{
    char question[MESSAGE_MAX], answer[MESSAGE_MAX];
    struct lines_chip *chip = calloc(1, sizeof *chip);
    int rc;

    if (!chip)
        return -ENOMEM;
    chip->fd = connect_out();
    snprintf(chip->label, sizeof chip->label, "%s", path);
    snprintf(question, sizeof question, "chip\t%s", chip->label);
    rc = chip->fd < 0 ? chip->fd : ask(chip->fd, question, answer);
    if (rc < 0) {
        lines_chip_close(chip);
        return rc;
    }
    *ret_info = (struct lines_chip_info){.n_lines = (uint32_t)strtoul(answer, NULL, 10)};
    snprintf(ret_info->path, sizeof ret_info->path, "%s", chip->label);
    snprintf(ret_info->name, sizeof ret_info->name, "%s", chip->label);
    snprintf(ret_info->label, sizeof ret_info->label, "%s", chip->label);
    *ret = chip;
    return 0;
}

void lines_chip_close(struct lines_chip *chip)
{
    if (chip && chip->fd >= 0)
        close(chip->fd);
    free(chip);
}

/* "NAME\tin|out\tCONSUMER" */
int lines_get_info(struct lines_chip *chip, uint32_t offset, struct lines_info *ret)
{
    char question[MESSAGE_MAX], answer[MESSAGE_MAX], *direction, *consumer;
    int rc;

    snprintf(question, sizeof question, "info\t%s\t%u", chip->label, offset);
    rc = ask(chip->fd, question, answer);
    if (rc < 0)
        return rc;
    direction = strchr(answer, '\t');
    consumer = direction ? strchr(direction + 1, '\t') : NULL;
    if (!consumer)
        return -EPROTO;
    *direction++ = *consumer++ = '\0';
    *ret = (struct lines_info){.is_used = *consumer,
                               .is_output = strcmp(direction, "out") == 0};
    snprintf(ret->name, sizeof ret->name, "%.60s", answer);
    snprintf(ret->consumer, sizeof ret->consumer, "%.60s", consumer);
    return 0;
}

static int open_line(const char *question)
{
    char answer[MESSAGE_MAX];
    int fd = connect_out(), rc;

    rc = fd < 0 ? fd : ask(fd, question, answer);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

/* REST is the physical level, or "keep". */
static const char *rest_of(const struct lines_config *config)
{
    if (!config->is_output || config->rest == LINES_REST_KEEP)
        return "keep";
    return (config->rest == LINES_REST_ON) != config->is_active_low ? "1" : "0";
}

int lines_request(struct lines_chip *chip, uint32_t offset,
                  const struct lines_config *config, struct lines_line **ret)
{
    struct lines_line *line = calloc(1, sizeof *line);
    char question[MESSAGE_MAX];

    if (!line)
        return -ENOMEM;
    line->is_active_low = config->is_active_low;
    line->edge_fd = -1;
    snprintf(question, sizeof question, "request\t%s\t%u\t%s\t%s\t%s", chip->label,
             offset, config->is_output ? "out" : "in", rest_of(config), config->consumer);
    line->fd = open_line(question);
    if (line->fd >= 0 && !config->is_output) {
        snprintf(question, sizeof question, "edges\t%s\t%u", chip->label, offset);
        line->edge_fd = open_line(question);
    }
    if (line->fd < 0 || (!config->is_output && line->edge_fd < 0)) {
        int rc = line->fd < 0 ? line->fd : line->edge_fd;

        lines_release(line);
        return rc;
    }
    *ret = line;
    return 0;
}

void lines_release(struct lines_line *line)
{
    if (line && line->edge_fd >= 0)
        close(line->edge_fd);
    if (line && line->fd >= 0)
        close(line->fd);
    free(line);
}

int lines_fd(const struct lines_line *line)
{
    return line->edge_fd;
}

int lines_get(struct lines_line *line)
{
    char answer[MESSAGE_MAX];
    int rc = ask(line->fd, "get", answer);

    return rc < 0 ? rc : (answer[0] == '1') != line->is_active_low;
}

int lines_set(struct lines_line *line, bool is_active)
{
    char answer[MESSAGE_MAX];

    return ask(line->fd, is_active != line->is_active_low ? "set\t1" : "set\t0", answer);
}

bool lines_has_events(const struct lines_line *line)
{
    struct pollfd wait = {.fd = line->edge_fd, .events = POLLIN};

    return poll(&wait, 1, 0) > 0;
}

/* "LEVEL T_MONOTONIC_NS" */
int lines_read_events(struct lines_line *line, struct lines_event *events, unsigned max)
{
    char message[MESSAGE_MAX];
    unsigned n = 0;

    while (n < max && lines_has_events(line)) {
        ssize_t len = recv(line->edge_fd, message, sizeof message - 1, 0);

        if (len <= 2)
            return -ENODEV;
        message[len] = '\0';
        events[n++] =
            (struct lines_event){.t_ns = strtoll(message + 2, NULL, 10),
                                 .is_active = (message[0] == '1') != line->is_active_low};
    }
    return (int)n;
}
