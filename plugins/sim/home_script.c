/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of a simulated home: parse the lines, play them between the steps. */
#include "plugins/sim/home_script.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400.0

const char home_script_day[] = "07:30 ev unplug\n"
                               "11:30 clouds 70\n"
                               "12:30 clouds 10\n"
                               "17:00 ev plug\n"
                               "17:30 grid off\n"
                               "20:00 grid on\n";

static int parse_time(const char *text, double *ret_day_s)
{
    unsigned hour, minute, second = 0;
    int n = 0;

    if (sscanf(text, "%2u:%2u:%2u%n", &hour, &minute, &second, &n) != 3 &&
        sscanf(text, "%2u:%2u%n", &hour, &minute, &n) != 2)
        return -EINVAL;
    if (text[n] || hour > 23 || minute > 59 || second > 59)
        return -EINVAL;
    *ret_day_s = hour * 3600.0 + minute * 60.0 + second;
    return 0;
}

static int parse_switch(const char *text, const char *on, const char *off,
                        double *ret_value)
{
    if (strcmp(text, on) != 0 && strcmp(text, off) != 0)
        return -EINVAL;
    *ret_value = strcmp(text, on) == 0;
    return 0;
}

static int parse_number(const char *text, double low, double high, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= low && value <= high))
        return -EINVAL;
    *ret_value = value;
    return 0;
}

static int parse_words(struct home_event *event, const char *word, const char *first,
                       const char *second)
{
    if (strcmp(word, "relay") == 0 && second) {
        double relay;

        event->what = HOME_RELAY;
        if (parse_number(first, 1, HOME_RELAYS, &relay) < 0)
            return -EINVAL;
        event->relay = (int)relay - 1;
        return parse_switch(second, "on", "off", &event->value);
    }
    if (second)
        return -EINVAL;
    if (strcmp(word, "grid") == 0) {
        event->what = HOME_GRID;
        return parse_switch(first, "on", "off", &event->value);
    }
    if (strcmp(word, "ev") == 0) {
        event->what = HOME_EV;
        return parse_switch(first, "plug", "unplug", &event->value);
    }
    event->what = strcmp(word, "load") == 0 ? HOME_LOAD : HOME_CLOUDS;
    if (event->what == HOME_CLOUDS && strcmp(word, "clouds") != 0)
        return -EINVAL;
    return parse_number(first, 0, event->what == HOME_LOAD ? 20000 : 100, &event->value);
}

static int parse_line(struct home_script *script, char *line)
{
    char *words[5] = {0}, *rest = NULL, *word;
    struct home_event *event = &script->events[script->n];
    unsigned n = 0;

    line[strcspn(line, "#\r")] = 0;
    for (word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        if (n < 5)
            words[n++] = word;
    if (n == 0)
        return 0;
    if (n < 3 || n > 4 || script->n == HOME_SCRIPT_EVENTS ||
        parse_time(words[0], &event->day_s) < 0 ||
        (script->n && event->day_s < event[-1].day_s))
        return -EINVAL;
    script->n++;
    return parse_words(event, words[1], words[2], words[3]);
}

int home_script_parse(struct home_script *script, const char *text, unsigned *ret_line)
{
    char line[160];

    memset(script, 0, sizeof *script);
    for (*ret_line = 1; *text; ++*ret_line) {
        size_t len = strcspn(text, "\n");

        if (len >= sizeof line)
            return -EINVAL;
        memcpy(line, text, len);
        line[len] = 0;
        if (parse_line(script, line) < 0)
            return -EINVAL;
        text += len + (text[len] == '\n');
    }
    return 0;
}

int home_script_load(struct home_script *script, const char *path, unsigned *ret_line)
{
    char text[8192];
    FILE *file;

    *ret_line = 0;
    if (!path || strcmp(path, "day") == 0)
        return home_script_parse(script, home_script_day, ret_line);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return home_script_parse(script, text, ret_line);
}

void home_script_happen(const struct home_event *event, struct home *home)
{
    switch (event->what) {
    case HOME_GRID:
        home->grid_available = event->value > 0;
        break;
    case HOME_CLOUDS:
        home->clouds = event->value / 100;
        break;
    case HOME_LOAD:
        home->extra_load_w = event->value;
        break;
    case HOME_EV:
        home->ev_plugged = event->value > 0;
        break;
    case HOME_RELAY:
        home->relay_on[event->relay] = event->value > 0;
        break;
    }
}

/* Times nearer than this are the same time: sums of steps carry rounding. */
#define SAME_S 5e-4

/* Seconds from the home's present to the event's next time, more than SAME_S. */
static double wait_s(const struct home_event *event, const struct home *home)
{
    double s = fmod(event->day_s - home_day_s(home) + DAY_S, DAY_S);

    return s > SAME_S ? s : s + DAY_S;
}

static bool is_now(const struct home_event *event, const struct home *home)
{
    double s = fabs(event->day_s - home_day_s(home));

    return s < SAME_S || s > DAY_S - SAME_S;
}

void home_script_run(const struct home_script *script, struct home *home, double t_s)
{
    if (t_s - home->t_s > DAY_S)
        home_advance(home, t_s - DAY_S);
    for (;;) {
        double left = t_s - home->t_s, first = left;

        for (unsigned i = 0; i < script->n; i++)
            first = fmin(first, wait_s(&script->events[i], home));
        if (first >= left) {
            home_advance(home, t_s);
            return;
        }
        home_advance(home, home->t_s + first);
        for (unsigned i = 0; i < script->n; i++)
            if (is_now(&script->events[i], home))
                home_script_happen(&script->events[i], home);
    }
}
