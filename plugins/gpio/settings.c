/* SPDX-License-Identifier: Apache-2.0 */
/* The option table, and reading it through the host's services. */
#include "plugins/gpio/settings.h"

#include <string.h>

/* A level that changes faster than once per millisecond is no contact: of an input so
 * many edges may wait, of a counter a second's worth at 1 kHz. */
#define INPUT_EVENTS 64
#define COUNTER_EVENTS 2048
#define NS_PER_MS INT64_C(1000000)

#define OPTION(scope, type, key, fallback, min, max, words, help)                        \
    {                                                                                    \
        key, GW_SCOPE_##scope, GW_OPT_##type, 0, 0, fallback, min, max, words, help      \
    }
#define NAMED (GW_OPTION_REQUIRED | GW_OPTION_NO_NUMBER)

const struct gw_option settings_options[] = {
    {"chip", GW_SCOPE_BUS, GW_OPT_STRING, NAMED, 0, NULL, 0, 0, NULL,
     "label of the chip, such as pinctrl-bcm2711; `gatewayctl scan gpio` lists them"},
    {"line", GW_SCOPE_POINT, GW_OPT_STRING, NAMED, 0, NULL, 0, 0, NULL,
     "name of the line, such as GPIO17, or LABEL:OFFSET of a line that has no name"},
    {"direction", GW_SCOPE_POINT, GW_OPT_ENUM, GW_OPTION_REQUIRED, 0, NULL, 0, 0,
     "in out count", "an input, an output, or an input whose pulses are counted"},
    OPTION(POINT, ENUM, "bias", "as-is", 0, 0, "as-is none pull-up pull-down",
           "the chip's own resistor"),
    OPTION(POINT, ENUM, "active", "high", 0, 0, "high low", "the level that means on"),
    OPTION(POINT, ENUM, "drive", "push-pull", 0, 0, "push-pull open-drain open-source",
           "how an output drives its line"),
    OPTION(POINT, ENUM, "rest", "keep", 0, 0, "keep off on",
           "what an output is taken over with; keep: the level the line has then"),
    OPTION(POINT, DURATION, "debounce", "0 ms", 0, 1000, NULL,
           "how long an input must be steady"),
    OPTION(POINT, FLOAT, "pulses_per_kwh", NULL, 0.001, 1e6, NULL,
           "of an S0 meter; the value is in Wh"),
    OPTION(POINT, FLOAT, "pulses_per_unit", NULL, 1e-6, 1e9, NULL,
           "pulses for 1 of the point's unit (1: the value is the number of pulses)"),
    {0},
};

/* Position of a word in a list of words; the table has checked it. */
static unsigned word_of(const struct gw_services *services,
                        const struct gw_config *config, const char *key,
                        const char *const *words)
{
    const char *text = services->get_string(config, key);

    for (unsigned i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return 0;
}

static const char *check(const struct gw_point *point,
                         const struct settings_point *settings, bool has_kwh,
                         bool has_unit)
{
    const struct lines_config *config = &settings->config;
    bool is_output = settings->direction == SETTINGS_OUT;

    if (is_output != point->writable)
        return is_output ? "direction out needs 'write' with failsafe and lease"
                         : "only direction out can be written";
    if (is_output && (config->debounce_us || settings->debounce_ns))
        return "debounce is for inputs";
    if (!is_output &&
        (config->rest != LINES_REST_KEEP || config->drive != LINES_PUSH_PULL))
        return "rest and drive are for outputs";
    if (settings->direction != SETTINGS_COUNT && (has_kwh || has_unit))
        return "pulses_per_kwh and pulses_per_unit are for direction count";
    if (has_kwh && has_unit)
        return "pulses_per_kwh and pulses_per_unit exclude each other";
    return NULL;
}

const char *settings_read_point(const struct gw_services *services,
                                const struct gw_point *point, struct settings_point *ret)
{
    static const char *const directions[] = {"in", "out", "count", NULL};
    static const char *const biases[] = {"as-is", "none", "pull-up", "pull-down", NULL};
    static const char *const actives[] = {"high", "low", NULL};
    static const char *const drives[] = {"push-pull", "open-drain", "open-source", NULL};
    static const char *const rests[] = {"keep", "off", "on", NULL};
    const struct gw_config *from = point->config;
    double per_kwh = services->get_float(from, "pulses_per_kwh", 0);
    double per_unit = services->get_float(from, "pulses_per_unit", 0);
    int64_t debounce_ns = services->get_int(from, "debounce", 0) * NS_PER_MS;
    struct settings_point *s = ret;

    memset(s, 0, sizeof *s);
    s->line = services->get_string(from, "line");
    if (!s->line)
        return "a point without line";
    s->direction =
        (enum settings_direction)word_of(services, from, "direction", directions);
    s->config.is_output = s->direction == SETTINGS_OUT;
    s->config.bias = (enum lines_bias)word_of(services, from, "bias", biases);
    s->config.is_active_low = word_of(services, from, "active", actives) == 1;
    s->config.drive = (enum lines_drive)word_of(services, from, "drive", drives);
    s->config.rest = (enum lines_rest)word_of(services, from, "rest", rests);
    if (lines_can_debounce())
        s->config.debounce_us = (uint32_t)(debounce_ns / 1000);
    else
        s->debounce_ns = debounce_ns;
    if (!s->config.is_output)
        s->config.n_events =
            s->direction == SETTINGS_COUNT ? COUNTER_EVENTS : INPUT_EVENTS;
    s->per_pulse = per_kwh > 0 ? 1000 / per_kwh : per_unit > 0 ? 1 / per_unit : 1;
    return check(point, s, per_kwh > 0, per_unit > 0);
}
