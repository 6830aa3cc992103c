/* SPDX-License-Identifier: Apache-2.0 */
/* Chips in memory; see gpio_fake.h. */
#include "tests/unit/gpio_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugins/gpio/lines.h"

#define CHIPS_MAX 4

struct fake_line {
    char name[LINES_NAME_MAX], consumer[LINES_NAME_MAX];
    bool is_output, is_high, sticks;
    unsigned n_changes;
    struct lines_line *held;
};

struct fake_chip {
    char label[LINES_NAME_MAX], path[LINES_NAME_MAX];
    bool is_there;
    struct fake_line lines[GPIO_FAKE_LINES];
};

struct lines_chip {
    struct fake_chip *chip;
};

struct lines_line {
    struct fake_chip *chip;
    struct fake_line *line;
    struct lines_config config;
    struct lines_event events[GPIO_FAKE_QUEUE];
    unsigned n_events;
    uint32_t n_dropped;
    int fd; /* -1: output */
};

static struct {
    struct fake_chip chips[CHIPS_MAX];
    unsigned n;
    bool is_v2;
} fake;

/* ---- for tests
 * --------------------------------------------------------------------------- */

void gpio_fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
}

unsigned gpio_fake_chip(const char *label)
{
    struct fake_chip *chip = &fake.chips[fake.n];

    snprintf(chip->label, sizeof chip->label, "%s", label);
    snprintf(chip->path, sizeof chip->path, "/fake/%u", fake.n);
    chip->is_there = true;
    return fake.n++;
}

void gpio_fake_name(unsigned chip, unsigned line, const char *name)
{
    struct fake_line *found = &fake.chips[chip].lines[line];

    snprintf(found->name, sizeof found->name, "%s", name);
}

void gpio_fake_hold(unsigned chip, unsigned line, const char *consumer)
{
    struct fake_line *found = &fake.chips[chip].lines[line];

    snprintf(found->consumer, sizeof found->consumer, "%s", consumer);
}

void gpio_fake_unplug(unsigned chip)
{
    fake.chips[chip].is_there = false;
}

void gpio_fake_plug(unsigned chip)
{
    fake.chips[chip].is_there = true;
}

static void add_event(struct lines_line *held, bool is_active, int64_t t_ns)
{
    struct lines_event event = {.t_ns = t_ns, .is_active = is_active};

    if (held->fd < 0)
        return;
    if (held->n_events < GPIO_FAKE_QUEUE) {
        held->events[held->n_events++] = event;
        eventfd_write(held->fd, 1);
        return;
    }
    held->n_dropped++;
    if (!fake.is_v2)
        return; /* the newest is dropped, without a trace */
    memmove(held->events, held->events + 1, sizeof held->events - sizeof event);
    held->events[GPIO_FAKE_QUEUE - 1] = event;
}

static void set_level(struct fake_line *line, bool is_high)
{
    line->n_changes += is_high != line->is_high;
    line->is_high = is_high;
}

void gpio_fake_level(unsigned chip, unsigned line, bool is_high, int64_t t_ns)
{
    struct fake_line *found = &fake.chips[chip].lines[line];

    if (found->is_high == is_high)
        return;
    set_level(found, is_high);
    if (found->held)
        add_event(found->held, is_high != found->held->config.is_active_low, t_ns);
}

bool gpio_fake_is_high(unsigned chip, unsigned line)
{
    return fake.chips[chip].lines[line].is_high;
}

void gpio_fake_stick(unsigned chip, unsigned line, bool sticks)
{
    fake.chips[chip].lines[line].sticks = sticks;
}

void gpio_fake_make_output(unsigned chip, unsigned line, bool is_high)
{
    fake.chips[chip].lines[line].is_output = true;
    fake.chips[chip].lines[line].is_high = is_high;
}

unsigned gpio_fake_changes(unsigned chip, unsigned line)
{
    return fake.chips[chip].lines[line].n_changes;
}

const char *gpio_fake_consumer(unsigned chip, unsigned line)
{
    return fake.chips[chip].lines[line].consumer;
}

void gpio_fake_be_v2(bool is_v2)
{
    fake.is_v2 = is_v2;
}

uint32_t gpio_fake_debounce_us(unsigned chip, unsigned line)
{
    const struct lines_line *held = fake.chips[chip].lines[line].held;

    return held ? held->config.debounce_us : 0;
}

/* ---- lines.h
 * -------------------------------------------------------------------------------- */

const char *lines_version(void)
{
    return "fake";
}

bool lines_can_debounce(void)
{
    return fake.is_v2;
}

void lines_list(bool (*chip)(void *ctx, const char *path), void *ctx)
{
    for (unsigned i = 0; i < fake.n; i++)
        if (fake.chips[i].is_there && !chip(ctx, fake.chips[i].path))
            return;
}

int lines_chip_open(const char *path, struct lines_chip **ret,
                    struct lines_chip_info *ret_info)
{
    for (unsigned i = 0; i < fake.n; i++) {
        if (!fake.chips[i].is_there || strcmp(fake.chips[i].path, path) != 0)
            continue;
        *ret = calloc(1, sizeof **ret);
        (*ret)->chip = &fake.chips[i];
        *ret_info = (struct lines_chip_info){.n_lines = GPIO_FAKE_LINES};
        snprintf(ret_info->path, sizeof ret_info->path, "%s", path);
        snprintf(ret_info->name, sizeof ret_info->name, "gpiochip%u", i);
        snprintf(ret_info->label, sizeof ret_info->label, "%s", fake.chips[i].label);
        return 0;
    }
    return -ENODEV;
}

void lines_chip_close(struct lines_chip *chip)
{
    free(chip);
}

int lines_get_info(struct lines_chip *chip, uint32_t offset, struct lines_info *ret)
{
    const struct fake_line *line = &chip->chip->lines[offset];

    if (!chip->chip->is_there)
        return -ENODEV;
    *ret =
        (struct lines_info){.is_used = line->consumer[0], .is_output = line->is_output};
    snprintf(ret->name, sizeof ret->name, "%s", line->name);
    snprintf(ret->consumer, sizeof ret->consumer, "%s", line->consumer);
    return 0;
}

int lines_request(struct lines_chip *chip, uint32_t offset,
                  const struct lines_config *config, struct lines_line **ret)
{
    struct fake_line *line = &chip->chip->lines[offset];
    struct lines_line *held;

    if (!chip->chip->is_there)
        return -ENODEV;
    if (line->consumer[0])
        return -EBUSY;
    held = calloc(1, sizeof *held);
    held->chip = chip->chip;
    held->line = line;
    held->config = *config;
    held->fd = config->is_output ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    line->held = held;
    line->is_output = config->is_output;
    if (config->is_output && config->rest != LINES_REST_KEEP)
        set_level(line, (config->rest == LINES_REST_ON) != config->is_active_low);
    snprintf(line->consumer, sizeof line->consumer, "%s", config->consumer);
    *ret = held;
    return 0;
}

void lines_release(struct lines_line *line)
{
    line->line->held = NULL;
    line->line->consumer[0] = '\0';
    if (line->fd >= 0)
        close(line->fd);
    free(line);
}

int lines_fd(const struct lines_line *line)
{
    return line->fd;
}

int lines_get(struct lines_line *line)
{
    if (!line->chip->is_there)
        return -ENODEV;
    return line->line->is_high != line->config.is_active_low;
}

int lines_set(struct lines_line *line, bool is_active)
{
    if (!line->chip->is_there)
        return -ENODEV;
    if (!line->line->sticks)
        set_level(line->line, is_active != line->config.is_active_low);
    return 0;
}

bool lines_has_events(const struct lines_line *line)
{
    return line->n_events > 0;
}

int lines_read_events(struct lines_line *line, struct lines_event *events, unsigned max)
{
    unsigned n = line->n_events < max ? line->n_events : max;
    eventfd_t count;

    if (n == 0)
        return 0;
    memcpy(events, line->events, n * sizeof *events);
    if (fake.is_v2)
        events[0].n_lost = line->n_dropped;
    else if (n == GPIO_FAKE_QUEUE)
        events[n - 1].is_unsure = true;
    line->n_dropped = 0;
    line->n_events = 0;
    eventfd_read(line->fd, &count);
    return (int)n;
}
