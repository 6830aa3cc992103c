/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: has a plugin look for what is there (gateway-devhost --scan), shows it and writes
 * it down as a draft of a configuration. No daemon needed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/commands.h"
#include "lib/base/err.h"
#include "lib/host/host_config.h"
#include "lib/host/plugin_query.h"

/* In a plugin's draft of a device: the bus it wants. */
#define BUS_MARK "# bus: "

/* What can be scanned; `option` takes the argument, which may be left out. */
static const struct kind {
    const char *name, *plugin, *option;
} kinds[] = {
    {"gpio", "gpio", "chip"},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* ---- asking
 * -------------------------------------------------------------------------------- */

static int encode(const struct ctl *ctl, const struct kind *kind, const char *dir,
                  struct strbuf *buf)
{
    struct host_bus bus = {.name = strdup(kind->name)};
    struct host_config config = {.plugin = strdup(kind->plugin),
                                 .plugin_dir = strdup(dir),
                                 .n_buses = 1,
                                 .buses = &bus};
    int rc = bus.name && config.plugin && config.plugin_dir ? 0 : -ENOMEM;

    if (rc == 0 && ctl->n_args > 1)
        rc = option_set_put(&bus.options, kind->option, ctl->args[1], 0, 0, false);
    if (rc == 0)
        host_config_encode(&config, buf);
    option_set_done(&bus.options);
    free(bus.name);
    free(config.plugin);
    free(config.plugin_dir);
    return buf->failed ? -ENOMEM : rc;
}

/* Errors and warnings of the plugin go to stderr, what was found into the array. */
static void take_line(const char *text, json_t *found)
{
    json_t *line = json_loads(text, 0, NULL);
    bool is_found = strcmp(ctl_text(line, "kind"), "found") == 0;

    if (is_found)
        json_array_append_new(found,
                              json_pack("{s:s,s:s}", "text", ctl_text(line, "text"),
                                        "yaml", ctl_text(line, "yaml")));
    else if (line)
        fprintf(stderr, "gatewayctl: %s\n", ctl_text(line, "text"));
    json_decref(line);
}

static int ask(const struct ctl *ctl, const struct kind *kind, json_t *found)
{
    const char *libexec = ctl->libexec_dir ? ctl->libexec_dir : GATEWAYD_LIBEXECDIR;
    const char *plugins = ctl->plugin_dir ? ctl->plugin_dir : GATEWAYD_PLUGINDIR;
    struct strbuf config, lines, errors;
    char devhost[PATH_MAX], *state = NULL;
    int rc;

    strbuf_init(&config);
    strbuf_init(&lines);
    strbuf_init(&errors);
    snprintf(devhost, sizeof devhost, "%s/gateway-devhost", libexec);
    rc = encode(ctl, kind, plugins, &config);
    if (rc == 0)
        rc = plugin_query_scan(devhost, &config, &lines, &errors);
    for (char *line = lines.data ? strtok_r(lines.data, "\n", &state) : NULL; line;
         line = strtok_r(NULL, "\n", &state))
        take_line(line, found);
    if (errors.len)
        fprintf(stderr, "%s", errors.data);
    if (rc < 0)
        fprintf(stderr, "gatewayctl: %s: %s\n", devhost, error_errno_text(rc));
    strbuf_done(&config);
    strbuf_done(&lines);
    strbuf_done(&errors);
    return rc;
}

/* ---- the draft
 * ------------------------------------------------------------------------------ */

static void put_buses(FILE *out, const json_t *found)
{
    fputs("buses:\n", out);
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *yaml = ctl_text(json_array_get(found, i), "yaml");

        if (strncmp(yaml, BUS_MARK, strlen(BUS_MARK)) == 0)
            fprintf(out, "  - %.*s\n", (int)strcspn(yaml + strlen(BUS_MARK), "\n"),
                    yaml + strlen(BUS_MARK));
    }
}

/* As comments: what a thing is for only a person knows. */
static void put_devices(FILE *out, const json_t *found)
{
    fputs("# devices:\n", out);
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *yaml = ctl_text(json_array_get(found, i), "yaml");

        while (*yaml) {
            int len = (int)strcspn(yaml, "\n");

            if (strncmp(yaml, BUS_MARK, strlen(BUS_MARK)) != 0)
                fprintf(out, "#   %.*s\n", len, yaml);
            yaml += len + (yaml[len] == '\n');
        }
    }
}

static int write_draft(const struct ctl *ctl, const json_t *found)
{
    int fd = open(ctl->write_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool failed;

    if (!out) {
        fprintf(stderr, "gatewayctl: %s: %s\n", ctl->write_path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return EXIT_BAD_NEWS;
    }
    fprintf(out,
            "# Draft of 'gatewayctl scan %s': take the '# ' off what you use, give it "
            "names and\n"
            "# roles, then 'gatewayctl check'. A point that is written needs 'write'.\n",
            ctl->args[0]);
    put_buses(out, found);
    put_devices(out, found);
    failed = ferror(out);
    failed |= fclose(out) != 0;
    if (failed)
        fprintf(stderr, "gatewayctl: %s: cannot be written\n", ctl->write_path);
    else if (!ctl->is_json)
        printf("draft written to %s\n", ctl->write_path);
    return failed ? EXIT_BAD_NEWS : EXIT_OK;
}

int cmd_scan(const struct ctl *ctl)
{
    const struct kind *kind = find_kind(ctl->args[0]);
    json_t *found = json_array(), *answer;
    int rc;

    if (!kind) {
        fprintf(stderr, "gatewayctl: cannot scan '%s', expected gpio\n", ctl->args[0]);
        json_decref(found);
        return EXIT_USAGE;
    }
    rc = ask(ctl, kind, found) == 0 && json_array_size(found) ? EXIT_OK : EXIT_BAD_NEWS;
    answer = json_pack("{s:b,s:O}", "ok", rc == EXIT_OK, "found", found);
    if (ctl->is_json)
        ctl_print_json(answer);
    for (size_t i = 0; !ctl->is_json && i < json_array_size(found); i++)
        puts(ctl_text(json_array_get(found, i), "text"));
    if (rc == EXIT_OK && ctl->write_path)
        rc = write_draft(ctl, found);
    json_decref(answer);
    json_decref(found);
    return rc;
}
