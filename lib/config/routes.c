/* SPDX-License-Identifier: Apache-2.0 */
/* forward: the routes on which records leave the house, each to one recipient. */
#include "lib/config/routes.h"

#include <string.h>

#include "lib/config/endpoint.h"

struct route_keys {
    const char *name, *url, *recipient;
    int64_t format, confirm, order;
    double rate_per_s;
};

#define AT(field) .offset = offsetof(struct route_keys, field)

/* format: in the order of enum forward_format. */
static const struct schema_key route_table[] = {
    SCHEMA_KEY("name", NAME, AT(name), .required = true),
    SCHEMA_KEY("url", TEXT, AT(url), .required = true),
    SCHEMA_KEY("recipient", SITE_NAME, AT(recipient), .required = true),
    SCHEMA_KEY("format", WORD, AT(format), .fallback = "json",
               .words = "json homeassistant sparkplug"),
    SCHEMA_KEY("confirm", WORD, AT(confirm), .words = "receiver broker"),
    SCHEMA_KEY("order", WORD, AT(order), .fallback = "live-first",
               .words = "live-first strict"),
    SCHEMA_KEY("rate", RATE, AT(rate_per_s), .min = 1, .max = 1e6),
};

static const struct schema route_schema = {"a route", route_table, 7, NULL, 0, false};

static void report_url(struct load *load, const struct tree_node *node, const char *url,
                       const char *why)
{
    report_error(load->report, yaml_tree_place(node, "url"), "config-url",
                 "bad url '%s': %s, expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]",
                 report_quote(url), why);
}

static void parse_url(struct load *load, const struct tree_node *node,
                      struct config_route *route)
{
    const char *url = route->url ? route->url : "";
    bool tls = strncmp(url, "mqtts://", 8) == 0;
    const char *rest = strstr(url, "://");
    char host[256] = "";

    if (strchr(url, '@')) {
        /* Without the text: a password must not be repeated in a message. */
        struct source_file nameless = {node->place.file->path, NULL, 0};
        struct place place = yaml_tree_place(node, "url");

        place.file = &nameless;
        report_error(
            load->report, place, "config-secret",
            "the url of route '%s' holds a user or password, expected them in the "
            "credentials directory",
            route->name);
        return;
    }
    if (!rest || (!tls && strncmp(url, "mqtt://", 7) != 0)) {
        report_url(load, node, url, "it has another scheme");
        return;
    }
    rest += strlen("://");
    if (strchr(rest, '/'))
        report_url(load, node, url, "it has a path");
    else if (!endpoint_parse(rest, host, sizeof host, tls ? 8883 : 1883, &route->port) ||
             route->port == 0)
        report_url(load, node, url, "its host or port is malformed");
    route->host = load_strdup(load, host);
    route->tls = tls;
}

static void check_name_is_new(struct load *load, uint32_t n, const struct tree_node *node,
                              const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct config_route *other = &load->config->routes[i];

        if (!other->name || strcmp(other->name, name) != 0)
            continue;
        report_error(
            load->report, yaml_tree_place(node, "name"), "config-duplicate-name",
            "two routes are named '%s', expected different names: the other is in "
            "line %u",
            name, other->mark.line);
        return;
    }
}

/* Taken for a word, so that the message says more than "unknown". */
static void check_format(struct load *load, const struct tree_node *node,
                         enum forward_format format)
{
    static const char *const names[] = {"json", "homeassistant", "sparkplug"};

    if (format != FORMAT_JSON)
        report_error(load->report, yaml_tree_place(node, "format"), "config-not-yet",
                     "format '%s' is not in this version yet, expected json",
                     names[format]);
}

static void build_route(struct load *load, uint32_t index, const struct tree_node *node)
{
    struct config_route *route = &load->config->routes[index];
    struct route_keys keys = {.confirm = -1};

    route->mark = load_mark(node->place);
    schema_read(load->report, &route_schema, node, &keys);
    if (keys.name)
        check_name_is_new(load, index, node, keys.name);
    route->name = load_strdup(load, keys.name);
    route->url = load_strdup(load, keys.url);
    route->recipient = load_strdup(load, keys.recipient);
    route->format = (enum forward_format)keys.format;
    check_format(load, node, route->format);
    route->strict_order = keys.order == 1;
    route->rate_per_s = keys.rate_per_s;
    /* Our own broker gives no receipts: its PUBACK is what there is. */
    route->confirm_receiver = keys.confirm >= 0 ? keys.confirm == 0
                              : keys.recipient  ? strcmp(keys.recipient, "self") != 0
                                                : true;
    if (keys.url)
        parse_url(load, node, route);
}

void routes_build(struct load *load, const struct tree_node *forward)
{
    uint32_t n = load_list_length(load, forward, LOAD_ITEMS_MAX, "routes");

    load->config->routes = load_calloc(load, n, sizeof *load->config->routes);
    for (uint32_t i = 0; !load->no_memory && i < n; i++) {
        load->config->n_routes = i + 1;
        build_route(load, i, forward->entries[i].node);
    }
}
