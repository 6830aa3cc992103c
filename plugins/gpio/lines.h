/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between the plugin and the kernel: chips, and lines requested one by one. Of
 * its implementations configure takes one: lines_v1.c (libgpiod 1.6) or lines_v2.c
 * (libgpiod 2.x); lines_socket.c plays chips for tests of the whole daemon. Bus thread
 * only.
 *
 * Functions return 0 or a negative errno. -ENODEV means that the chip is gone.
 */
#ifndef GATEWAYD_GPIO_LINES_H
#define GATEWAYD_GPIO_LINES_H

#include <stdbool.h>
#include <stdint.h>

#define LINES_NAME_MAX 64
#define LINES_CONSUMER_MAX 32 /* of the kernel, NUL included */

enum lines_bias { LINES_BIAS_AS_IS, LINES_BIAS_NONE, LINES_BIAS_UP, LINES_BIAS_DOWN };
enum lines_drive { LINES_PUSH_PULL, LINES_OPEN_DRAIN, LINES_OPEN_SOURCE };
/* What an output line is taken over with. */
enum lines_rest { LINES_REST_KEEP, LINES_REST_OFF, LINES_REST_ON };

struct lines_chip;
struct lines_line;

struct lines_chip_info {
    char path[LINES_NAME_MAX], name[LINES_NAME_MAX], label[LINES_NAME_MAX];
    uint32_t n_lines;
};

/* name and consumer "" when there is none. */
struct lines_info {
    char name[LINES_NAME_MAX], consumer[LINES_NAME_MAX];
    bool is_used, is_output, is_active_low;
};

struct lines_config {
    bool is_output, is_active_low;
    enum lines_bias bias;
    enum lines_drive drive; /* outputs */
    enum lines_rest rest;   /* outputs; KEEP: the level the line has now */
    uint32_t debounce_us;   /* inputs; only with lines_can_debounce */
    uint32_t n_events;      /* inputs: how many events should wait in the kernel */
    const char *consumer;
};

/* An edge as the kernel saw it. */
struct lines_event {
    int64_t t_ns;    /* of which clock: see event_time.h */
    uint32_t n_lost; /* edges that came before this one and were dropped */
    bool is_unsure;  /* edges after this one may have been dropped, none knows how many */
    bool is_active;
};

/* "libgpiod 1.6.3" */
const char *lines_version(void);
/* Does the kernel debounce through this interface? */
bool lines_can_debounce(void);

/* Calls `chip` with the path of every chip of this machine, until it returns false. */
void lines_list(bool (*chip)(void *ctx, const char *path), void *ctx);

int lines_chip_open(const char *path, struct lines_chip **ret,
                    struct lines_chip_info *ret_info);
/* After all its lines. NULL is fine. */
void lines_chip_close(struct lines_chip *chip);
int lines_get_info(struct lines_chip *chip, uint32_t offset, struct lines_info *ret);

/* -EBUSY: another program has it. An output that is not told otherwise keeps its level
 * from before to after this call. */
int lines_request(struct lines_chip *chip, uint32_t offset,
                  const struct lines_config *config, struct lines_line **ret);
void lines_release(struct lines_line *line);

/* Readable when there are events; in error when the chip went, where the kernel tells. */
int lines_fd(const struct lines_line *line);
int lines_get(struct lines_line *line); /* 0, 1 or negative errno */
int lines_set(struct lines_line *line, bool is_active);
bool lines_has_events(const struct lines_line *line);
/* Up to max waiting events; never blocks. Their number or negative errno. */
int lines_read_events(struct lines_line *line, struct lines_event *events, unsigned max);

#endif
