/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the simulated devices from the spec and opens their ports and lines. */
#include "tools/devicesim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static unsigned units_of(const struct spec_endpoint *endpoint)
{
    return endpoint->n_units ? endpoint->n_units : 1;
}

static int unit_of(const struct spec_endpoint *endpoint, unsigned i)
{
    if (endpoint->n_units)
        return endpoint->units[i];
    return endpoint->is_rtu ? 1 : DEVICE_ANY_UNIT;
}

static void set_identity(struct image *image, const char *text)
{
    for (int i = 0; i < 3; i++) {
        size_t len = strcspn(text, ",");

        snprintf(image->identity[i], sizeof image->identity[i], "%.*s", (int)len, text);
        text += len + (text[len] == ',');
    }
}

static int attach(struct sim *sim, struct image *image, const char *model)
{
    int rc = model_attach(image, model, &sim->home);

    if (rc < 0)
        fprintf(stderr, "gateway-devicesim: model '%s': %s\n", model,
                error_errno_text(rc));
    return rc;
}

static int fill_image(struct sim *sim, struct image *image,
                      const struct spec_endpoint *endpoint)
{
    unsigned line;
    int rc = 0;

    image->content = endpoint->content;
    image->constant = endpoint->constant;
    image->max_words = endpoint->max_words;
    if (endpoint->identity)
        set_identity(image, endpoint->identity);
    if (endpoint->model)
        return attach(sim, image, endpoint->model);
    if (endpoint->image_path) {
        rc = image_load(image, endpoint->image_path, &line);
        if (rc < 0)
            fprintf(stderr, "gateway-devicesim: %s:%u: %s\n", endpoint->image_path, line,
                    error_errno_text(rc));
        return rc;
    }
    for (int table = 0; rc == 0 && table < IMAGE_TABLES; table++)
        rc =
            image_add(image, (enum image_table)table, 0,
                      table <= IMAGE_DISCRETE ? endpoint->n_bits : endpoint->n_registers);
    return rc;
}

static int make_devices(struct sim *sim, const struct spec_endpoint *endpoint,
                        unsigned first)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < units_of(endpoint); i++) {
        struct device *device = &sim->devices[first + i];

        device->index = first + i;
        device->unit = unit_of(endpoint, i);
        device->ledger = sim->ledger;
        device->writes = sim->writes;
        image_init(&device->image, device->index);
        rc = fill_image(sim, &device->image, endpoint);
    }
    return rc;
}

static int open_tcp(struct sim *sim, const struct spec_endpoint *endpoint, unsigned first,
                    unsigned nth)
{
    struct tcp_port *port;
    uint16_t number = endpoint->port ? (uint16_t)(endpoint->port + nth) : 0;
    int rc = tcp_port_new(sim->loop, endpoint->host, number, &sim->devices[first],
                          units_of(endpoint), &port);

    if (rc < 0) {
        fprintf(stderr, "gateway-devicesim: %s:%u: %s\n", endpoint->host, number,
                error_errno_text(rc));
        return rc;
    }
    tcp_port_set_delay(port, endpoint->turnaround_ns > 0 ? endpoint->turnaround_ns : 0);
    sim->ports[sim->n_ports++] = port;
    for (unsigned i = 0; i < units_of(endpoint); i++)
        snprintf(sim->where[first + i], sizeof sim->where[0], "%s %u", endpoint->host,
                 tcp_port_number(port));
    return 0;
}

static int open_rtu(struct sim *sim, const struct spec_endpoint *endpoint, unsigned first)
{
    struct rtu_settings settings = {endpoint->link, endpoint->baud,
                                    endpoint->turnaround_ns};
    struct rtu_line *line;
    int rc = rtu_line_new(sim->loop, &settings, &sim->devices[first], units_of(endpoint),
                          &line);

    if (rc < 0) {
        fprintf(stderr, "gateway-devicesim: pseudo terminal: %s\n", error_errno_text(rc));
        return rc;
    }
    sim->lines[sim->n_lines++] = line;
    for (unsigned i = 0; i < units_of(endpoint); i++)
        snprintf(sim->where[first + i], sizeof sim->where[0], "%s %d",
                 endpoint->link ? endpoint->link : rtu_line_path(line),
                 unit_of(endpoint, i));
    return 0;
}

static int open_endpoint(struct sim *sim, const struct spec_endpoint *endpoint,
                         unsigned *first)
{
    int rc = 0;

    for (unsigned nth = 0; rc == 0 && nth < endpoint->count; nth++) {
        rc = make_devices(sim, endpoint, *first);
        if (rc == 0)
            rc = endpoint->is_rtu ? open_rtu(sim, endpoint, *first)
                                  : open_tcp(sim, endpoint, *first, nth);
        *first += units_of(endpoint);
    }
    return rc;
}

static int allocate(struct sim *sim, const struct spec *spec)
{
    unsigned n_endpoints = 0;

    for (unsigned i = 0; i < spec->n_endpoints; i++) {
        n_endpoints += spec->endpoints[i].count;
        sim->n_devices += spec->endpoints[i].count * units_of(&spec->endpoints[i]);
    }
    sim->devices = calloc(sim->n_devices + 1, sizeof *sim->devices);
    sim->where = calloc(sim->n_devices + 1, sizeof *sim->where);
    sim->ports = calloc(n_endpoints + 1, sizeof *sim->ports);
    sim->lines = calloc(n_endpoints + 1, sizeof *sim->lines);
    return sim->devices && sim->where && sim->ports && sim->lines ? 0 : -ENOMEM;
}

static int open_log(const char *path, FILE **ret_file)
{
    if (!path)
        return 0;
    *ret_file = fopen(path, "ae");
    if (!*ret_file) {
        int rc = -errno;

        fprintf(stderr, "gateway-devicesim: %s: %s\n", path, error_errno_text(rc));
        return rc;
    }
    setvbuf(*ret_file, NULL, _IOLBF, 4096);
    return 0;
}

static int open_home(struct sim *sim, const struct spec *spec)
{
    unsigned line;
    int rc = model_home_init(&sim->home, spec->script, spec->speed, spec->seed, &line);

    if (rc < 0)
        fprintf(stderr, "gateway-devicesim: %s:%u: %s\n", spec->script, line,
                error_errno_text(rc));
    return rc;
}

int sim_open(struct sim *sim, struct loop *loop, const struct spec *spec)
{
    unsigned first = 0;
    int rc;

    *sim = (struct sim){.loop = loop};
    rc = open_log(spec->ledger_path, &sim->ledger);
    if (rc == 0)
        rc = open_log(spec->writes_path, &sim->writes);
    if (rc == 0)
        rc = open_home(sim, spec);
    if (rc == 0)
        rc = allocate(sim, spec);
    for (unsigned i = 0; rc == 0 && i < spec->n_endpoints; i++)
        rc = open_endpoint(sim, &spec->endpoints[i], &first);
    return rc;
}

int sim_write_ready(const struct sim *sim, const char *path)
{
    char part[4096];
    FILE *file;

    snprintf(part, sizeof part, "%s.part", path);
    file = fopen(part, "we");
    if (!file)
        return -errno;
    for (unsigned i = 0; i < sim->n_devices; i++)
        fprintf(file, "%u %s\n", i, sim->where[i]);
    if (fclose(file) != 0 || rename(part, path) < 0)
        return -errno;
    return 0;
}

void sim_close(struct sim *sim)
{
    for (unsigned i = 0; i < sim->n_ports; i++)
        tcp_port_free(sim->ports[i]);
    for (unsigned i = 0; i < sim->n_lines; i++)
        rtu_line_free(sim->lines[i]);
    for (unsigned i = 0; sim->devices && i < sim->n_devices; i++)
        image_done(&sim->devices[i].image);
    free(sim->ports);
    free(sim->lines);
    free(sim->devices);
    free(sim->where);
    if (sim->ledger)
        fclose(sim->ledger);
    if (sim->writes)
        fclose(sim->writes);
}
