/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home daemon: options, then gateway.c. In the foreground; SIGTERM stops it, SIGHUP
 * reloads. Every path has an option, so that it runs unprivileged from a build tree.
 */
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "gatewayd/gateway_options.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { OPT_CONFIG_DIR = 256, OPT_MAPS, OPT_PLUGINS, OPT_WEB, OPT_SOCKET, OPT_CREDENTIALS,
       OPT_SYNC_FILE, OPT_READY_FILE, OPT_STRICT, OPT_LAST_GOOD, OPT_LIBEXEC };

static const char usage_text[] =
    "Usage: gatewayd [OPTION]...\n"
    "Reads energy devices, keeps every reading, forwards what the resident agreed to "
    "share.\n\n"
    "  -c, --config FILE          configuration (" GATEWAYD_SYSCONFDIR "/gatewayd.yaml)\n"
    "      --config-dir DIR       further files, merged in order (conf.d beside FILE)\n"
    "      --maps DIR             device maps (" GATEWAYD_SYSCONFDIR "/maps, then\n"
    "                             " GATEWAYD_MAPDIR ")\n"
    "      --plugins DIR          plugins (" GATEWAYD_PLUGINDIR ")\n"
    "      --libexec DIR          gateway-devhost and gateway-route (" GATEWAYD_LIBEXECDIR
    ")\n"
    "      --web DIR              pages\n"
    "      --socket PATH          API socket (the configuration's api.socket)\n"
    "      --credentials DIR      ROUTE.ca, .crt, .key, .user, .password\n"
    "                             ($CREDENTIALS_DIRECTORY, there named route_ROUTE.ca "
    "...)\n"
    "      --last-good DIR        copy of the last configuration that ran\n"
    "                             ($STATE_DIRECTORY/last-good)\n"
    "      --clock-sync-file F    its change tells that the clock is synchronised\n"
    "      --ready-file FILE      written when everything runs\n"
    "      --strict               errors in the configuration end the program\n"
    "  -v, --verbose              log more\n"
    "  -h, --help\n"
    "  -V, --version\n\n"
    "See gatewayd(8), gatewayd.yaml(5). `gatewayctl check` tests a configuration.\n";

struct paths {
    char devhost[PATH_MAX], route[PATH_MAX], last_good[PATH_MAX], credentials[PATH_MAX];
};

/* LoadCredential=route:DIR gives an entry FILE of DIR the name route_FILE
 * (systemd.exec(5)). */
static void set_credentials(struct gateway_options *options, struct paths *paths)
{
    const char *given = options->credentials, *loaded = getenv("CREDENTIALS_DIRECTORY");
    const char *dir = given ? given : loaded;

    if (dir)
        snprintf(paths->credentials, sizeof paths->credentials, "%s/%s", dir,
                 given ? "" : "route_");
    options->credentials = paths->credentials;
}

static void set_defaults(struct gateway_options *options, struct paths *paths,
                         const char *libexec)
{
    const char *state = getenv("STATE_DIRECTORY");

    snprintf(paths->devhost, sizeof paths->devhost, "%s/gateway-devhost", libexec);
    snprintf(paths->route, sizeof paths->route, "%s/gateway-route", libexec);
    options->loader.devhost = paths->devhost;
    options->route_program = paths->route;
    if (!options->loader.last_good_dir) {
        snprintf(paths->last_good, sizeof paths->last_good, "%s/last-good",
                 state ? state : "/var/lib/gatewayd");
        options->loader.last_good_dir = paths->last_good;
    }
    set_credentials(options, paths);
}

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"config-dir", required_argument, NULL, OPT_CONFIG_DIR},
    {"maps", required_argument, NULL, OPT_MAPS},
    {"plugins", required_argument, NULL, OPT_PLUGINS},
    {"libexec", required_argument, NULL, OPT_LIBEXEC},
    {"web", required_argument, NULL, OPT_WEB},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"credentials", required_argument, NULL, OPT_CREDENTIALS},
    {"clock-sync-file", required_argument, NULL, OPT_SYNC_FILE},
    {"ready-file", required_argument, NULL, OPT_READY_FILE},
    {"last-good", required_argument, NULL, OPT_LAST_GOOD},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* Where the text of a path option goes; NULL: not one of them. */
static const char **path_slot(struct gateway_options *options, const char **libexec,
                              int option)
{
    static const char *web; /* the page comes with the resident's page */

    switch (option) {
    case 'c':
        return &options->loader.config_file;
    case OPT_CONFIG_DIR:
        return &options->loader.config_dir;
    case OPT_MAPS:
        return &options->loader.map_dir;
    case OPT_PLUGINS:
        return &options->loader.plugin_dir;
    case OPT_LAST_GOOD:
        return &options->loader.last_good_dir;
    case OPT_LIBEXEC:
        return libexec;
    case OPT_SOCKET:
        return &options->socket;
    case OPT_CREDENTIALS:
        return &options->credentials;
    case OPT_READY_FILE:
        return &options->ready_file;
    case OPT_WEB:
        return &web;
    default:
        return NULL;
    }
}

/* -1: go on; else the exit code. */
static int take_option(struct gateway_options *options, const char **libexec, int option)
{
    const char **slot = path_slot(options, libexec, option);

    if (slot)
        *slot = optarg;
    else if (option == OPT_SYNC_FILE)
        clock_set_sync_file(optarg);
    else if (option == OPT_STRICT)
        options->strict = true;
    else if (option == 'v')
        log_set_level(LOG_LEVEL_DEBUG);
    else if (option == 'h')
        return fputs(usage_text, stdout) < 0;
    else if (option == 'V')
        return puts(PACKAGE_STRING) < 0;
    else
        return fputs("Try 'gatewayd --help'.\n", stderr) < 0 ? 1 : 2;
    return -1;
}

int main(int argc, char *argv[])
{
    struct gateway_options options = {
        .loader = {.config_file = GATEWAYD_SYSCONFDIR "/gatewayd.yaml",
                   .plugin_dir = GATEWAYD_PLUGINDIR}};
    const char *libexec = GATEWAYD_LIBEXECDIR;
    static struct paths paths;
    int c, rc;

    /* few short-lived allocations per thread: one arena is enough */
    mallopt(M_ARENA_MAX, 1);
    while ((c = getopt_long(argc, argv, "c:vhV", long_options, NULL)) != -1) {
        rc = take_option(&options, &libexec, c);
        if (rc >= 0)
            return rc;
    }
    if (optind < argc) {
        fprintf(stderr, "gatewayd: unexpected argument '%s'; try 'gatewayd --help'\n",
                argv[optind]);
        return 2;
    }
    set_defaults(&options, &paths, libexec);
    return gateway_run(&options);
}
