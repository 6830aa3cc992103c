/* SPDX-License-Identifier: Apache-2.0 */
/* Meters by device and flow; see flows.h. Fed by the store's summary of its log and, for
 * what is not summed yet, by queries. */
#include "lib/energy/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/varint.h"
#include "lib/energy/meter_state.h"

#define FLOWS_VERSION 1
#define DEVICES_MAX 65536
#define POLL_MS 60000 /* of a point of which nobody knows */

struct flow {
    uint32_t device;
    enum energy_flow flow;
    struct meter meter;
};

struct flows {
    struct flow **items; /* in the order they were seen first */
    uint32_t n;
    struct flow *(*of)[ENERGY_FLOWS]; /* by device */
    uint32_t n_devices;
};

const char *energy_flow_name(enum energy_flow flow)
{
    static const char *const names[ENERGY_FLOWS] = {
        "import", "export", "charge", "discharge", "production", "consumption"};

    return (unsigned)flow < ENERGY_FLOWS ? names[flow] : "";
}

/* ---- which points ---- */

#define ROLE(role) (1u << ROLE_##role)
#define STORAGE (ROLE(BATTERY) | ROLE(EV))
#define LOADS (ROLE(LOAD) | ROLE(CIRCUIT) | ROLE(HEATER))

/* A device of an old log has no role any more: its counters' names say enough. */
static const struct {
    unsigned roles;
    const char *point;
    struct flow_source source;
} sources[] = {
    {ROLE(NONE) | ROLE(GRID), "energy_import_wh", {ENERGY_IMPORT, -1, -1}},
    {ROLE(NONE) | ROLE(GRID), "energy_export_wh", {ENERGY_EXPORT, -1, -1}},
    {ROLE(NONE) | STORAGE, "energy_charge_wh", {ENERGY_CHARGE, -1, -1}},
    {ROLE(NONE) | STORAGE, "energy_discharge_wh", {ENERGY_DISCHARGE, -1, -1}},
    {ROLE(PV), "energy_wh", {ENERGY_PRODUCTION, -1, -1}},
    {LOADS, "energy_wh", {ENERGY_CONSUMPTION, -1, -1}},
    {ROLE(GRID), "power_w", {-1, ENERGY_IMPORT, ENERGY_EXPORT}},
    {ROLE(PV), "power_w", {-1, ENERGY_PRODUCTION, -1}},
    {STORAGE, "power_w", {-1, ENERGY_DISCHARGE, ENERGY_CHARGE}},
    {LOADS, "power_w", {-1, ENERGY_CONSUMPTION, -1}},
};

bool flow_source_of(enum role role, const char *point, struct flow_source *ret)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if ((sources[i].roles & (1u << role)) && strcmp(sources[i].point, point) == 0) {
            *ret = sources[i].source;
            return true;
        }
    *ret = (struct flow_source){-1, -1, -1};
    return false;
}

/* ---- the meters ---- */

struct flows *flows_new(void)
{
    return calloc(1, sizeof(struct flows));
}

void flows_free(struct flows *flows)
{
    if (!flows)
        return;
    for (uint32_t i = 0; i < flows->n; i++)
        free(flows->items[i]);
    free(flows->items);
    free(flows->of);
    free(flows);
}

static int grow_devices(struct flows *flows, uint32_t device)
{
    uint32_t n = flows->n_devices ? flows->n_devices : 16;
    void *bigger;

    if (device >= DEVICES_MAX)
        return -EBADMSG;
    while (n <= device)
        n *= 2;
    if (n == flows->n_devices)
        return 0;
    bigger = realloc(flows->of, n * sizeof *flows->of);
    if (!bigger)
        return -ENOMEM;
    flows->of = bigger;
    memset(flows->of + flows->n_devices, 0, (n - flows->n_devices) * sizeof *flows->of);
    flows->n_devices = n;
    return 0;
}

static int add_flow(struct flows *flows, uint32_t device, enum energy_flow flow,
                    uint32_t poll_ms, struct flow **ret)
{
    struct flow **bigger, *item;
    int rc = grow_devices(flows, device);

    if (rc < 0)
        return rc;
    bigger = realloc(flows->items, (flows->n + 1) * sizeof(struct flow *));
    if (!bigger)
        return -ENOMEM;
    flows->items = bigger;
    item = calloc(1, sizeof *item);
    if (!item)
        return -ENOMEM;
    item->device = device;
    item->flow = flow;
    meter_init(&item->meter, (uint32_t)(FLOWS_SLOT_MS / 1000), poll_ms, FLOWS_MAX_W);
    flows->items[flows->n++] = flows->of[device][flow] = item;
    *ret = item;
    return 0;
}

static int find_flow(struct flows *flows, uint32_t device, int flow, uint32_t poll_ms,
                     struct flow **ret)
{
    if (device < flows->n_devices && flows->of[device][flow]) {
        *ret = flows->of[device][flow];
        if (poll_ms)
            (*ret)->meter.poll_ms = poll_ms;
        return 0;
    }
    return add_flow(flows, device, (enum energy_flow)flow, poll_ms ? poll_ms : POLL_MS,
                    ret);
}

int flows_add(struct flows *flows, uint32_t device, uint32_t poll_ms,
              const struct flow_source *source, const struct meter_time *time,
              double value)
{
    struct flow *flow;
    int rc = 0;

    if (source->counter >= 0) {
        rc = find_flow(flows, device, source->counter, poll_ms, &flow);
        if (rc == 0)
            meter_add_counter(&flow->meter, time, value);
    }
    if (rc == 0 && source->above >= 0) {
        rc = find_flow(flows, device, source->above, poll_ms, &flow);
        if (rc == 0)
            meter_add_power(&flow->meter, time, value);
    }
    if (rc == 0 && source->below >= 0) {
        rc = find_flow(flows, device, source->below, poll_ms, &flow);
        if (rc == 0)
            meter_add_power(&flow->meter, time, -value);
    }
    return rc;
}

void flows_close_due(struct flows *flows, int64_t now_wall_ms)
{
    for (uint32_t i = 0; i < flows->n; i++)
        meter_close_due(&flows->items[i]->meter, now_wall_ms);
}

bool flows_take(struct flows *flows, struct flow_slot *ret)
{
    for (uint32_t i = 0; i < flows->n; i++)
        if (meter_take(&flows->items[i]->meter, &ret->slot)) {
            ret->device = flows->items[i]->device;
            ret->flow = flows->items[i]->flow;
            return true;
        }
    return false;
}

bool flows_open(const struct flows *flows, uint32_t *pos, struct flow_slot *ret)
{
    while (*pos < flows->n) {
        const struct flow *flow = flows->items[(*pos)++];

        if (!meter_peek(&flow->meter, &ret->slot))
            continue;
        ret->device = flow->device;
        ret->flow = flow->flow;
        return true;
    }
    return false;
}

/* ---- saving ---- */

void flows_save(const struct flows *flows, struct strbuf *buf)
{
    uint8_t head[2 * VARINT_MAX];
    size_t n = varint_put(head, FLOWS_VERSION);

    n += varint_put(head + n, flows->n);
    strbuf_add(buf, head, n);
    for (uint32_t i = 0; i < flows->n; i++) {
        const struct flow *flow = flows->items[i];

        n = varint_put(head, flow->device);
        n += varint_put(head + n, (uint64_t)flow->flow);
        strbuf_add(buf, head, n);
        meter_save(&flow->meter, buf);
    }
}

int flows_load(struct flows *flows, const void *data, size_t len, size_t *pos)
{
    uint64_t version, n, device, kind;

    if (!varint_get(data, len, pos, &version) || version != FLOWS_VERSION ||
        !varint_get(data, len, pos, &n))
        return -EBADMSG;
    for (; n > 0; n--) {
        struct flow *flow;
        int rc;

        if (!varint_get(data, len, pos, &device) || !varint_get(data, len, pos, &kind) ||
            device >= DEVICES_MAX || kind >= ENERGY_FLOWS)
            return -EBADMSG;
        rc = find_flow(flows, (uint32_t)device, (int)kind, 0, &flow);
        if (rc < 0)
            return rc;
        if (!meter_load(&flow->meter, data, len, pos))
            return -EBADMSG;
    }
    return 0;
}
