/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatewayctl: the command line of gatewayd. This file reads the options and finds the
 * command in the table; the commands are in cmd_*.c, the calls to the daemon in ctl.c.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/commands.h"
#include "gatewayctl/human.h"
#include "lib/base/clock.h"

#define DEFAULT_SOCKET "/run/gatewayd/api.sock"
#define ARGS_MAX 64

enum {
    OPT_DEVICE = 1 << 0,
    OPT_STALE = 1 << 1,
    OPT_LEASE = 1 << 2,
    OPT_COUNT = 1 << 3,
    OPT_FROM = 1 << 4,
    OPT_FOLLOW = 1 << 5,
    OPT_FOR = 1 << 10,
    OPT_PLACES = 1 << 6, /* where the parts of an installation are */
    OPT_SIMULATE = 1 << 7,
    OPT_FORCE = 1 << 8,
    OPT_WRITE = 1 << 9,
    OPT_SPAN = 1 << 10,   /* --to, --step */
    OPT_EXPORT = 1 << 11,
};

/* Options of simulate alone, beyond the letters. */
enum {
    OPTION_COMMUNITY = 256,
    OPTION_SCENARIO,
    OPTION_OUT,
    OPTION_REPORT,
    OPTION_NO_COORDINATOR,
    OPTION_PROMISE,
    OPTION_RESERVE,
    OPTION_CONTROLLER,
    OPTION_REPLAY,
    OPTION_LANG,
    OPTION_SEED,
};

/* Options of history, energy and export, beyond the letters. */
enum {
    OPTION_TO = 300,
    OPTION_STEP,
    OPTION_FORMAT,
    OPTION_POINTS,
    OPTION_ENERGY,
    OPTION_SLOT,
};

/* clang-format off */
static const struct command {
    const char *name, *arguments, *help;
    int (*run)(const struct ctl *ctl);
    int min_args, max_args;
    unsigned options;
} commands[] = {
    {"check", "[FILE...]", "check configurations: errors, read plans, load of buses",
     cmd_check, 0, ARGS_MAX, OPT_PLACES},
    {"scan", "gpio [CHIP] [--write FILE]", "look for devices, chips and lines; FILE: a draft",
     cmd_scan, 1, 2, OPT_PLACES | OPT_WRITE},
    {"status", "", "how the gateway is; exit 1 when an alarm is raised",
     cmd_status, 0, 0, 0},
    {"points", "[--device D] [--stale]", "latest values; --stale: only what is not good",
     cmd_points, 0, 0, OPT_DEVICE | OPT_STALE},
    {"read", "DEV[.POINT]", "poll a device now and show it",
     cmd_read, 1, 1, 0},
    {"write", "DEV.POINT VALUE [--lease 60s]", "write a point within its limits",
     cmd_write, 2, 2, OPT_LEASE},
    {"watch", "[PATTERN] [--count N]", "follow values, such as 'meter.*'",
     cmd_watch, 0, 1, OPT_COUNT},
    {"plan", "[DEV]", "the requests by which devices are read",
     cmd_plan, 0, 1, 0},
    {"buses", "", "buses, their load and their devices",
     cmd_buses, 0, 0, 0},
    {"routes", "", "where readings go, and what waits",
     cmd_routes, 0, 0, 0},
    {"events", "[--from TIME] [--follow] [--count N]", "what happened; TIME: 2h, 2026-11-21",
     cmd_events, 0, 0, OPT_FROM | OPT_FOLLOW | OPT_COUNT},
    {"history", "DEV.POINT [--from TIME] [--to TIME] [--step 1m]", "past values; step: raw, 10s, 1m, 1h, 1d",
     cmd_history, 1, 1, OPT_FROM | OPT_SPAN},
    {"energy", "", "energy today, yesterday and in the last days, by device",
     cmd_energy, 0, 0, 0},
    {"export", "[FILE] --from TIME [--to TIME] [--format csv|json] ...",
     "past values or --energy as a file; see gatewayctl(1)",
     cmd_export, 0, 1, OPT_FROM | OPT_SPAN | OPT_EXPORT | OPT_FORCE},
    {"backup", "FILE [--force]", "keep the store and the configuration in a file",
     cmd_backup, 1, 1, OPT_FORCE},
    {"restore", "FILE [--force]", "go back to a backup; the present store is set aside",
     cmd_restore, 1, 1, OPT_FORCE},
    {"grid", "[confirm present|absent]", "state of the grid, what tells it; or say what it is",
     cmd_grid, 0, 2, 0},
    {"circuits", "", "what is on, what is off and why",
     cmd_circuits, 0, 0, 0},
    {"why", "CIRCUIT", "why a circuit is as it is, in one sentence",
     cmd_why, 1, 1, 0},
    {"override", "CIRCUIT on|off|auto [--for 30min]", "keep a circuit on or off, or leave it to control",
     cmd_override, 2, 2, OPT_FOR},
    {"hold", "on|off", "stop, or allow, switching by itself",
     cmd_hold, 1, 1, 0},
    {"storm", "on|off [--for 24h]", "raise the reserve before a storm",
     cmd_storm, 1, 1, OPT_FOR},
    {"island", "on|off [--for 2h]", "leave the grid by the home's own tie, or go back",
     cmd_island, 1, 1, OPT_FOR},
    {"drill", "[off] [--for 5min]", "play an outage without switching anything",
     cmd_drill, 0, 1, OPT_FOR},
    {"reload", "", "read the configuration again",
     cmd_reload, 0, 0, 0},
    {"simulate", "--community FILE --scenario FILE ...",
     "how long would we last: an outage, simulated",
     cmd_simulate, 0, 0, OPT_SIMULATE},
    {"metrics", "", "counters in Prometheus text format",
     cmd_metrics, 0, 0, 0},
    {"version", "", "version of this program",
     cmd_version, 0, 0, 0},
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"device", required_argument, NULL, 'd'},
    {"stale", no_argument, NULL, 'S'},
    {"lease", required_argument, NULL, 'l'},
    {"count", required_argument, NULL, 'n'},
    {"for", required_argument, NULL, 'o'},
    {"from", required_argument, NULL, 'f'},
    {"follow", no_argument, NULL, 'F'},
    {"force", no_argument, NULL, 'O'},
    {"to", required_argument, NULL, OPTION_TO},
    {"step", required_argument, NULL, OPTION_STEP},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"points", required_argument, NULL, OPTION_POINTS},
    {"energy", no_argument, NULL, OPTION_ENERGY},
    {"slot", required_argument, NULL, OPTION_SLOT},
    {"config-dir", required_argument, NULL, 'C'},
    {"maps", required_argument, NULL, 'M'},
    {"plugins", required_argument, NULL, 'P'},
    {"libexec", required_argument, NULL, 'L'},
    {"write", required_argument, NULL, 'w'},
    {"community", required_argument, NULL, OPTION_COMMUNITY},
    {"scenario", required_argument, NULL, OPTION_SCENARIO},
    {"out", required_argument, NULL, OPTION_OUT},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"no-coordinator", no_argument, NULL, OPTION_NO_COORDINATOR},
    {"promise", required_argument, NULL, OPTION_PROMISE},
    {"reserve", required_argument, NULL, OPTION_RESERVE},
    {"controller", required_argument, NULL, OPTION_CONTROLLER},
    {"replay", required_argument, NULL, OPTION_REPLAY},
    {"lang", required_argument, NULL, OPTION_LANG},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

static void print_usage(FILE *out)
{
    fputs("usage: gatewayctl [--socket PATH] [--json] COMMAND ...\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-8s %-36s %s\n", commands[i].name, commands[i].arguments,
                commands[i].help);
    fputs("\nexit: 0 ok, 1 bad news, 2 usage, 3 no daemon. See gatewayctl(1).\n", out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool bad_option(const char *option, const char *text, const char *expected)
{
    fprintf(stderr, "gatewayctl: --%s '%s': expected %s\n", option, text, expected);
    return false;
}

static bool take_count(struct ctl *ctl, const char *text)
{
    char *end;

    ctl->count = strtoull(text, &end, 10);
    return (*text >= '1' && *text <= '9' && !*end) ||
           bad_option("count", text, "a whole number from 1");
}

/* Where check finds things; NULL for another letter. */
static const char **place_of(struct ctl *ctl, int letter)
{
    switch (letter) {
    case 'C':
        return &ctl->config_dir;
    case 'M':
        return &ctl->map_dir;
    case 'P':
        return &ctl->plugin_dir;
    case 'L':
        return &ctl->libexec_dir;
    default:
        return NULL;
    }
}

/* True: it was one of simulate's. */
static bool take_simulate(struct ctl_simulate *to, int option, const char *text)
{
    const char **const texts[] = {
        &to->community, &to->scenario,   &to->out,    &to->report, NULL,     &to->promise,
        &to->reserve,   &to->controller, &to->replay, &to->lang,   &to->seed};

    if (option < OPTION_COMMUNITY || option > OPTION_SEED)
        return false;
    if (option == OPTION_NO_COORDINATOR)
        to->is_coordinator_silent = true;
    else
        *texts[option - OPTION_COMMUNITY] = text;
    return true;
}

/* Of history and export; -1: another option, else whether it is fine. */
static int take_span(struct ctl *ctl, int letter, const char *text, unsigned *used)
{
    *used |= letter == OPTION_TO || letter == OPTION_STEP   ? OPT_SPAN
             : letter >= OPTION_TO && letter <= OPTION_SLOT ? OPT_EXPORT
                                                            : 0u;
    switch (letter) {
    case OPTION_TO:
        return human_parse_time(text, clock_wall_ms(), &ctl->to_ms) ||
               bad_option("to", text,
                          "a time such as 2h, 2026-11-21 or '2026-11-21 10:00'");
    case OPTION_STEP:
        ctl->step = text;
        return true;
    case OPTION_FORMAT:
        ctl->is_json |= strcmp(text, "json") == 0;
        return ctl->is_json || strcmp(text, "csv") == 0 ||
               bad_option("format", text, "csv or json");
    case OPTION_POINTS:
        ctl->points = text;
        return true;
    case OPTION_ENERGY:
        ctl->is_energy = true;
        return true;
    case OPTION_SLOT:
        ctl->slot = text;
        return true;
    default:
        return -1;
    }
}

/* One option; *used collects which of the commands' own were given. */
static bool take_option(struct ctl *ctl, int letter, const char *text, unsigned *used)
{
    const char **place = place_of(ctl, letter);
    int span = take_span(ctl, letter, text, used);

    if (span >= 0)
        return span > 0;
    if (place) {
        *used |= OPT_PLACES;
        *place = text;
        return true;
    }
    if (take_simulate(&ctl->simulate, letter, text)) {
        *used |= OPT_SIMULATE;
        return true;
    }
    switch (letter) {
    case 'w':
        *used |= OPT_WRITE;
        ctl->write_path = text;
        return true;
    case 's':
        ctl->socket = text;
        return true;
    case 'j':
        ctl->is_json = true;
        return true;
    case 'd':
        *used |= OPT_DEVICE;
        ctl->device = text;
        return true;
    case 'S':
        *used |= OPT_STALE;
        ctl->is_stale_only = true;
        return true;
    case 'F':
        *used |= OPT_FOLLOW;
        ctl->is_following = true;
        return true;
    case 'O':
        *used |= OPT_FORCE;
        ctl->is_forced = true;
        return true;
    case 'l':
        *used |= OPT_LEASE;
        return (human_parse_duration(text, &ctl->lease_ms) && ctl->lease_ms > 0) ||
               bad_option("lease", text, "a duration such as 60s or '5 min'");
    case 'o':
        *used |= OPT_FOR;
        return (human_parse_duration(text, &ctl->for_ms) && ctl->for_ms > 0) ||
               bad_option("for", text, "a duration such as 30min or '2 h'");
    case 'f':
        *used |= OPT_FROM;
        return human_parse_time(text, clock_wall_ms(), &ctl->from_ms) ||
               bad_option("from", text,
                          "a time such as 2h, 2026-11-21 or '2026-11-21 10:00'");
    case 'n':
        *used |= OPT_COUNT;
        return take_count(ctl, text);
    default:
        return false; /* getopt has told it */
    }
}

/* "write dev.point -5": a negative number is an argument, not an option. */
static bool is_negative_number(const char *text)
{
    return text && text[0] == '-' && text[1] &&
           strspn(text + 1, "0123456789.eE") == strlen(text + 1);
}

/* Fills ctl->args with all that is no option, the command's name first. */
static bool read_arguments(struct ctl *ctl, int argc, char **argv, unsigned *used)
{
    int letter;

    for (;;) {
        if (optind < argc && is_negative_number(argv[optind])) {
            letter = 1;
            optarg = argv[optind++];
        } else {
            letter = getopt_long(argc, argv, "-s:jh", long_options, NULL);
        }
        if (letter == -1)
            break;
        if (letter == 'h' || letter == 'V') {
            ctl->args[0] = (char *)(uintptr_t)(letter == 'h' ? "help" : "version");
            ctl->n_args = 1;
            return true;
        }
        if (letter == 1 ? ctl->n_args == ARGS_MAX
                        : !take_option(ctl, letter, optarg, used))
            return false;
        if (letter == 1)
            ctl->args[ctl->n_args++] = optarg;
    }
    for (; optind < argc && ctl->n_args < ARGS_MAX; optind++) /* after "--" */
        ctl->args[ctl->n_args++] = argv[optind];
    return true;
}

static int run(struct ctl *ctl, unsigned used)
{
    const struct command *command;

    if (ctl->n_args == 0 || strcmp(ctl->args[0], "help") == 0) {
        print_usage(ctl->n_args ? stdout : stderr);
        return ctl->n_args ? EXIT_OK : EXIT_USAGE;
    }
    command = find_command(ctl->args[0]);
    if (!command) {
        fprintf(stderr, "gatewayctl: unknown command '%s', see 'gatewayctl help'\n",
                ctl->args[0]);
        return EXIT_USAGE;
    }
    ctl->args++;
    ctl->n_args--;
    if (ctl->n_args < command->min_args || ctl->n_args > command->max_args ||
        (used & ~command->options)) {
        fprintf(stderr, "usage: gatewayctl %s %s\n", command->name, command->arguments);
        return EXIT_USAGE;
    }
    return command->run(ctl);
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

int main(int argc, char **argv)
{
    const char *socket = getenv("GATEWAYD_SOCKET");
    char *args[ARGS_MAX + 1] = {0};
    struct ctl ctl = {.socket = socket && *socket ? socket : DEFAULT_SOCKET,
                      .args = args};
    unsigned used = 0;
    int rc = EXIT_USAGE;

    ctl.is_terminal = isatty(STDOUT_FILENO);
    ctl.has_colour = ctl.is_terminal && wants_colour();
    if (read_arguments(&ctl, argc, argv, &used))
        rc = run(&ctl, used);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 && rc == EXIT_OK)
        rc = EXIT_BAD_NEWS;
    return rc;
}
