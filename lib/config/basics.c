/* SPDX-License-Identifier: Apache-2.0 */
/* gateway, store, api: who we are, where data lies, where we listen. */
#include "lib/config/basics.h"

#include <stdlib.h>
#include <string.h>

#include "lib/config/endpoint.h"
#include "lib/config/zone.h"

struct basics {
    const char *id, *site, *timezone, *directory, *socket, *listen;
    int64_t max_size, commit_interval_ms;
};

#define AT(field) .offset = offsetof(struct basics, field)

static const struct schema_key gateway_table[] = {
    SCHEMA_KEY("id", SITE_NAME, AT(id), .required = true),
    SCHEMA_KEY("site", SITE_NAME, AT(site), .required = true),
    SCHEMA_KEY("timezone", TEXT, AT(timezone), .fallback = "Asia/Tokyo"),
};

static const struct schema_key store_table[] = {
    SCHEMA_KEY("directory", TEXT, AT(directory), .fallback = "/var/lib/gatewayd"),
    SCHEMA_KEY("max_size", SIZE, AT(max_size), .fallback = "512 MiB", .min = 0x1p22,
               .max = 0x1p40),
    SCHEMA_KEY("commit_interval", DURATION, AT(commit_interval_ms), .fallback = "5 s",
               .min = 100, .max = 300000),
};

static const struct schema_key api_table[] = {
    SCHEMA_KEY("socket", TEXT, AT(socket), .fallback = "/run/gatewayd/api.sock"),
    SCHEMA_KEY("listen", TEXT, AT(listen), .fallback = "127.0.0.1:8480"),
};

static const struct schema gateway_schema = {"'gateway'", gateway_table, 3, NULL,
                                             0,           false};
static const struct schema store_schema = {"'store'", store_table, 3, NULL, 0, false};
static const struct schema api_schema = {"'api'", api_table, 2, NULL, 0, false};

static void check_zone(struct load *load, const struct tree_node *gateway,
                       const char *name)
{
    if (!zone_exists(name))
        report_error(load->report, yaml_tree_place(gateway, "timezone"),
                     "config-timezone",
                     "unknown time zone '%s', expected a name such as Asia/Tokyo or UTC",
                     report_quote(name));
}

static const char *check_listen(struct load *load, const struct tree_node *api,
                                const char *listen)
{
    char host[256];
    uint16_t port;

    if (strcmp(listen, "off") == 0)
        return "";
    if (!endpoint_parse(listen, host, sizeof host, 0, &port))
        report_error(
            load->report, yaml_tree_place(api, "listen"), "config-address",
            "bad address '%s', expected ADDRESS:PORT such as \"127.0.0.1:8480\", "
            "or off",
            report_quote(listen));
    return listen;
}

/* sun_path holds 108 bytes; a longer socket path would fail only at start. */
static void check_socket(struct load *load, const struct tree_node *api,
                         const char *socket)
{
    if (strlen(socket) > 107)
        report_error(load->report, yaml_tree_place(api, "socket"), "config-range",
                     "the socket's path is too long, expected at most 107 bytes");
}

void basics_build(struct load *load, const struct tree_node *gateway,
                  const struct tree_node *store, const struct tree_node *api)
{
    static const struct tree_node empty = {.kind = TREE_MAP};
    struct config *config = load->config;
    struct basics basics = {0};

    if (gateway && schema_read(load->report, &gateway_schema, gateway, &basics))
        check_zone(load, gateway, basics.timezone);
    schema_read(load->report, &store_schema, store ? store : &empty, &basics);
    if (schema_read(load->report, &api_schema, api ? api : &empty, &basics) && api) {
        basics.listen = check_listen(load, api, basics.listen);
        check_socket(load, api, basics.socket);
    }
    config->gateway_id = load_strdup(load, basics.id);
    config->site = load_strdup(load, basics.site);
    config->timezone = load_strdup(load, basics.timezone);
    config->store_directory = load_strdup(load, basics.directory);
    config->store_max_bytes = (uint64_t)basics.max_size;
    config->commit_interval_ms = (uint32_t)basics.commit_interval_ms;
    config->api_socket = load_strdup(load, basics.socket);
    config->api_listen = load_strdup(load, basics.listen);
}
