/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's life and its table of resources: requests come from lib/http on the thread of
 * their socket and go to api_get (reads) or api_change (posts to the loop).
 */
#include "gatewayd/api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "gatewayd/api/api_backup.h"
#include "gatewayd/api/api_change.h"
#include "gatewayd/api/api_control.h"
#include "gatewayd/api/api_get.h"
#include "gatewayd/api/api_history.h"
#include "lib/http/http_listen.h"
#include "lib/http/http_server.h"

struct api {
    struct api_ports ports;
    struct http_server *local, *tcp;
    char *socket;
    uint64_t socket_inode;
    uint32_t instance;
    int stop_fd;
    char bound[HTTP_ADDRESS_MAX];
};

typedef void (*resource_fn)(struct api_call *call);

/* A '*' stands for one name. */
static const struct resource {
    const char *path;
    resource_fn get, post;
} resources[] = {
    {"/api/v1/status",        api_get_status,           NULL                    },
    {"/api/v1/points",        api_get_points,           NULL                    },
    {"/api/v1/points/*/*",    api_get_point,            api_change_point        },
    {"/api/v1/devices/*/read", NULL,                    api_change_read         },
    {"/api/v1/buses",         api_get_buses,            NULL                    },
    {"/api/v1/routes",        api_get_routes,           NULL                    },
    {"/api/v1/events",        api_get_events,           NULL                    },
    {"/api/v1/grid",          api_control_get_grid,     NULL                    },
    {"/api/v1/grid/confirm",  NULL,                     api_control_confirm     },
    {"/api/v1/circuits",      api_control_get_circuits, NULL                    },
    {"/api/v1/circuits/*/override", NULL,               api_control_override    },
    {"/api/v1/why/*",         api_control_get_why,      NULL                    },
    {"/api/v1/hold",          NULL,                     api_control_hold        },
    {"/api/v1/storm",         NULL,                     api_control_storm       },
    {"/api/v1/island",        NULL,                     api_control_island      },
    {"/api/v1/drill",         NULL,                     api_control_drill       },
    {"/api/v1/history",       api_history_get,          NULL                    },
    {"/api/v1/energy",        api_history_get_energy,   NULL                    },
    {"/api/v1/reload",        NULL,                     api_change_reload       },
    {"/api/v1/backup",        api_backup_get,           NULL                    },
    {"/api/v1/restore",       api_backup_restore_state, api_backup_restore_begin},
    {"/api/v1/restore/data",  NULL,                     api_backup_restore_data },
    {"/api/v1/restore/start", NULL,                     api_backup_restore_start},
    {"/metrics",              api_get_metrics,          NULL                    },
    {"/healthz",              api_get_health,           NULL                    },
};

/* Compares and cuts the names out of `path` (modified only when it matches). */
static bool match(const char *pattern, char *path, const char *args[2])
{
    char *starts[2], *ends[2];
    int n = 0;

    for (; *pattern; pattern++) {
        if (*pattern != '*') {
            if (*path++ != *pattern)
                return false;
            continue;
        }
        starts[n] = path;
        path += strcspn(path, "/");
        ends[n] = path;
        if (starts[n] == ends[n])
            return false;
        n++;
    }
    if (*path)
        return false;
    for (int i = 0; i < n; i++) {
        *ends[i] = '\0';
        args[i] = starts[i];
    }
    return true;
}

static void refuse_method(struct api_call *call, const struct resource *resource)
{
    const char *allow =
        resource->get ? resource->post ? "GET, HEAD, POST" : "GET, HEAD" : "POST";

    strcpy(call->response->allow, allow);
    http_problem(call->response, 405, "method-not-allowed", "%s allows %s",
                 call->request->path, allow);
}

static void dispatch(struct api_call *call, const struct resource *resource)
{
    const char *method = call->request->method;
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool is_post = strcmp(method, "POST") == 0;

    if (is_get && resource->get)
        resource->get(call);
    else if (is_post && resource->post && call->request->is_local_socket)
        resource->post(call);
    else if (is_post && resource->post)
        http_problem(
            call->response, 403, "read-only",
            "over TCP there is only reading; use gatewayctl on the gateway itself");
    else
        refuse_method(call, resource);
}

static void handle(void *ctx, const struct http_request *request,
                   struct http_response *response)
{
    struct api *api = ctx;
    struct api_call call = {.ports = &api->ports,
                            .listen = api->bound,
                            .instance = api->instance,
                            .stop_fd = api->stop_fd,
                            .request = request,
                            .response = response};
    char *path = strdup(request->path);
    const struct resource *found = NULL;

    for (size_t i = 0; path && !found && i < sizeof resources / sizeof *resources; i++)
        if (match(resources[i].path, path, call.args))
            found = &resources[i];
    if (found)
        dispatch(&call, found);
    else
        http_problem(response, 404, "unknown-resource", "there is no %.200s",
                     request->path);
    free(path);
}

/* ---- life ------------------------------------------------------------------------ */

static int open_local(struct api *api, const struct api_options *options,
                      struct gw_error *reterr)
{
    struct http_server_options server = {
        .is_local_socket = true, .handler = handle, .ctx = api};

    if (!options->socket || !*options->socket)
        return 0;
    api->socket = strdup(options->socket);
    if (!api->socket)
        return error_set(reterr, -ENOMEM, "api-socket", "no memory");
    server.listen_fd = http_listen_unix(options->socket, options->socket_group, reterr);
    if (server.listen_fd < 0)
        return server.listen_fd;
    api->socket_inode = http_listen_inode(options->socket);
    api->local = http_server_new(&server);
    if (api->local)
        return 0;
    return error_set(reterr, -errno, "api-socket", "cannot serve %s: %s", options->socket,
                     error_errno_text(errno));
}

static int open_tcp(struct api *api, const struct api_options *options,
                    struct gw_error *reterr)
{
    struct http_server_options server = {.handler = handle, .ctx = api};
    char host[HTTP_ADDRESS_MAX];

    if (!options->listen || !*options->listen)
        return 0;
    server.listen_fd = http_listen_tcp(options->listen, api->bound, reterr);
    if (server.listen_fd < 0)
        return server.listen_fd;
    strcpy(host, api->bound);
    *strrchr(host, ':') = '\0';
    server.bound_host = host;
    api->tcp = http_server_new(&server);
    if (api->tcp)
        return 0;
    return error_set(reterr, -errno, "api-listen", "cannot serve %s: %s", options->listen,
                     error_errno_text(errno));
}

int api_open(const struct api_options *options, const struct api_ports *ports,
             struct api **ret_api, struct gw_error *reterr)
{
    struct api *api = calloc(1, sizeof *api);
    int rc;

    if (!api)
        return error_set(reterr, -ENOMEM, "api", "no memory");
    api->ports = *ports;
    if (getrandom(&api->instance, sizeof api->instance, GRND_NONBLOCK) < 0)
        api->instance = (uint32_t)getpid(); /* too early in the boot; differs by run */
    api->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (api->stop_fd < 0)
        rc = error_set(reterr, -errno, "api", "eventfd: %s", error_errno_text(errno));
    else
        rc = open_local(api, options, reterr);
    if (rc == 0)
        rc = open_tcp(api, options, reterr);
    if (rc < 0)
        api_close(api);
    else
        *ret_api = api;
    return rc;
}

void api_close(struct api *api)
{
    uint64_t one = 1;

    if (!api)
        return;
    /* Wakes a thread that waits for the loop; the loop may be the one who calls us. */
    if (api->stop_fd >= 0 && write(api->stop_fd, &one, sizeof one) < 0)
        errno = 0;
    http_server_free(api->tcp);
    if (api->socket)
        http_listen_unlink(api->socket, api->socket_inode);
    http_server_free(api->local);
    if (api->stop_fd >= 0)
        close(api->stop_fd);
    free(api->socket);
    free(api);
}

const char *api_bound_address(const struct api *api)
{
    return api->bound;
}
