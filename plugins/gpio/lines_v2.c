/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h on libgpiod 2.x, the kernel's new interface: as many events wait per line as
 * were asked for, numbered, so that a gap is seen (the oldest are dropped); the kernel
 * debounces.
 */
#include "plugins/gpio/lines.h"

#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/gpio/lines_dev.h"

#define EVENTS_AT_ONCE 64

struct lines_chip {
    struct gpiod_chip *chip;
};

struct lines_line {
    struct gpiod_line_request *request;
    struct gpiod_edge_event_buffer *events; /* inputs */
    uint32_t offset;
    unsigned long seqno; /* of the last event seen */
};

const char *lines_version(void)
{
    static char text[40];

    snprintf(text, sizeof text, "libgpiod %s", gpiod_api_version());
    return text;
}

bool lines_can_debounce(void)
{
    return true;
}

/* ---- chips ----------------------------------------------------------------------------
 */

int lines_chip_open(const char *path, struct lines_chip **ret,
                    struct lines_chip_info *ret_info)
{
    struct lines_chip *chip = calloc(1, sizeof *chip);
    struct gpiod_chip_info *info = NULL;
    int rc;

    if (!chip)
        return -ENOMEM;
    chip->chip = gpiod_chip_open(path);
    if (chip->chip)
        info = gpiod_chip_get_info(chip->chip);
    if (!info) {
        rc = lines_dev_error();
        if (chip->chip)
            gpiod_chip_close(chip->chip);
        free(chip);
        return rc;
    }
    lines_dev_copy(ret_info->path, sizeof ret_info->path, path);
    lines_dev_copy(ret_info->name, sizeof ret_info->name, gpiod_chip_info_get_name(info));
    lines_dev_copy(ret_info->label, sizeof ret_info->label,
                   gpiod_chip_info_get_label(info));
    ret_info->n_lines = (uint32_t)gpiod_chip_info_get_num_lines(info);
    gpiod_chip_info_free(info);
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
    struct gpiod_line_info *info = gpiod_chip_get_line_info(chip->chip, offset);

    if (!info)
        return lines_dev_error();
    lines_dev_copy(ret->name, sizeof ret->name, gpiod_line_info_get_name(info));
    lines_dev_copy(ret->consumer, sizeof ret->consumer,
                   gpiod_line_info_get_consumer(info));
    ret->is_used = gpiod_line_info_is_used(info);
    ret->is_output = gpiod_line_info_get_direction(info) == GPIOD_LINE_DIRECTION_OUTPUT;
    ret->is_active_low = gpiod_line_info_is_active_low(info);
    gpiod_line_info_free(info);
    return 0;
}

/* ---- requests
 * --------------------------------------------------------------------------- */

static enum gpiod_line_bias bias_of(enum lines_bias bias)
{
    static const enum gpiod_line_bias known[] = {
        [LINES_BIAS_AS_IS] = GPIOD_LINE_BIAS_AS_IS,
        [LINES_BIAS_NONE] = GPIOD_LINE_BIAS_DISABLED,
        [LINES_BIAS_UP] = GPIOD_LINE_BIAS_PULL_UP,
        [LINES_BIAS_DOWN] = GPIOD_LINE_BIAS_PULL_DOWN};

    return known[bias];
}

static enum gpiod_line_drive drive_of(enum lines_drive drive)
{
    static const enum gpiod_line_drive known[] = {
        [LINES_PUSH_PULL] = GPIOD_LINE_DRIVE_PUSH_PULL,
        [LINES_OPEN_DRAIN] = GPIOD_LINE_DRIVE_OPEN_DRAIN,
        [LINES_OPEN_SOURCE] = GPIOD_LINE_DRIVE_OPEN_SOURCE};

    return known[drive];
}

static struct gpiod_line_settings *new_settings(const struct lines_config *config)
{
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    int rc = 0;

    if (!settings)
        return NULL;
    gpiod_line_settings_set_active_low(settings, config->is_active_low);
    if (!config->is_output) {
        rc |= gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
        rc |= gpiod_line_settings_set_bias(settings, bias_of(config->bias));
        gpiod_line_settings_set_debounce_period_us(settings, config->debounce_us);
        if (config->n_events)
            rc |= gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
    }
    if (rc) {
        gpiod_line_settings_free(settings);
        return NULL;
    }
    return settings;
}

static struct gpiod_line_config *new_config(uint32_t offset,
                                            struct gpiod_line_settings *settings)
{
    struct gpiod_line_config *config = settings ? gpiod_line_config_new() : NULL;

    if (config && gpiod_line_config_add_line_settings(config, &offset, 1, settings) < 0) {
        gpiod_line_config_free(config);
        return NULL;
    }
    return config;
}

/* Of an output only the hold on it, as it is: then its level can be read unchanged. */
static int request(struct lines_chip *chip, uint32_t offset,
                   const struct lines_config *from, struct gpiod_line_request **ret)
{
    struct gpiod_line_settings *settings = new_settings(from);
    struct gpiod_line_config *config = new_config(offset, settings);
    struct gpiod_request_config *about = config ? gpiod_request_config_new() : NULL;
    int rc = -ENOMEM;

    if (about) {
        gpiod_request_config_set_consumer(about, from->consumer);
        gpiod_request_config_set_event_buffer_size(about, from->n_events);
        *ret = gpiod_chip_request_lines(chip->chip, about, config);
        rc = *ret ? 0 : lines_dev_error();
        gpiod_request_config_free(about);
    }
    gpiod_line_config_free(config);
    gpiod_line_settings_free(settings);
    return rc;
}

static int make_output(struct gpiod_line_request *held, uint32_t offset,
                       const struct lines_config *from)
{
    enum gpiod_line_value value =
        from->rest == LINES_REST_ON ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
    struct gpiod_line_settings *settings = new_settings(from);
    struct gpiod_line_config *config = NULL;
    int rc = -ENOMEM;

    if (from->rest == LINES_REST_KEEP)
        value = gpiod_line_request_get_value(held, offset);
    if (settings) {
        gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
        gpiod_line_settings_set_bias(settings, bias_of(from->bias));
        gpiod_line_settings_set_drive(settings, drive_of(from->drive));
        /* a chip that cannot read back gets off, as without a level to keep nothing is
         * better */
        gpiod_line_settings_set_output_value(settings, value == GPIOD_LINE_VALUE_ERROR
                                                           ? GPIOD_LINE_VALUE_INACTIVE
                                                           : value);
        config = new_config(offset, settings);
    }
    if (config)
        rc = gpiod_line_request_reconfigure_lines(held, config) < 0 ? lines_dev_error()
                                                                    : 0;
    gpiod_line_config_free(config);
    gpiod_line_settings_free(settings);
    return rc;
}

int lines_request(struct lines_chip *chip, uint32_t offset,
                  const struct lines_config *config, struct lines_line **ret)
{
    struct lines_line *line = calloc(1, sizeof *line);
    int rc = line ? request(chip, offset, config, &line->request) : -ENOMEM;

    if (rc == 0 && config->is_output)
        rc = make_output(line->request, offset, config);
    if (rc == 0 && config->n_events) {
        line->events = gpiod_edge_event_buffer_new(EVENTS_AT_ONCE);
        rc = line->events ? 0 : -ENOMEM;
    }
    if (rc < 0) {
        lines_release(line);
        return rc;
    }
    line->offset = offset;
    *ret = line;
    return 0;
}

void lines_release(struct lines_line *line)
{
    if (!line)
        return;
    if (line->request)
        gpiod_line_request_release(line->request);
    if (line->events)
        gpiod_edge_event_buffer_free(line->events);
    free(line);
}

int lines_fd(const struct lines_line *line)
{
    return line->events ? gpiod_line_request_get_fd(line->request) : -1;
}

bool lines_has_events(const struct lines_line *line)
{
    return lines_dev_is_readable(lines_fd(line));
}

int lines_get(struct lines_line *line)
{
    enum gpiod_line_value value =
        gpiod_line_request_get_value(line->request, line->offset);

    if (value == GPIOD_LINE_VALUE_ERROR)
        return lines_dev_error();
    return value == GPIOD_LINE_VALUE_ACTIVE;
}

int lines_set(struct lines_line *line, bool is_active)
{
    enum gpiod_line_value value =
        is_active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;

    return gpiod_line_request_set_value(line->request, line->offset, value) < 0
               ? lines_dev_error()
               : 0;
}

/* ---- events
 * ----------------------------------------------------------------------------- */

static struct lines_event take_event(struct lines_line *line,
                                     struct gpiod_edge_event *from)
{
    unsigned long seqno = gpiod_edge_event_get_line_seqno(from);
    struct lines_event event = {
        .t_ns = (int64_t)gpiod_edge_event_get_timestamp_ns(from),
        .n_lost = (uint32_t)(seqno - line->seqno - 1), /* the first one has number 1 */
        .is_active =
            gpiod_edge_event_get_event_type(from) == GPIOD_EDGE_EVENT_RISING_EDGE};

    line->seqno = seqno;
    return event;
}

int lines_read_events(struct lines_line *line, struct lines_event *events, unsigned max)
{
    int n;

    if (!lines_has_events(line))
        return 0;
    n = gpiod_line_request_read_edge_events(line->request, line->events,
                                            max < EVENTS_AT_ONCE ? max : EVENTS_AT_ONCE);
    if (n < 0)
        return lines_dev_error();
    for (int i = 0; i < n; i++)
        events[i] = take_event(
            line, gpiod_edge_event_buffer_get_event(line->events, (unsigned long)i));
    return n;
}
