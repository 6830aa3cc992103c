/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of map files: the directories are walked once a load, in order, so that an
 * installer's own map stands before the shipped one of the same name.
 */
#include "lib/config/map_find.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/config/suggest.h"

#define FILES_MAX 10000u
#define DEPTH_MAX 4u

struct map_file {
    const char *name; /* without .yaml */
    const char *path;
};

static bool note(struct load *load, const char *path, const char *base)
{
    struct map_file file = {arena_copy(load->arena, base, strlen(base) - strlen(".yaml")),
                            arena_copy(load->arena, path, strlen(path))};

    if (load->n_map_files == load->map_files_capacity) {
        uint32_t capacity = load->map_files_capacity ? load->map_files_capacity * 2 : 64;
        struct map_file *bigger = arena_alloc(load->arena, capacity * sizeof *bigger);

        if (bigger && load->n_map_files)
            memcpy(bigger, load->map_files, load->n_map_files * sizeof *bigger);
        load->map_files = bigger;
        load->map_files_capacity = bigger ? capacity : 0;
    }
    if (!load->map_files || !file.name || !file.path) {
        load->no_memory = true;
        return false;
    }
    load->map_files[load->n_map_files++] = file;
    return true;
}

static bool is_map_name(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static void walk(struct load *load, const char *dir, unsigned depth);

static void visit(struct load *load, const char *dir, const char *name, unsigned depth)
{
    struct strbuf path;
    struct stat st;

    strbuf_init(&path);
    strbuf_printf(&path, "%s/%s", dir, name);
    if (path.failed)
        load->no_memory = true;
    else if (stat(path.data, &st) == 0 && S_ISDIR(st.st_mode))
        walk(load, path.data, depth + 1);
    else if (is_map_name(name) && load->n_map_files < FILES_MAX)
        note(load, path.data, name);
    strbuf_done(&path);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void walk(struct load *load, const char *dir, unsigned depth)
{
    struct dirent **entries = NULL;
    int n = depth < DEPTH_MAX ? scandir(dir, &entries, is_visible, alphasort) : 0;

    for (int i = 0; i < n; i++) {
        if (!load->no_memory)
            visit(load, dir, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
}

static void list_files(struct load *load)
{
    const char *const *dirs = load->sources->map_dirs;

    load->map_files_listed = true;
    for (; dirs && *dirs; dirs++)
        walk(load, *dirs, 0);
}

const char *map_find_path(struct load *load, struct place place, const char *name)
{
    size_t len = strlen(name) - (is_map_name(name) ? strlen(".yaml") : 0);
    struct suggest suggest = {.word = name};

    if (!load->map_files_listed)
        list_files(load);
    for (uint32_t i = 0; i < load->n_map_files; i++) {
        const struct map_file *file = &load->map_files[i];

        if (strlen(file->name) == len && memcmp(file->name, name, len) == 0)
            return file->path;
        suggest_offer(&suggest, file->name);
    }
    report_error(load->report, place, "config-no-map",
                 "there is no map '%s', expected one of the %u maps in the map "
                 "directories%s%s%s",
                 report_quote(name), load->n_map_files,
                 suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
                 suggest.best ? "'?" : "");
    return NULL;
}
