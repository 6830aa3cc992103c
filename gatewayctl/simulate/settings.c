/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the command line become numbers here, before any file is read. */
#include "gatewayctl/simulate/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/simulate/controllers.h"
#include "lib/config/units.h"

#define PROMISE_MAX_H 1000
#define RESERVE_DEFAULT "40 %"

static bool wrong(const char *option, const char *text, const char *expected)
{
    fprintf(stderr, "gatewayctl: --%s '%s': expected %s\n", option, text, expected);
    return false;
}

static bool has_files(const struct ctl_simulate *options)
{
    const char *missing = NULL;

    if (!options->community)
        missing = "--community FILE";
    else if (!options->scenario)
        missing = "--scenario FILE";
    else if (!options->out && !options->replay && !options->promise)
        missing = "--out RESULT.csv";
    if (missing)
        fprintf(stderr, "gatewayctl: simulate: %s is missing\n", missing);
    return !missing;
}

static bool read_promise(const struct ctl_simulate *options, struct settings *settings)
{
    const char *reserve = options->reserve ? options->reserve : RESERVE_DEFAULT;
    int64_t ms = 0;

    if (options->promise && (!human_parse_duration(options->promise, &ms) || ms <= 0 ||
                             ms > (int64_t)PROMISE_MAX_H * 3600 * 1000))
        return wrong("promise", options->promise, "a duration such as 15h");
    settings->promise_h = (double)ms / 3600e3;
    if (units_parse(UNITS_PERCENT, reserve, &settings->reserve) != UNITS_OK ||
        settings->reserve < 0 || settings->reserve > 100)
        return wrong("reserve", reserve, "a share of usable energy such as 40%");
    settings->reserve /= 100;
    if (options->reserve && !options->promise)
        return wrong("reserve", options->reserve, "--promise with it");
    if (options->replay && options->promise)
        return wrong("replay", options->replay, "no --promise with it");
    return true;
}

static bool read_seed(const char *text, uint64_t *ret)
{
    char *end;

    *ret = text ? strtoull(text, &end, 10) : 0;
    return !text || (*text >= '0' && *text <= '9' && !*end) ||
           wrong("seed", text, "a whole number");
}

static bool read_lang(const char *text, struct settings *settings)
{
    settings->has_english = !text || strcmp(text, "ja") != 0;
    settings->has_japanese = !text || strcmp(text, "en") != 0;
    return !text || strcmp(text, "en") == 0 || strcmp(text, "ja") == 0 ||
           strcmp(text, "both") == 0 || wrong("lang", text, "en, ja or both");
}

bool settings_read(const struct ctl_simulate *options, struct settings *ret_settings)
{
    struct settings settings = {.controller = controllers_find(options->controller)};

    if (!has_files(options) || !read_promise(options, &settings) ||
        !read_seed(options->seed, &settings.seed) || !read_lang(options->lang, &settings))
        return false;
    if (!settings.controller)
        return wrong("controller", options->controller, controllers_names());
    *ret_settings = settings;
    return true;
}
