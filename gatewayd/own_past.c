/* SPDX-License-Identifier: Apache-2.0 */
/* The store's energy slots into a past of control; see own_past.h. */
#include "gatewayd/own_past.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/control/past.h"
#include "gatewayd/history/query.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"

#define STACK_BYTES (512 * 1024) /* SQLite */
#define LIMIT_MS 2500
#define CHUNK_MS (PAST_LOAD_DAYS * INT64_C(86400000))

struct own_past {
    struct store *store;
    struct loop_calls *calls;
    void (*done)(void *ctx, struct past *past);
    void *ctx;
    pthread_t thread;
    bool is_running;
    atomic_bool is_stopping;
    struct past *reading, *waiting;
    int rc;
};

static void visit(void *ctx, const struct energy_row *row)
{
    const struct past_row one = {
        .device = row->device,
        .role = (enum role)row->role,
        .flow = (enum energy_flow)row->flow,
        .start_ms = row->start_ms,
        .wh = (double)row->wh,
        .is_whole = !row->is_open && !(row->flags & (METER_RECOVERED | METER_MISSING)),
        .off_grid_s = row->off_grid_s};

    past_add(ctx, &one);
}

static int read_chunk(struct own_past *own, int64_t from_ms, int64_t until_ms)
{
    const struct energy_query query = {.from_ms = from_ms,
                                       .to_ms = until_ms,
                                       .slot = ENERGY_30_MIN,
                                       .limit_ms = LIMIT_MS,
                                       .ctx = own->reading,
                                       .row = visit};
    struct history_answer answer;
    struct history *history;
    int rc = history_open(own->store, &history);

    if (rc < 0)
        return rc;
    rc = energy_query(history, &query, &answer);
    history_close(history);
    past_end(own->reading);
    return rc;
}

/* The last days first: they matter most where the card is slow. */
static int read_past(struct own_past *own)
{
    int64_t until_ms = own->reading->until_ms, from_ms;
    int rc = 0;

    for (; rc == 0 && until_ms > own->reading->from_ms; until_ms = from_ms) {
        if (atomic_load(&own->is_stopping))
            return 0;
        from_ms = until_ms - CHUNK_MS;
        if (from_ms < own->reading->from_ms)
            from_ms = own->reading->from_ms;
        rc = read_chunk(own, from_ms, until_ms);
    }
    return rc;
}

static void begin(struct own_past *own);

static void on_read(void *arg)
{
    struct own_past *own = arg;
    struct past *past = own->reading;

    if (!own->is_running)
        return;
    pthread_join(own->thread, NULL);
    own->is_running = false;
    own->reading = NULL;
    if (own->rc < 0) {
        log_warning("control",
                    "the home's own past cannot be read, planning figures stand: %s",
                    strerror(-own->rc));
        free(past);
        past = NULL;
    }
    own->done(own->ctx, past);
    if (own->waiting && !atomic_load(&own->is_stopping))
        begin(own);
}

static void *read_main(void *arg)
{
    struct own_past *own = arg;

    own->rc = read_past(own);
    loop_calls_post(own->calls, on_read, own);
    return NULL;
}

static void begin(struct own_past *own)
{
    own->reading = own->waiting;
    own->waiting = NULL;
    own->is_running = thread_start(read_main, own, STACK_BYTES, &own->thread) == 0;
    if (own->is_running)
        return;
    free(own->reading);
    own->reading = NULL;
}

struct own_past *own_past_new(struct store *store, struct loop_calls *calls,
                              void (*done)(void *ctx, struct past *past), void *ctx)
{
    struct own_past *own = calloc(1, sizeof *own);

    if (own)
        *own =
            (struct own_past){.store = store, .calls = calls, .done = done, .ctx = ctx};
    return own;
}

void own_past_stop(struct own_past *own)
{
    if (own)
        atomic_store(&own->is_stopping, true);
}

void own_past_join(struct own_past *own)
{
    if (own && own->is_running)
        pthread_join(own->thread, NULL);
    if (own)
        own->is_running = false;
}

void own_past_free(struct own_past *own)
{
    if (!own)
        return;
    free(own->reading);
    free(own->waiting);
    free(own);
}

void own_past_ask(struct own_past *own, struct past *past)
{
    free(own->waiting);
    own->waiting = past;
    if (!own->is_running && !atomic_load(&own->is_stopping))
        begin(own);
}
