/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a configuration on disk to one that runs: the first at start (or the last good
 * one), and reloads that change only what changed. On the loop.
 */
#include "gatewayd/gateway.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"

/* "FILE:LINE:COL: error: ..." with its source line and caret below it: the first line
 * tells the level. */
static void log_report(const struct config_report *report)
{
    enum log_level level = LOG_LEVEL_ERROR;
    struct strbuf buf;

    strbuf_init(&buf);
    config_report_print(report, &buf);
    for (char *line = buf.data ? strtok(buf.data, "\n") : NULL; line;
         line = strtok(NULL, "\n")) {
        if (strstr(line, ": error: "))
            level = LOG_LEVEL_ERROR;
        else if (strstr(line, ": warning: "))
            level = LOG_LEVEL_WARNING;
        log_line(level, "config", "%s", line);
    }
    strbuf_done(&buf);
}

int configure_first(struct gateway *gateway)
{
    struct config_report report;
    int rc;

    config_report_init(&report);
    rc = loader_load(&gateway->options->loader, 0, &gateway->config, &report);
    log_report(&report);
    config_report_done(&report);
    if (rc == 0 || gateway->options->strict)
        return rc;
    config_report_init(&report);
    rc = loader_load_last_good(&gateway->options->loader, &gateway->config, &report);
    config_report_done(&report);
    if (rc < 0)
        log_error("config",
                  "no configuration that ever ran is kept either: mend the errors above "
                  "and start again");
    gateway->running_last_good = rc == 0;
    return rc;
}

void configure_use(struct gateway *gateway, struct config *config,
                   struct catalog *catalog)
{
    struct config *old = gateway->config;
    struct catalog *old_catalog = gateway->catalog;

    pthread_mutex_lock(&gateway->view_lock);
    latest_set_catalog(gateway->latest, catalog);
    /* before hosts_apply: its hooks speak of devices by the new numbers */
    gateway->config = config;
    gateway->catalog = catalog;
    gateway->generation++;
    hosts_apply(gateway->hosts, config, catalog);
    pthread_mutex_unlock(&gateway->view_lock);
    controlling_configure(gateway->controlling, config, catalog);
    forwarding_apply(gateway->forwarding, gateway->store, config);
    if (old != config)
        config_free(old);
    if (old_catalog != catalog)
        catalog_unref(old_catalog);
}

static void tell_restart(const struct config *a, const struct config *b,
                         struct strbuf *buf)
{
    const struct {
        const char *what;
        bool changed;
    } list[] = {
        {"gateway.id",            strcmp(a->gateway_id, b->gateway_id) != 0          },
        {"store.directory",       strcmp(a->store_directory, b->store_directory) != 0},
        {"store.max_size",        a->store_max_bytes != b->store_max_bytes           },
        {"store.commit_interval", a->commit_interval_ms != b->commit_interval_ms     },
        {"api.socket",            strcmp(a->api_socket, b->api_socket) != 0          },
        {"api.listen",            strcmp(a->api_listen, b->api_listen) != 0          },
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (!list[i].changed)
            continue;
        strbuf_printf(buf, "%s changed: that takes effect at the next restart\n",
                      list[i].what);
        /* who reloads by a signal sees only the log */
        log_warning("config", "%s changed: that takes effect at the next restart",
                    list[i].what);
    }
}

int gateway_reload(struct gateway *gateway, char **ret_text)
{
    struct config_report report;
    struct config *config = NULL;
    struct catalog *catalog;
    struct strbuf buf;
    int rc;

    if (gateway->stopping) {
        *ret_text = strdup("the daemon is stopping");
        return -ESHUTDOWN;
    }
    strbuf_init(&buf);
    config_report_init(&report);
    rc = loader_load(&gateway->options->loader, LOADER_RELOAD_MS, &config, &report);
    config_report_print(&report, &buf);
    log_report(&report);
    config_report_done(&report);
    catalog = rc == 0 ? config_make_catalog(config, gateway->generation + 1) : NULL;
    if (!catalog) {
        config_free(config);
        strbuf_puts(
            &buf, "the configuration was not changed: mend the errors and reload again");
        gateway_event(
            gateway, "", "config-refused", "warning",
            "reload refused: the new configuration has errors, the old one goes on");
        *ret_text = strbuf_take(&buf);
        return rc < 0 ? rc : -ENOMEM;
    }
    tell_restart(gateway->config, config, &buf);
    strbuf_printf(&buf, "reloaded: %u buses, %u devices, %u routes", config->n_buses,
                  config->n_devices, config->n_routes);
    configure_use(gateway, config, catalog);
    store_try_disk(gateway->store); /* whoever mended it need not wait */
    loader_keep(&gateway->options->loader, config);
    gateway->running_last_good = false;
    gateway_clear_alarm(gateway, "config-invalid", "the configuration is good again");
    gateway_event(gateway, "", "config-reloaded", "info", "configuration reloaded");
    *ret_text = strbuf_take(&buf);
    malloc_trim(0);
    return 0;
}
