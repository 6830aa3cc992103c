/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route is told (ROUTE_MSG_CONFIG) and what it finds in the credentials directory.
 */
#ifndef GATEWAYD_ROUTE_ROUTE_CONFIG_H
#define GATEWAYD_ROUTE_ROUTE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define ROUTE_SUBSCRIPTIONS_MAX 16

struct route_config {
    char *name, *host, *client_id, *credentials;
    char *prefix; /* "gw/SITE/ID/" */
    char *will_topic, *will_payload;
    uint16_t port;
    bool tls, home_only;
    uint32_t max_window;
    uint32_t n_topics;
    char *topics[ROUTE_SUBSCRIPTIONS_MAX]; /* whole, prefix included */
    /* read by route_config_read_credentials; NULL: there is none */
    char *ca_file, *cert_file, *key_file, *user, *password;
};

/* 0, -EBADMSG, -ENOMEM; on failure *ret is empty. */
int route_config_decode(const void *body, size_t len, struct route_config *ret);
void route_config_done(struct route_config *config);
/* `credentials` + NAME.ca .crt .key (paths, for Paho) and .user .password (first line). A
 * file that is there but cannot be read is an error. */
int route_config_read_credentials(struct route_config *config, struct gw_error *reterr);

#endif
