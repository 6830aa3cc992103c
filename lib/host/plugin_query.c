/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks gateway-devhost for a plugin's options and for read plans, so that neither the
 * core nor gatewayctl loads foreign code. Tables are kept: a load asks once per plugin.
 */
#include "lib/host/plugin_query.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/host/ask_process.h"
#include "lib/host/plugin_options.h"

/* More plugins than this in one configuration are not asked about. */
#define TABLES_MAX 32

static struct {
    pthread_mutex_t lock;
    unsigned n;
    struct {
        char *plugin, *plugin_dir;
        struct gw_option *table;
    } entries[TABLES_MAX];
    char reason[300];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct gw_option *find(const char *plugin_dir, const char *plugin)
{
    for (unsigned i = 0; i < known.n; i++)
        if (strcmp(known.entries[i].plugin, plugin) == 0 &&
            strcmp(known.entries[i].plugin_dir, plugin_dir) == 0)
            return known.entries[i].table;
    return NULL;
}

static void tell(const char *devhost, const char *plugin, int rc, struct strbuf *errors)
{
    if (rc > 0 && errors->len)
        snprintf(known.reason, sizeof known.reason, "%.*s",
                 (int)strcspn(errors->data, "\n"), errors->data);
    else if (rc > 0)
        snprintf(known.reason, sizeof known.reason, "plugin '%.64s' cannot be loaded",
                 plugin);
    else
        snprintf(known.reason, sizeof known.reason, "%.150s --options %.64s: %s", devhost,
                 plugin, rc == -EPIPE ? "crashed" : error_errno_text(rc));
}

/* Keeps the table; takes it. */
static const struct gw_option *keep(const char *plugin_dir, const char *plugin,
                                    struct gw_option *table)
{
    char *name = strdup(plugin), *dir = strdup(plugin_dir);

    if (!name || !dir || known.n == TABLES_MAX) {
        free(name);
        free(dir);
        plugin_options_free(table);
        snprintf(known.reason, sizeof known.reason,
                 "no memory for the options of '%.64s'", plugin);
        return NULL;
    }
    known.entries[known.n].plugin = name;
    known.entries[known.n].plugin_dir = dir;
    known.entries[known.n++].table = table;
    return table;
}

static const struct gw_option *ask(const char *devhost, const char *plugin_dir,
                                   const char *plugin, int timeout_ms)
{
    const char *const argv[] = {devhost,     "--options", plugin,
                                "--plugins", plugin_dir,  NULL};
    const struct ask_process question = {.argv = argv,
                                         .output_max = PLUGIN_QUERY_ANSWER_MAX,
                                         .timeout_ms = timeout_ms};
    const struct gw_option *kept = NULL;
    struct gw_option *table = NULL;
    struct strbuf out, errors;
    int rc;

    strbuf_init(&out);
    strbuf_init(&errors);
    rc = ask_process_run(&question, &out, &errors);
    if (rc == 0)
        rc = plugin_options_parse(out.data ? out.data : "", out.len, &table);
    if (rc == 0)
        kept = keep(plugin_dir, plugin, table);
    else
        tell(devhost, plugin, rc, &errors);
    strbuf_done(&out);
    strbuf_done(&errors);
    return kept;
}

const struct gw_option *plugin_query_options_until(const char *devhost,
                                                   const char *plugin_dir,
                                                   const char *plugin,
                                                   int64_t end_boot_ns,
                                                   const char **ret_reason)
{
    int64_t left_ms = (end_boot_ns - clock_boot_ns()) / CLOCK_NS_PER_MS;
    const struct gw_option *table;

    pthread_mutex_lock(&known.lock);
    table = find(plugin_dir, plugin);
    if (!table)
        table = ask(devhost, plugin_dir, plugin,
                    left_ms < 0                         ? 0
                    : left_ms < PLUGIN_QUERY_OPTIONS_MS ? (int)left_ms
                                                        : PLUGIN_QUERY_OPTIONS_MS);
    if (!table)
        *ret_reason = known.reason;
    pthread_mutex_unlock(&known.lock);
    return table;
}

const struct gw_option *plugin_query_options(const char *devhost, const char *plugin_dir,
                                             const char *plugin, const char **ret_reason)
{
    return plugin_query_options_until(devhost, plugin_dir, plugin,
                                      clock_boot_ns() +
                                          PLUGIN_QUERY_OPTIONS_MS * CLOCK_NS_PER_MS,
                                      ret_reason);
}

void plugin_query_forget(void)
{
    pthread_mutex_lock(&known.lock);
    for (unsigned i = 0; i < known.n; i++) {
        free(known.entries[i].plugin);
        free(known.entries[i].plugin_dir);
        plugin_options_free(known.entries[i].table);
    }
    known.n = 0;
    pthread_mutex_unlock(&known.lock);
}

static int ask_about(const char *devhost, const char *what, int timeout_ms,
                     const struct strbuf *host_config, struct strbuf *ret_lines,
                     struct strbuf *ret_errors)
{
    const char *const argv[] = {devhost, what, "-", NULL};
    const struct ask_process question = {.argv = argv,
                                         .input = host_config->data,
                                         .input_len = host_config->len,
                                         .output_max = PLUGIN_QUERY_ANSWER_MAX,
                                         .timeout_ms = timeout_ms};

    return ask_process_run(&question, ret_lines, ret_errors);
}

int plugin_query_check(const char *devhost, const struct strbuf *host_config,
                       struct strbuf *ret_lines, struct strbuf *ret_errors)
{
    return ask_about(devhost, "--check", PLUGIN_QUERY_CHECK_MS, host_config, ret_lines,
                     ret_errors);
}

int plugin_query_scan(const char *devhost, const struct strbuf *host_config,
                      struct strbuf *ret_lines, struct strbuf *ret_errors)
{
    return ask_about(devhost, "--scan", PLUGIN_QUERY_SCAN_MS, host_config, ret_lines,
                     ret_errors);
}
