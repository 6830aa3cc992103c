/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes: check, journal ("owned.DEVICE.POINT" synced before a value other than the
 * failsafe is sent), hand to the host, answer. What the journal names after a restart, or
 * after a host's death, is released to its failsafe until the device takes it. On the
 * loop; the journal entries cross to the store's thread and back.
 */
#include "gatewayd/writes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/store_facts.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define PENDING_MAX 256 /* more are refused: nobody writes so many at once */
#define OWNED_MAX 256
#define ANSWER_LIMIT_NS (10 * CLOCK_NS_PER_S)
#define RELEASE_RETRY_NS (5 * CLOCK_NS_PER_S)

struct pending {
    uint64_t id; /* 0: free */
    int64_t deadline_boot_ns;
    write_answer_fn answer;
    void *ctx;
};

struct owned {
    char name[130]; /* "device.point", "" free */
    bool releasing; /* to be set to its failsafe as soon as its host takes it */
    bool is_noted;  /* the journal has it */
    int64_t next_boot_ns;
    uint64_t write_id, release_id; /* the last ones sent, 0: none that counts */
};

struct writes {
    struct hosts *hosts;
    struct store *store;
    struct loop_calls *calls;
    uint64_t next_id;
    bool is_stopped;
    struct pending pending[PENDING_MAX];
    struct owned owned[OWNED_MAX];
};

/* ---- the table of what we own ------------------------------------------------------ */

static struct owned *find_owned(struct writes *writes, const char *name)
{
    for (unsigned i = 0; i < OWNED_MAX; i++)
        if (strcmp(writes->owned[i].name, name) == 0)
            return &writes->owned[i];
    return NULL;
}

static struct owned *add_owned(struct writes *writes, const char *name)
{
    struct owned *owned = find_owned(writes, name);

    if (!owned)
        owned = find_owned(writes, "");
    if (owned && !owned->name[0]) {
        *owned = (struct owned){.releasing = false};
        snprintf(owned->name, sizeof owned->name, "%s", name);
    }
    return owned;
}

struct fact_job {
    struct writes *writes;
    bool put, is_done;
    char key[140], by[64];
    /* the write that waits for it, or that went before it */
    bool is_sent;
    uint64_t id;
    uint32_t lease_ms;
    struct gw_value value;
};

static void on_fact_stored(void *arg);

static void store_fact(void *arg)
{
    struct fact_job *job = arg;
    int rc = store_fact_put(job->writes->store, job->key, job->put ? job->by : NULL);

    job->is_done = rc == 0;
    if (rc < 0)
        log_warning("journal", "cannot note %s: %s", job->key, strerror(-rc));
    if (job->id == 0 || loop_calls_post(job->writes->calls, on_fact_stored, job) < 0)
        free(job);
}

static struct fact_job *fact_job_new(struct writes *writes, const char *name, bool put,
                                     const char *by)
{
    struct fact_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->writes = writes;
    job->put = put;
    snprintf(job->key, sizeof job->key, "owned.%s", name);
    snprintf(job->by, sizeof job->by, "%s", by);
    return job;
}

static void forget_owned(struct writes *writes, struct owned *owned)
{
    struct fact_job *job = fact_job_new(writes, owned->name, false, "");

    owned->name[0] = '\0';
    if (job && store_post(writes->store, store_fact, job, true) < 0)
        free(job);
}

/* ---- pending answers --------------------------------------------------------------- */

static struct pending *find_pending(struct writes *writes, uint64_t id)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (writes->pending[i].id == id)
            return &writes->pending[i];
    return NULL;
}

static struct pending *add_pending(struct writes *writes, write_answer_fn answer,
                                   void *ctx)
{
    struct pending *pending = writes->is_stopped ? NULL : find_pending(writes, 0);

    if (pending)
        *pending = (struct pending){.id = ++writes->next_id,
                                    .deadline_boot_ns = clock_boot_ns() + ANSWER_LIMIT_NS,
                                    .answer = answer,
                                    .ctx = ctx};
    return pending;
}

static void finish(struct pending *pending, enum write_outcome outcome, const char *text,
                   const struct gw_value *readback)
{
    static const struct gw_value none;
    struct pending copy = *pending;

    pending->id = 0;
    if (copy.answer)
        copy.answer(copy.ctx, outcome, text, readback ? readback : &none);
}

/* ---- beginning a write ------------------------------------------------------------- */

/* "" when the value may be written to the point, else why not. */
static void check_value(const struct catalog_point *point, const struct gw_value *value,
                        char *ret_text, size_t size)
{
    double number;

    *ret_text = '\0';
    if (!point->writable)
        snprintf(ret_text, size, "%s is not writable by its configuration", point->name);
    else if (!value_to_double(value, &number) || !isfinite(number))
        snprintf(ret_text, size, "%s takes a number%s", point->name,
                 point->is_bool ? " or on/off" : "");
    else if (point->is_bool && number != 0 && number != 1)
        snprintf(ret_text, size, "%s is a switch: on or off", point->name);
    else if (!point->is_bool && (number < point->write_min || number > point->write_max))
        snprintf(ret_text, size, "%g is outside of %g .. %g %s, the limits of %s", number,
                 point->write_min, point->write_max, point->unit, point->name);
}

static bool is_failsafe(const struct catalog_point *point, const struct gw_value *value)
{
    double number;

    return value_to_double(value, &number) && !(number < point->failsafe) &&
           !(number > point->failsafe);
}

/* A write answered as failed must not be done later. */
static uint32_t left_ms(const struct pending *pending)
{
    int64_t left = (pending->deadline_boot_ns - clock_boot_ns()) / CLOCK_NS_PER_MS;

    return left > 1 ? (uint32_t)left : 1;
}

static void send_write(struct writes *writes, uint64_t id,
                       const struct write_order *order)
{
    struct pending *pending = find_pending(writes, id);
    int rc;

    if (!pending)
        return; /* answered by its time-out */
    rc = hosts_write(writes->hosts, id, order->device, order->point, &order->value,
                     order->lease_ms, left_ms(pending));
    if (rc < 0)
        finish(pending, WRITE_FAILED,
               "its host process is not running; try again in a moment", NULL);
}

/* While the journal was written a reload may have moved, changed or removed the point. */
static void on_fact_stored(void *arg)
{
    struct fact_job *job = arg;
    struct writes *writes = job->writes;
    struct catalog *catalog = hosts_catalog_of(writes->hosts);
    struct pending *pending = find_pending(writes, job->id);
    struct owned *owned = find_owned(writes, job->key + strlen("owned."));
    struct write_order order = {.value = job->value, .lease_ms = job->lease_ms};
    char text[200] = "the point is gone from the configuration";

    if (owned)
        owned->is_noted = job->is_done;
    if (job->is_sent)
        *text = '\0';
    else if (catalog_find(catalog, job->key + strlen("owned."), &order.device,
                          &order.point))
        check_value(&catalog->devices[order.device].points[order.point], &job->value,
                    text, sizeof text);
    if (!*text && !job->is_sent)
        send_write(writes, job->id, &order);
    else if (*text && pending)
        finish(pending, WRITE_REFUSED, text, NULL);
    free(job);
}

/* Notes that the point is ours, then sends, or at the same time. */
static void note_and_send(struct writes *writes, const char *name, uint64_t id,
                          const struct write_order *order)
{
    struct fact_job *job = fact_job_new(writes, name, true, order->by);
    struct pending *pending = find_pending(writes, id);

    if (job) {
        job->id = id;
        job->lease_ms = order->lease_ms;
        job->value = order->value;
        job->is_sent = order->at_once;
        if (store_post(writes->store, store_fact, job, true) == 0)
            pending = NULL; /* its turn comes with the journal's answer */
        else
            free(job);
    }
    if (order->at_once)
        send_write(writes, id, order);
    else if (pending)
        finish(pending, WRITE_FAILED, "no memory", NULL);
}

void writes_order(struct writes *writes, struct catalog *catalog,
                  const struct write_order *order, write_answer_fn answer, void *ctx)
{
    const struct catalog_device *d = &catalog->devices[order->device];
    const struct catalog_point *point = &d->points[order->point];
    static const struct gw_value none;
    char text[200], name[130];
    struct pending *pending;
    struct owned *owned;

    check_value(point, &order->value, text, sizeof text);
    if (*text) {
        answer(ctx, WRITE_REFUSED, text, &none);
        return;
    }
    snprintf(name, sizeof name, "%s.%s", d->name, point->name);
    pending = add_pending(writes, answer, ctx);
    owned = pending ? add_owned(writes, name) : NULL;
    if (!owned) {
        if (pending)
            pending->id = 0;
        answer(ctx, WRITE_REFUSED, "too many writes at once", &none);
        return;
    }
    owned->write_id = pending->id;
    owned->release_id = 0; /* sent before this write: says nothing about what it leaves */
    /* the safe direction never waits for a disk */
    if (owned->is_noted || is_failsafe(point, &order->value))
        send_write(writes, pending->id, order);
    else
        note_and_send(writes, name, pending->id, order);
}

void writes_release(struct writes *writes, struct catalog *catalog, uint32_t device,
                    uint32_t point, write_answer_fn answer, void *ctx)
{
    const struct catalog_device *d = &catalog->devices[device];
    struct pending *pending = add_pending(writes, answer, ctx);
    static const struct gw_value none;
    struct owned *owned;
    char name[130];

    if (!pending) {
        answer(ctx, WRITE_REFUSED, "too many writes at once", &none);
        return;
    }
    snprintf(name, sizeof name, "%s.%s", d->name, d->points[point].name);
    owned = find_owned(writes, name);
    if (owned) {
        /* an older write may still be under way: this goes after it */
        owned->write_id = 0;
        owned->release_id = pending->id;
    }
    if (hosts_release(writes->hosts, pending->id, device, point) < 0)
        finish(pending, WRITE_FAILED,
               "its host process is not running; try again in a moment", NULL);
}

void writes_read(struct writes *writes, uint32_t device, write_answer_fn answer,
                 void *ctx)
{
    static const struct gw_value none;
    struct pending *pending = add_pending(writes, answer, ctx);

    if (!pending)
        answer(ctx, WRITE_REFUSED, "too many requests at once", &none);
    else if (hosts_read(writes->hosts, pending->id, device) < 0)
        finish(pending, WRITE_FAILED,
               "its host process is not running; try again in a moment", NULL);
}

/* ---- from the hosts ---------------------------------------------------------------- */

/* A write that was done owns its point anew; a release that was done ends that, unless a
 * write went after it. */
static void settle(struct writes *writes, uint64_t id)
{
    for (unsigned i = 0; i < OWNED_MAX; i++) {
        struct owned *owned = &writes->owned[i];

        if (owned->name[0] && owned->release_id == id)
            forget_owned(writes, owned);
        else if (owned->name[0] && owned->write_id == id)
            owned->releasing = false;
    }
}

static bool write_is_under_way(struct writes *writes, const struct owned *owned)
{
    return owned->write_id && find_pending(writes, owned->write_id);
}

void writes_done(struct writes *writes, uint64_t id, enum gw_result result,
                 const char *text, const struct gw_value *readback)
{
    struct pending *pending = id ? find_pending(writes, id) : NULL;
    char failure[240];

    if (!pending)
        return; /* its time-out came first */
    if (result == GW_OK) {
        settle(writes, id);
        finish(pending, readback->type != GW_TYPE_NONE ? WRITE_CONFIRMED : WRITE_ACCEPTED,
               text, readback);
        return;
    }
    snprintf(failure, sizeof failure, "%s: %s", result_name(result),
             *text ? text : "no detail");
    finish(pending,
           result == GW_ERR_CONFIG || result == GW_ERR_UNSUPPORTED ? WRITE_REFUSED
                                                                   : WRITE_FAILED,
           failure, readback);
}

void writes_lease_end(struct writes *writes, const char *device, const char *point,
                      enum gw_result result)
{
    char name[130];
    struct owned *owned;

    snprintf(name, sizeof name, "%s.%s", device, point);
    owned = find_owned(writes, name);
    if (!owned || write_is_under_way(writes, owned))
        return;
    if (result == GW_OK)
        forget_owned(writes, owned);
    else
        owned->releasing = true;
}

void writes_device_lost(struct writes *writes, const char *device)
{
    size_t len = strlen(device);

    for (unsigned i = 0; i < OWNED_MAX; i++) {
        struct owned *owned = &writes->owned[i];
        struct pending *pending;

        if (strncmp(owned->name, device, len) != 0 || owned->name[len] != '.')
            continue;
        owned->releasing = true;
        owned->next_boot_ns = 0;
        pending = owned->write_id ? find_pending(writes, owned->write_id) : NULL;
        if (pending)
            finish(pending, WRITE_FAILED, "its host process ended; try again in a moment",
                   NULL);
    }
}

/* ---- recovery ---------------------------------------------------------------------- */

struct recovered {
    struct writes *writes;
    char name[130];
};

static void on_recovered(void *arg)
{
    struct recovered *found = arg;
    struct owned *owned = add_owned(found->writes, found->name);

    if (owned) {
        owned->releasing = owned->is_noted = true;
        owned->next_boot_ns = 0;
        log_info("journal", "%s was ours before the restart: setting it to its failsafe",
                 found->name);
    }
    free(found);
}

static void each_fact(void *ctx, const char *key, const char *value)
{
    struct writes *writes = ctx;
    struct recovered *found = calloc(1, sizeof *found);

    (void)value;
    if (!found)
        return;
    found->writes = writes;
    snprintf(found->name, sizeof found->name, "%s", key + strlen("owned."));
    if (loop_calls_post(writes->calls, on_recovered, found) < 0)
        free(found);
}

static void recover_on_store(void *arg)
{
    struct writes *writes = arg;

    store_fact_each(writes->store, "owned.", each_fact, writes);
}

void writes_recover(struct writes *writes)
{
    store_post(writes->store, recover_on_store, writes, false);
}

static void release(struct writes *writes, struct catalog *catalog, unsigned i)
{
    struct owned *owned = &writes->owned[i];
    uint32_t device, point;
    struct pending *pending;

    owned->next_boot_ns = clock_boot_ns() + RELEASE_RETRY_NS;
    if (!catalog_find(catalog, owned->name, &device, &point) ||
        !catalog->devices[device].points[point].writable) {
        log_warning("journal",
                    "%s is no longer configured: cannot set it to its failsafe",
                    owned->name);
        forget_owned(writes, owned);
        return;
    }
    pending = add_pending(writes, NULL, NULL);
    if (!pending)
        return;
    owned->release_id = pending->id;
    if (hosts_release(writes->hosts, pending->id, device, point) < 0)
        pending->id = 0;
}

void writes_tick(struct writes *writes, struct catalog *catalog)
{
    int64_t now_ns = clock_boot_ns();

    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (writes->pending[i].id && now_ns > writes->pending[i].deadline_boot_ns)
            finish(&writes->pending[i], WRITE_FAILED, "no answer from the device in 10 s",
                   NULL);
    for (unsigned i = 0; i < OWNED_MAX; i++)
        if (writes->owned[i].name[0] && writes->owned[i].releasing &&
            !write_is_under_way(writes, &writes->owned[i]) &&
            now_ns >= writes->owned[i].next_boot_ns)
            release(writes, catalog, i);
}

struct writes *writes_new(struct hosts *hosts, struct store *store,
                          struct loop_calls *calls)
{
    struct writes *writes = calloc(1, sizeof *writes);

    if (!writes)
        return NULL;
    writes->hosts = hosts;
    writes->store = store;
    writes->calls = calls;
    return writes;
}

void writes_stop(struct writes *writes)
{
    if (!writes)
        return;
    writes->is_stopped = true;
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (writes->pending[i].id)
            finish(&writes->pending[i], WRITE_FAILED, "the daemon is stopping", NULL);
}

void writes_free(struct writes *writes)
{
    free(writes);
}
