/* SPDX-License-Identifier: Apache-2.0 */
/* Writes, leases and failsafes of a bus; see bus_command.h. */
#include "lib/host/bus_command.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/wire.h"
#include "lib/model/value.h"

#define FAILSAFE_PAUSE_MS 50

struct command_queue {
    pthread_mutex_t lock; /* of commands, first */
    struct command commands[COMMAND_MAX];
    unsigned first;
    _Atomic unsigned n; /* changed under the lock, looked at without */
};

struct command_queue *command_queue_new(void)
{
    struct command_queue *queue = calloc(1, sizeof *queue);

    if (queue)
        pthread_mutex_init(&queue->lock, NULL);
    return queue;
}

void command_queue_free(struct command_queue *queue)
{
    if (queue)
        pthread_mutex_destroy(&queue->lock);
    free(queue);
}

bool command_queue_put(struct command_queue *queue, const struct command *command)
{
    unsigned n;

    pthread_mutex_lock(&queue->lock);
    n = atomic_load(&queue->n);
    if (n < COMMAND_MAX) {
        queue->commands[(queue->first + n) % COMMAND_MAX] = *command;
        atomic_store(&queue->n, n + 1);
    }
    pthread_mutex_unlock(&queue->lock);
    return n < COMMAND_MAX;
}

bool command_queue_take(struct command_queue *queue, struct command *ret_command)
{
    bool has_one;

    if (atomic_load(&queue->n) == 0)
        return false;
    pthread_mutex_lock(&queue->lock);
    has_one = atomic_load(&queue->n) > 0;
    if (has_one) {
        *ret_command = queue->commands[queue->first];
        queue->first = (queue->first + 1) % COMMAND_MAX;
        atomic_fetch_sub(&queue->n, 1);
    }
    pthread_mutex_unlock(&queue->lock);
    return has_one;
}

void command_answer(struct outbox *outbox, uint64_t id, enum gw_result result,
                    int32_t detail, const char *text, const struct gw_value *readback)
{
    static const struct gw_value none = {.type = GW_TYPE_NONE};
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u64(&buf, id);
    wire_put_u8(&buf, (uint8_t)result);
    wire_put_u32(&buf, (uint32_t)detail);
    wire_put_string(&buf, text);
    wire_put_value(&buf, readback ? readback : &none);
    if (!buf.failed)
        outbox_send(outbox, HOST_MSG_WRITE_DONE, buf.data, buf.len);
    strbuf_done(&buf);
}

/* ---- one write --------------------------------------------------------------------- */

static const struct host_point *point_of(const struct bus *bus, uint32_t device,
                                         uint32_t point)
{
    return &bus->devices[device].config->points[point];
}

static enum gw_result write_physical(struct bus *bus, uint32_t device, uint32_t point,
                                     double value, struct gw_value *ret_readback)
{
    const struct host_point *config = point_of(bus, device, point);
    struct gw_value raw = {.type = GW_TYPE_BOOL}, readback;
    enum gw_result result;

    if (config->is_bool)
        raw.v.b = value >= 0.5;
    else
        raw = value_unscale(value, config->scale, config->offset, config->is_float);
    result = bus_write(bus, device, point, &raw, &readback);
    *ret_readback = value_scale(readback, config->scale, config->offset);
    return result;
}

/* Why this value may not be written, or NULL. The core checked it too; a core gone mad,
 * or one with another map, must not reach the device. */
static const char *refusal(const struct host_point *config, const struct lease *lease,
                           double value, char text[200])
{
    double seconds;

    if (config->is_bool) {
        if (fabs(value) <= 0 || fabs(value - 1) <= 0)
            return NULL;
        snprintf(text, 200, "%g is neither off (0) nor on (1)", value);
        return text;
    }
    if (!(value >= config->write_min && value <= config->write_max)) {
        snprintf(text, 200, "%g is outside of %g to %g", value, config->write_min,
                 config->write_max);
        return text;
    }
    if (config->max_rate > 0 && lease->was_written) {
        seconds = (double)(clock_boot_ns() - lease->last_boot_ns) / CLOCK_NS_PER_S;
        if (fabs(value - lease->last_value) > config->max_rate * seconds) {
            snprintf(text, 200, "from %g to %g within %.1f s is faster than %g per s",
                     lease->last_value, value, seconds, config->max_rate);
            return text;
        }
    }
    return NULL;
}

/* After these the device may hold the value although no answer came. */
static bool may_have_happened(enum gw_result result)
{
    return result == GW_ERR_TIMEOUT || result == GW_ERR_PROTOCOL ||
           result == GW_ERR_MISMATCH || result == GW_ERR_LINK;
}

/* A longer lease than the map's is cut to it: the map bounds how long a device may stay
 * in a commanded state when everything else is gone. */
static void note_written(struct lease *lease, const struct host_point *config,
                         double value, uint32_t lease_ms)
{
    uint32_t ms = lease_ms && lease_ms < config->lease_ms ? lease_ms : config->lease_ms;

    lease->owned = true;
    lease->was_written = true;
    lease->n_tries = 0;
    lease->last_value = value;
    lease->last_boot_ns = clock_boot_ns();
    lease->end_boot_ns =
        ms ? lease->last_boot_ns + (int64_t)ms * CLOCK_NS_PER_MS : INT64_MAX;
}

static bool is_writable(const struct bus *bus, const struct command *command)
{
    return bus->plugin->write && command->device < bus->config->n_devices &&
           command->point < bus->devices[command->device].config->n_points &&
           point_of(bus, command->device, command->point)->writable &&
           !bus->devices[command->device].is_refused;
}

void command_write(struct bus *bus, struct lease_table *leases,
                   const struct command *command)
{
    const struct host_point *config;
    struct gw_value readback;
    struct lease *lease;
    enum gw_result result;
    const char *reason;
    char text[200];
    double value;

    if (!is_writable(bus, command) || !value_to_double(&command->value, &value)) {
        command_answer(bus->outbox, command->id, GW_ERR_UNSUPPORTED, 0,
                       "this point cannot be written", NULL);
        return;
    }
    /* whoever asked was told by now that it failed, and may have asked for something
     * else */
    if (command->end_boot_ns && clock_boot_ns() >= command->end_boot_ns) {
        command_answer(bus->outbox, command->id, GW_ERR_BUSY, 0,
                       "it waited too long for its bus and is no longer good", NULL);
        return;
    }
    config = point_of(bus, command->device, command->point);
    lease = lease_get(leases, command->device, command->point);
    reason = lease ? refusal(config, lease, value, text) : "no memory";
    if (reason) {
        command_answer(bus->outbox, command->id, GW_ERR_CONFIG, 0, reason, NULL);
        return;
    }
    result = write_physical(bus, command->device, command->point, value, &readback);
    if (result == GW_OK || (may_have_happened(result) && !lease->owned))
        note_written(lease, config, value, command->lease_ms);
    command_answer(bus->outbox, command->id, result, sink_detail(bus->sink),
                   sink_text(bus->sink), &readback);
}

/* ---- failsafes --------------------------------------------------------------------- */

static enum gw_result write_failsafe(struct bus *bus, struct lease *lease,
                                     struct gw_value *ret_readback)
{
    const struct host_point *config = point_of(bus, lease->device, lease->point);
    enum gw_result result =
        write_physical(bus, lease->device, lease->point, config->failsafe, ret_readback);

    if (result == GW_OK) {
        lease->owned = false;
        lease->n_tries = 0;
        lease->was_written = true;
        lease->last_value = config->failsafe;
        lease->last_boot_ns = clock_boot_ns();
    } else {
        lease_retry(lease, clock_boot_ns());
    }
    return result;
}

void command_release(struct bus *bus, struct lease_table *leases,
                     const struct command *command)
{
    struct gw_value readback;
    struct lease *lease;
    enum gw_result result;

    if (!is_writable(bus, command) ||
        !(lease = lease_get(leases, command->device, command->point))) {
        command_answer(bus->outbox, command->id, GW_ERR_UNSUPPORTED, 0,
                       "this point cannot be written", NULL);
        return;
    }
    /* also when this process never wrote it: the one before may have */
    lease->owned = true;
    result = write_failsafe(bus, lease, &readback);
    command_answer(bus->outbox, command->id, result, sink_detail(bus->sink),
                   sink_text(bus->sink), &readback);
}

static void tell_lease_end(struct bus *bus, const struct lease *lease,
                           enum gw_result result)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, bus->devices[lease->device].config->index);
    wire_put_u32(&buf, lease->point);
    wire_put_u8(&buf, (uint8_t)result);
    if (!buf.failed)
        outbox_send(bus->outbox, HOST_MSG_LEASE_END, buf.data, buf.len);
    strbuf_done(&buf);
}

void command_end_leases(struct bus *bus, struct lease_table *leases)
{
    struct gw_value readback;
    struct lease *lease;
    enum gw_result result;
    unsigned n_before;

    while ((lease = lease_expired(leases, clock_boot_ns()))) {
        n_before = lease->n_tries;
        result = write_failsafe(bus, lease, &readback);
        /* the first failure and the end of the trouble, not each attempt */
        if (result == GW_OK || n_before == 0)
            tell_lease_end(bus, lease, result);
    }
}

/* Of what is still owned, an output of the device that failed least: a dead unit must not
 * use up the time of the living ones. */
static struct lease *next_owned(const struct bus *bus, const struct lease_table *leases)
{
    struct lease *best = NULL;

    for (uint32_t i = 0; i < leases->n; i++) {
        struct lease *lease = &leases->leases[i];

        if (lease->owned && (!best || bus->devices[lease->device].n_failsafe_failures <
                                          bus->devices[best->device].n_failsafe_failures))
            best = lease;
    }
    return best;
}

static unsigned count_owned(const struct lease_table *leases)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < leases->n; i++)
        n += leases->leases[i].owned;
    return n;
}

unsigned command_all_to_failsafe(struct bus *bus, struct lease_table *leases,
                                 int64_t until_boot_ns)
{
    struct gw_value readback;
    struct lease *lease;

    for (uint32_t i = 0; i < bus->config->n_devices; i++)
        bus->devices[i].n_failsafe_failures =
            bus->devices[i].breaker.state == BREAKER_CLOSED ? 0 : 1;
    while ((lease = next_owned(bus, leases)) && clock_boot_ns() < until_boot_ns)
        if (write_failsafe(bus, lease, &readback) != GW_OK &&
            ++bus->devices[lease->device].n_failsafe_failures > 1)
            poll(NULL, 0, FAILSAFE_PAUSE_MS); /* a port that is gone fails at once */
    return count_owned(leases);
}
