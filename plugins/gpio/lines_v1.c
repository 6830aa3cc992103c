/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h on libgpiod 1.6, the kernel's old interface: 16 events wait per line, newer
 * ones are dropped without a trace, and there is no debouncing.
 */
#include "plugins/gpio/lines.h"

#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/gpio/lines_dev.h"

struct lines_chip {
    struct gpiod_chip *chip;
};

struct lines_line {
    struct gpiod_line *line;
    bool is_output;
};

const char *lines_version(void)
{
    static char text[40];

    snprintf(text, sizeof text, "libgpiod %s", gpiod_version_string());
    return text;
}

bool lines_can_debounce(void)
{
    return false;
}

int lines_chip_open(const char *path, struct lines_chip **ret,
                    struct lines_chip_info *ret_info)
{
    struct lines_chip *chip = calloc(1, sizeof *chip);

    if (!chip)
        return -ENOMEM;
    chip->chip = gpiod_chip_open(path);
    if (!chip->chip) {
        int rc = lines_dev_error();

        free(chip);
        return rc;
    }
    lines_dev_copy(ret_info->path, sizeof ret_info->path, path);
    lines_dev_copy(ret_info->name, sizeof ret_info->name, gpiod_chip_name(chip->chip));
    lines_dev_copy(ret_info->label, sizeof ret_info->label, gpiod_chip_label(chip->chip));
    ret_info->n_lines = gpiod_chip_num_lines(chip->chip);
    *ret = chip;
    return 0;
}

void lines_chip_close(struct lines_chip *chip)
{
    if (chip)
        gpiod_chip_close(chip->chip);
    free(chip);
}

int lines_get_info(struct lines_chip *chip, uint32_t offset, struct lines_info *ret)
{
    struct gpiod_line *line = gpiod_chip_get_line(chip->chip, offset);

    /* the library keeps what it read when the line was first looked at */
    if (!line || gpiod_line_update(line) < 0)
        return lines_dev_error();
    lines_dev_copy(ret->name, sizeof ret->name, gpiod_line_name(line));
    lines_dev_copy(ret->consumer, sizeof ret->consumer, gpiod_line_consumer(line));
    ret->is_used = gpiod_line_is_used(line);
    ret->is_output = gpiod_line_direction(line) == GPIOD_LINE_DIRECTION_OUTPUT;
    ret->is_active_low = gpiod_line_active_state(line) == GPIOD_LINE_ACTIVE_STATE_LOW;
    return 0;
}

static int flags_of(const struct lines_config *config)
{
    static const int bias[] = {[LINES_BIAS_AS_IS] = 0,
                               [LINES_BIAS_NONE] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
                               [LINES_BIAS_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
                               [LINES_BIAS_DOWN] =
                                   GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN};
    static const int drive[] = {[LINES_PUSH_PULL] = 0,
                                [LINES_OPEN_DRAIN] = GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN,
                                [LINES_OPEN_SOURCE] =
                                    GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE};

    return bias[config->bias] | (config->is_output ? drive[config->drive] : 0) |
           (config->is_active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0);
}

/* As it is first: only then can its level be read without changing it. */
static int take_output(struct gpiod_line *line, const struct lines_config *config)
{
    struct gpiod_line_request_config request = {
        .consumer = config->consumer,
        .request_type = GPIOD_LINE_REQUEST_DIRECTION_AS_IS,
        .flags = config->is_active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0};
    int value = config->rest == LINES_REST_ON, rc;

    if (gpiod_line_request(line, &request, 0) < 0)
        return lines_dev_error();
    if (config->rest == LINES_REST_KEEP)
        value = gpiod_line_get_value(line);
    /* a chip that cannot read back gets off, as without a level to keep nothing is better
     */
    rc = gpiod_line_set_config(line, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
                               flags_of(config), value > 0);
    if (rc < 0) {
        rc = lines_dev_error();
        gpiod_line_release(line);
    }
    return rc;
}

static int take_input(struct gpiod_line *line, const struct lines_config *config)
{
    struct gpiod_line_request_config request = {
        .consumer = config->consumer,
        .request_type = config->n_events ? GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES
                                         : GPIOD_LINE_REQUEST_DIRECTION_INPUT,
        .flags = flags_of(config)};

    return gpiod_line_request(line, &request, 0) < 0 ? lines_dev_error() : 0;
}

int lines_request(struct lines_chip *chip, uint32_t offset,
                  const struct lines_config *config, struct lines_line **ret)
{
    struct lines_line *line = calloc(1, sizeof *line);
    int rc;

    if (!line)
        return -ENOMEM;
    line->is_output = config->is_output;
    line->line = gpiod_chip_get_line(chip->chip, offset);
    rc = !line->line         ? lines_dev_error()
         : config->is_output ? take_output(line->line, config)
                             : take_input(line->line, config);
    if (rc < 0)
        free(line);
    else
        *ret = line;
    return rc;
}

void lines_release(struct lines_line *line)
{
    if (line)
        gpiod_line_release(line->line);
    free(line);
}

int lines_fd(const struct lines_line *line)
{
    return line->is_output ? -1 : gpiod_line_event_get_fd(line->line);
}

bool lines_has_events(const struct lines_line *line)
{
    return lines_dev_is_readable(lines_fd(line));
}

int lines_get(struct lines_line *line)
{
    int value = gpiod_line_get_value(line->line);

    return value < 0 ? lines_dev_error() : value;
}

int lines_set(struct lines_line *line, bool is_active)
{
    return gpiod_line_set_value(line->line, is_active) < 0 ? lines_dev_error() : 0;
}

int lines_read_events(struct lines_line *line, struct lines_event *events, unsigned max)
{
    struct gpiod_line_event found[LINES_DEV_QUEUE];
    int n;

    if (!lines_has_events(line))
        return 0;
    n = gpiod_line_event_read_multiple(line->line, found,
                                       max < LINES_DEV_QUEUE ? max : LINES_DEV_QUEUE);
    if (n < 0)
        return lines_dev_error();
    for (int i = 0; i < n; i++)
        events[i] = (struct lines_event){
            .t_ns = found[i].ts.tv_sec * INT64_C(1000000000) + found[i].ts.tv_nsec,
            /* the queue was full: what came then is gone */
            .is_unsure = n == LINES_DEV_QUEUE && i == n - 1,
            .is_active = found[i].event_type == GPIOD_LINE_EVENT_RISING_EDGE};
    return n;
}
