/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the modbus plugin, loaded as the host loads it, against a real server:
 *   modbus_probe PLUGIN.so BUS DEVICE [--plan] [--loop N] POINT... [-- POINT=VALUE...]
 * BUS, DEVICE and POINT are texts of options ("transport=tcp host=127.0.0.1 port=1502").
 * Prints one line per point: the value, or '!' and the quality. Values after -- are
 * written first; POINT is then the number of the point. Exit 0 when all reads went well.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/contract/modbus_host.h"

static void print_reading(const struct modbus_host_reading *reading)
{
    const struct gw_value *value = &reading->value;

    if (!reading->n_emitted)
        printf("! not read");
    else if (value->type == GW_TYPE_NONE)
        printf("! quality %u detail %d", reading->quality, reading->detail);
    else if (value->type == GW_TYPE_BOOL)
        printf("%d", value->v.b);
    else if (value->type == GW_TYPE_INT)
        printf("%lld", (long long)value->v.i);
    else if (value->type == GW_TYPE_UINT)
        printf("%llu", (unsigned long long)value->v.u);
    else if (value->type == GW_TYPE_FLOAT32)
        printf("%.9g", (double)value->v.f);
    else if (value->type == GW_TYPE_FLOAT64)
        printf("%.17g", value->v.d);
    else
        printf("%s", reading->text);
    printf("\n");
}

static int write_one(struct modbus_host *host, char *text)
{
    struct gw_value value = {.type = GW_TYPE_FLOAT64}, back;
    char *equals = strchr(text, '=');
    int rc;

    if (!equals)
        return GW_ERR_CONFIG;
    value.v.d = strtod(equals + 1, NULL);
    if (equals[1] == '"')
        value = (struct gw_value){.type = GW_TYPE_STRING, .v.s = equals + 2};
    else if (!strchr(equals, '.'))
        value =
            (struct gw_value){.type = GW_TYPE_INT, .v.i = strtoll(equals + 1, NULL, 0)};
    rc = modbus_host_write(host, (uint32_t)atoi(text), &value, &back);
    if (rc || back.type == GW_TYPE_NONE)
        fprintf(stderr, "write %s: result %d: %s\n", text, rc, host->sink.text);
    return rc;
}

static void print_plan(const struct modbus_host *host)
{
    for (unsigned i = 0; i < host->plan.n; i++)
        printf("# %s: %llu us\n", host->plan.texts[i],
               (unsigned long long)host->plan.requests[i].cost_us);
}

/* Loads the plugin as the host does; it stays loaded. */
static const struct gw_plugin *load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct gw_plugin *(*init)(uint32_t abi);

    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    *(void **)&init = dlsym(library, "gw_plugin_init");
    return init ? init(GW_PLUGIN_ABI) : NULL;
}

static int open_port(const char *bus)
{
    const char *option = strstr(bus, "device=");
    char path[256];

    if (!option || sscanf(option, "device=%255s", path) != 1)
        return -1;
    return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static int run(struct modbus_host *host, int argc, char **argv)
{
    int n_loops = 1, i = 4, rc;
    bool with_plan = false;

    for (; i < argc && !strncmp(argv[i], "--", 2) && argv[i][2]; i++) {
        if (!strcmp(argv[i], "--loop") && i + 1 < argc)
            n_loops = atoi(argv[++i]);
        else
            with_plan = true;
    }
    for (; i < argc && strcmp(argv[i], "--"); i++)
        modbus_host_add_point(host, argv[i]);
    rc = modbus_host_start(host);
    if (with_plan)
        print_plan(host);
    for (i++; !rc && i < argc; i++)
        rc = write_one(host, argv[i]);
    while (!rc && n_loops-- > 0)
        rc = modbus_host_read_all(host);
    if (rc)
        fprintf(stderr, "result %d: %s\n", rc, host->sink.text);
    for (uint32_t p = 0; p < host->device.n_points; p++)
        print_reading(&host->sink.readings[p]);
    return rc;
}

int main(int argc, char **argv)
{
    const struct gw_plugin *plugin = argc > 3 ? load(argv[1]) : NULL;
    struct modbus_host *host;
    int fd, rc;

    if (!plugin) {
        fprintf(stderr, "usage: modbus_probe PLUGIN.so BUS DEVICE [--plan] [--loop N] "
                        "POINT... [-- POINT=VALUE...]\n");
        return 2;
    }
    fd = open_port(argv[2]);
    host = modbus_host_new(plugin, argv[2], argv[3], fd);
    rc = run(host, argc, argv);
    modbus_host_free(host);
    if (fd >= 0)
        close(fd);
    return rc != 0;
}
