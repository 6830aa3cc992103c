/* SPDX-License-Identifier: Apache-2.0 */
/* A route's configuration; see route_config.h. */
#include "route/route_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/channel/wire.h"

#define SECRET_MAX 4096

void route_config_done(struct route_config *config)
{
    free(config->name);
    free(config->host);
    free(config->client_id);
    free(config->credentials);
    free(config->prefix);
    free(config->will_topic);
    free(config->will_payload);
    free(config->ca_file);
    free(config->cert_file);
    free(config->key_file);
    free(config->user);
    free(config->password);
    for (uint32_t i = 0; i < config->n_topics; i++)
        free(config->topics[i]);
    memset(config, 0, sizeof *config);
}

static char *join(const char *a, const char *b)
{
    char *text = NULL;

    return asprintf(&text, "%s%s", a, b) < 0 ? NULL : text;
}

static int decode_topics(struct wire *wire, struct route_config *config)
{
    uint32_t n = wire_get_count(wire, 4);

    if (n > ROUTE_SUBSCRIPTIONS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        config->topics[i] = join(config->prefix, wire_get_string(wire));
        if (!config->topics[i])
            return -ENOMEM;
        config->n_topics++;
    }
    return 0;
}

static bool complete(const struct route_config *config)
{
    return config->name && config->host && config->client_id && config->credentials &&
           config->prefix && config->will_payload && config->will_topic;
}

int route_config_decode(const void *body, size_t len, struct route_config *ret)
{
    struct wire wire = wire_of(body, len);
    struct route_config config = {0};
    uint32_t port;
    int rc;

    config.name = strdup(wire_get_string(&wire));
    config.host = strdup(wire_get_string(&wire));
    port = wire_get_u32(&wire);
    config.tls = wire_get_u8(&wire) != 0;
    config.client_id = strdup(wire_get_string(&wire));
    config.credentials = strdup(wire_get_string(&wire));
    config.prefix = strdup(wire_get_string(&wire));
    config.will_payload = strdup(wire_get_string(&wire));
    if (config.prefix)
        config.will_topic = join(config.prefix, "state");
    rc = complete(&config) ? decode_topics(&wire, &config) : -ENOMEM;
    config.max_window = wire_get_u32(&wire);
    config.home_only = wire_get_u8(&wire) != 0;
    if (rc == 0 && (!wire_done(&wire) || port == 0 || port > 65535 || !config.host[0] ||
                    !config.prefix[0]))
        rc = -EBADMSG;
    if (rc < 0) {
        route_config_done(&config);
        return rc;
    }
    config.port = (uint16_t)port;
    *ret = config;
    return 0;
}

/* 1: *ret_path is a readable file; 0: there is none. */
static int find_file(const struct route_config *config, const char *suffix,
                     char **ret_path, struct gw_error *reterr)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s%s", config->credentials, config->name, suffix) < 0)
        return -ENOMEM;
    if (access(path, R_OK) == 0) {
        *ret_path = path;
        return 1;
    }
    if (errno != ENOENT) {
        int err = errno;

        error_set(reterr, -err, "route-credentials", "cannot read %s: %s", path,
                  error_errno_text(err));
        free(path);
        return -err;
    }
    free(path);
    return 0;
}

/* The first line of a small file. */
static int read_secret(const struct route_config *config, const char *suffix, char **ret,
                       struct gw_error *reterr)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    char text[SECRET_MAX + 1];
    ssize_t n;
    int rc = find_file(config, suffix, &path, reterr);

    if (rc <= 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, SECRET_MAX);
    if (n < 0)
        return error_set(reterr, -errno, "route-credentials", "cannot read %s: %s", path,
                         error_errno_text(errno));
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *ret = strdup(text);
    explicit_bzero(text, sizeof text);
    return *ret ? 0 : -ENOMEM;
}

int route_config_read_credentials(struct route_config *config, struct gw_error *reterr)
{
    int rc;

    if (!config->credentials[0])
        return 0;
    if ((rc = read_secret(config, ".user", &config->user, reterr)) < 0 ||
        (rc = read_secret(config, ".password", &config->password, reterr)) < 0)
        return rc;
    if (!config->tls)
        return 0;
    if ((rc = find_file(config, ".ca", &config->ca_file, reterr)) < 0 ||
        (rc = find_file(config, ".crt", &config->cert_file, reterr)) < 0 ||
        (rc = find_file(config, ".key", &config->key_file, reterr)) < 0)
        return rc;
    return 0;
}
