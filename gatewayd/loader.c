/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the configuration, and the last-good copy: DIR/gatewayd.yaml, DIR/conf.d/ and
 * DIR/maps/, written beside and exchanged, so that a power cut leaves the old or the new
 * one.
 */
#include "gatewayd/loader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/plugin_query.h"

struct questions {
    const char *devhost, *plugin_dir;
    int64_t end_boot_ns;
};

static const struct gw_option *plugin_options(void *ctx, const char *plugin,
                                              const char **ret_reason)
{
    const struct questions *questions = ctx;

    return plugin_query_options_until(questions->devhost, questions->plugin_dir, plugin,
                                      questions->end_boot_ns, ret_reason);
}

struct files {
    const char *file, *config_dir, *first_map_dir;
};

static int load(const struct loader_options *options, const struct files *files,
                uint32_t questions_ms, struct config **ret_config,
                struct config_report *report)
{
    const char *maps[4] = {0};
    struct questions questions = {
        .devhost = options->devhost,
        .plugin_dir = options->plugin_dir,
        .end_boot_ns = questions_ms ? clock_boot_ns() + questions_ms * CLOCK_NS_PER_MS
                                    : INT64_MAX};
    struct config_sources sources = {.file = files->file,
                                     .config_dir = files->config_dir,
                                     .map_dirs = maps,
                                     .plugin_options = plugin_options,
                                     .ctx = &questions};
    unsigned n = 0;

    if (files->first_map_dir)
        maps[n++] = files->first_map_dir;
    if (options->map_dir) {
        maps[n++] = options->map_dir;
    } else {
        maps[n++] = GATEWAYD_SYSCONFDIR "/maps";
        maps[n++] = GATEWAYD_MAPDIR;
    }
    return config_load(&sources, ret_config, report);
}

int loader_load(const struct loader_options *options, uint32_t questions_ms,
                struct config **ret_config, struct config_report *report)
{
    const struct files files = {options->config_file, options->config_dir, NULL};

    return load(options, &files, questions_ms, ret_config, report);
}

int loader_load_last_good(const struct loader_options *options,
                          struct config **ret_config, struct config_report *report)
{
    char file[PATH_MAX], dir[PATH_MAX], maps[PATH_MAX];

    if (!*options->last_good_dir)
        return -ENOENT;
    snprintf(file, sizeof file, "%s/gatewayd.yaml", options->last_good_dir);
    snprintf(dir, sizeof dir, "%s/conf.d", options->last_good_dir);
    snprintf(maps, sizeof maps, "%s/maps", options->last_good_dir);
    if (access(file, R_OK) < 0)
        return -ENOENT;
    return load(options, &(struct files){file, dir, maps}, 0, ret_config, report);
}

/* ---- keeping ----------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to)
{
    _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    char buffer[8192];
    ssize_t n;

    if (in < 0 || out < 0)
        return -errno;
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)n) != n)
            return errno ? -errno : -ENOSPC;
    if (n < 0 || fsync(out) < 0)
        return -errno;
    return 0;
}

/* Removes DIR and the two levels a last-good copy has. */
static void remove_tree(const char *path, unsigned depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char child[PATH_MAX];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (unlink(child) < 0 && depth > 0)
            remove_tree(child, depth - 1);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static bool is_in_dir(const char *file, const char *dir)
{
    size_t len = dir ? strlen(dir) : 0;

    return len > 0 && strncmp(file, dir, len) == 0 && file[len] == '/';
}

static int keep_file(const struct loader_options *options, const char *file, bool is_main,
                     const char *to)
{
    _cleanup_free_ char *copy = strdup(file), *copy2 = strdup(options->config_file);
    char target[PATH_MAX + 300], beside[PATH_MAX];
    const char *room = "maps/";

    if (!copy || !copy2)
        return -ENOMEM;
    if (snprintf(beside, sizeof beside, "%s/conf.d", dirname(copy2)) >=
        (int)sizeof beside)
        return -ENAMETOOLONG;
    if (is_main)
        room = "";
    else if (is_in_dir(file, options->config_dir ? options->config_dir : beside))
        room = "conf.d/";
    if (snprintf(target, sizeof target, "%s/%s%s", to, room,
                 is_main ? "gatewayd.yaml" : basename(copy)) >= (int)sizeof target)
        return -ENAMETOOLONG;
    return copy_file(file, target);
}

static int make_dirs(const char *base)
{
    static const char *const rooms[] = {"", "/conf.d", "/maps"};

    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s%s", base, rooms[i]);
        if (mkdir(path, 0750) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

/* In one step, so that one of both is always there; the old one ends under the other
 * name. */
static int put_in_place(const char *next, const char *place)
{
    if (renameat2(AT_FDCWD, next, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) /* a file system that cannot exchange */
        remove_tree(place, 2);
    else if (errno != ENOENT)
        return -errno;
    return rename(next, place) < 0 ? -errno : 0;
}

int loader_keep(const struct loader_options *options, const struct config *config)
{
    char next[PATH_MAX];
    int rc;

    if (!*options->last_good_dir)
        return 0;
    snprintf(next, sizeof next, "%s.new", options->last_good_dir);
    remove_tree(next, 2);
    rc = make_dirs(next);
    for (unsigned i = 0; rc == 0 && config->files && config->files[i]; i++)
        rc = keep_file(options, config->files[i], i == 0, next);
    if (rc < 0)
        return rc;
    rc = put_in_place(next, options->last_good_dir);
    remove_tree(next, 2);
    return rc;
}
