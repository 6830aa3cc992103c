/* SPDX-License-Identifier: Apache-2.0 */
/* From a request of the plan to readings; see read.h and README.md. */
#include "plugins/modbus/read.h"

#include <stdio.h>

/* Exchanges of one call while looking for the address a device refuses. */
#define BISECT_MAX 40
/* A refusal counts as learned only from a device that gave data not long ago: some
 * inverters refuse everything while they sleep. */
#define RECENT_NS INT64_C(60000000000)
#define NS_PER_MS INT64_C(1000000)

static int64_t now_ns(const struct bus *bus)
{
    return bus->services->get_boot_ns(bus->services->ctx);
}

/* The exchange alone, and what the guard learns from its outcome. */
static int guarded_exchange(struct bus *bus, struct bus_device *device,
                            const struct guard_read *read, struct link_reply *ret)
{
    uint8_t pdu[5];
    size_t len = frame_read(pdu, read->function, read->address, read->count);
    int rc = link_exchange(&bus->link, device->settings.unit, pdu, len, ret);

    if (!bus_is_serial(bus))
        return rc;
    if (rc == GW_OK)
        guard_answer(device->guard);
    else if (rc == GW_ERR_DEVICE)
        guard_except(device->guard, read, now_ns(bus));
    else if (bus->link.was_sent)
        guard_lose(device->guard, read, now_ns(bus));
    return rc;
}

static uint32_t max_count(const struct bus_device *device, uint8_t function)
{
    return function <= FRAME_READ_DISCRETE ? device->settings.max_bits
                                           : device->settings.max_registers;
}

/* Asks something else first, until an answer shows that no older reply can come any more.
 * At most two probes; the second is of another kind. */
static int clear_doubt(struct bus *bus, struct bus_device *device,
                       const struct guard_read *wanted)
{
    struct guard *guard = device->guard;
    struct guard_read probe;
    struct link_reply reply;

    for (int i = 0; i < 2 && guard_is_ambiguous(guard, wanted); i++) {
        int rc;

        if (!guard_choose_probe(guard, wanted, max_count(device, wanted->function),
                                &device->settings.never_read, &probe)) {
            if (now_ns(bus) - guard->t_lost_boot_ns < GUARD_GIVE_UP_MS * NS_PER_MS)
                break;
            guard_answer(guard);
            return GW_OK;
        }
        rc = guarded_exchange(bus, device, &probe, &reply);
        if (guard->suspects)
            guard->turn++;
        if (rc && rc != GW_ERR_DEVICE)
            return rc;
        bus->services->progress(bus->services->ctx);
    }
    if (!guard_is_ambiguous(guard, wanted))
        return GW_OK;
    snprintf(bus->link.text, sizeof(bus->link.text),
             "unit %u: an earlier request may still be answered; waiting",
             device->settings.unit);
    return GW_ERR_TIMEOUT;
}

int read_block(struct bus *bus, struct bus_device *device, const struct guard_read *read,
               const uint8_t **ret_data, int *ret_exception)
{
    struct link_reply reply;
    int rc = GW_OK;

    *ret_exception = 0;
    if (guard_is_ambiguous(device->guard, read))
        rc = clear_doubt(bus, device, read);
    if (!rc)
        rc = guarded_exchange(bus, device, read, &reply);
    if (rc == GW_OK) {
        *ret_data = reply.pdu + 2;
        device->t_data_boot_ns = now_ns(bus);
    } else if (rc == GW_ERR_DEVICE) {
        *ret_exception = reply.exception;
        if (reply.exception == FRAME_BUSY)
            rc = GW_ERR_BUSY;
        else if (reply.exception == FRAME_GATEWAY_NO_REPLY)
            rc = GW_ERR_TIMEOUT;
    }
    return rc;
}

/* What one call of read_request works on. */
struct job {
    struct bus *bus;
    struct bus_device *device;
    struct gw_sink *sink;
    int n_exchanges;
    int exception; /* of the last exchange */
    bool has_changed;
    uint32_t n_good; /* readings with data */
};

static void emit_items(struct job *job, uint32_t first, uint32_t n, const uint8_t *data)
{
    const struct plan_item *items = job->device->plan.items;
    uint32_t start = items[first].address;
    char text[CODEC_STRING_SIZE];
    struct gw_value value;

    for (uint32_t i = first; i < first + n; i++) {
        const struct codec_point *point = &job->device->points[items[i].point];
        uint32_t offset = items[i].address - start;
        bool is_bits = codec_is_bit_table(point->table);
        enum gw_quality quality = codec_decode(point, is_bits ? data : data + 2 * offset,
                                               is_bits ? offset : 0, text, &value);

        job->bus->services->emit(job->sink, items[i].point, &value, quality, 0);
    }
    job->n_good += n;
}

/* Reads plan items first..first+n-1 with one request and emits them. */
static int read_items(struct job *job, uint32_t first, uint32_t n)
{
    const struct plan_item *items = job->device->plan.items + first;
    uint32_t end = 0;
    struct guard_read read;
    const uint8_t *data;
    int rc;

    for (uint32_t i = 0; i < n; i++)
        if (items[i].address + items[i].count > end)
            end = items[i].address + items[i].count;
    read = (struct guard_read){
        .function = frame_read_function(items->table),
        .address = (uint16_t)items->address,
        .count = (uint16_t)(end - items->address),
    };
    job->n_exchanges++;
    rc = read_block(job->bus, job->device, &read, &data, &job->exception);
    if (rc == GW_OK)
        emit_items(job, first, n, data);
    return rc;
}

/* A refusal that may lie in some of the addresses only. While an older request may still
 * be answered, an exception proves nothing. */
static bool is_refusal(const struct job *job, int rc)
{
    return rc == GW_ERR_DEVICE && !job->device->guard->suspects &&
           (job->exception == FRAME_ILLEGAL_ADDRESS ||
            job->exception == FRAME_ILLEGAL_VALUE);
}

static void flag_illegal(struct job *job, uint32_t item)
{
    uint32_t point = job->device->plan.items[item].point;
    struct gw_value none = {.type = GW_TYPE_NONE};

    job->bus->services->emit(job->sink, point, &none, GW_DEVICE_ERROR, job->exception);
    if (!job->device->is_illegal[point]) {
        job->device->is_illegal[point] = true;
        job->has_changed = true;
    }
}

static int bisect(struct job *job, uint32_t first, uint32_t n);

/* Reads one part of a refused block; a refusal again is looked into later. */
static int read_part(struct job *job, uint32_t first, uint32_t n, bool *ret_refused)
{
    int rc;

    if (job->n_exchanges >= BISECT_MAX)
        return GW_ERR_DEVICE;
    job->bus->services->progress(job->bus->services->ctx);
    rc = read_items(job, first, n);
    *ret_refused = is_refusal(job, rc);
    return *ret_refused ? GW_OK : rc;
}

/* Items first..first+n-1 were refused together: finds out which of them are to blame.
 * When each half can be read alone, it was the way across: that boundary is remembered.
 */
static int bisect(struct job *job, uint32_t first, uint32_t n)
{
    const struct plan_item *items = job->device->plan.items;
    bool left_refused, right_refused;
    uint32_t middle, n_left;
    int rc;

    if (n == 1) {
        flag_illegal(job, first);
        return GW_OK;
    }
    middle = plan_split(items, first, n);
    n_left = middle - first;
    rc = read_part(job, first, n_left, &left_refused);
    if (!rc && left_refused)
        rc = bisect(job, first, n_left);
    if (!rc)
        rc = read_part(job, middle, n - n_left, &right_refused);
    if (!rc && right_refused)
        rc = bisect(job, middle, n - n_left);
    if (!rc && !left_refused && !right_refused)
        job->has_changed |=
            bus_learn_boundary(job->device, items[first].table, items[middle].address);
    return rc;
}

/* Nothing at all could be read: perhaps the device sleeps. Learned only if it gave data
 * lately. */
static bool may_learn(const struct job *job)
{
    int64_t t_data = job->device->t_data_boot_ns;

    return t_data && now_ns(job->bus) - t_data < RECENT_NS;
}

static int read_refused(struct job *job, const struct plan_request *request)
{
    struct bus_device *device = job->device;
    int rc;

    if (!may_learn(job) && request->n_items == 1)
        return GW_ERR_DEVICE;
    rc = bisect(job, request->first, request->n_items);
    if (!job->n_good && !may_learn(job)) {
        for (uint32_t i = 0; i < request->n_items; i++)
            device->is_illegal[device->plan.items[request->first + i].point] = false;
        job->has_changed = false;
        return rc ? rc : GW_ERR_DEVICE;
    }
    return rc;
}

int read_request(struct bus *bus, struct bus_device *device, uint32_t request,
                 struct gw_sink *sink)
{
    struct job job = {.bus = bus, .device = device, .sink = sink};
    const struct plan_request *r;
    int rc;

    if (request >= device->plan.n_requests)
        return GW_ERR_INTERNAL;
    r = &device->plan.requests[request];
    rc = read_items(&job, r->first, r->n_items);
    if (rc == GW_OK && r->alone) {
        bus_forget_learned(device);
        job.has_changed = true;
    } else if (is_refusal(&job, rc)) {
        rc = read_refused(&job, r);
    }
    if (rc)
        bus->services->fail(sink, job.exception, bus->link.text);
    if (job.has_changed)
        bus->services->plan_changed(sink);
    return rc;
}
