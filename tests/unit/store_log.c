/* SPDX-License-Identifier: Apache-2.0 */
/* See store_log.h. */
#include "tests/unit/store_log.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "gatewayd/store/store_facts.h"
#include "tests/unit/store_fixture.h"

struct pass {
    struct store_log log;
    uint64_t from;
    const char *epoch;
    bool ordered;
    int rc;
};

static void look(struct pass *pass, const struct stored_record *record)
{
    struct store_log *log = &pass->log;

    if (log->n == 0)
        log->first = record->seq;
    else if (record->seq != log->last + 1)
        pass->ordered = false;
    log->last = record->seq;
    log->n++;
    log->n_events += record->kind == STORED_EVENT;
    if (record->kind == STORED_GAP) {
        log->n_gaps++;
        log->n_lost += record->count;
        log->gap_to = record->seq_to;
    }
    for (uint32_t i = 0; i < record->n_values; i++)
        log->sum += (uint64_t)record->values[i].value.v.i;
    if (record->n_values)
        snprintf(log->point, sizeof log->point, "%s", record->values[0].point);
    snprintf(log->boot, sizeof log->boot, "%s", record->boot);
    snprintf(log->epoch, sizeof log->epoch, "%s", record->epoch);
}

static void read_all(void *arg)
{
    struct pass *pass = arg;
    struct store_reader *reader;
    struct stored_record record;

    pass->ordered = true;
    if (pass->epoch)
        pass->rc =
            store_reader_open_epoch(fixture_store, pass->epoch, pass->from, &reader);
    else
        pass->rc = store_reader_open(fixture_store, pass->from, &reader);
    if (pass->rc < 0)
        return;
    while ((pass->rc = store_reader_next(reader, &record)) > 0)
        look(pass, &record);
    store_reader_close(reader);
}

struct store_log store_log_read(uint64_t from)
{
    struct pass pass = {.from = from};

    fixture_run(read_all, &pass);
    CU_ASSERT_EQUAL(pass.rc, 0);
    CU_ASSERT_TRUE(pass.ordered);
    return pass.log;
}

struct store_log store_log_read_epoch(const char *epoch, uint64_t from)
{
    struct pass pass = {.from = from, .epoch = epoch};

    fixture_run(read_all, &pass);
    CU_ASSERT_EQUAL(pass.rc, 0);
    CU_ASSERT_TRUE(pass.ordered);
    return pass.log;
}

static void count_event(void *ctx, const struct stored_record *record)
{
    (void)record;
    ++*(int *)ctx;
}

int store_events_count(void)
{
    int n = 0;

    CU_ASSERT_EQUAL(store_read_events(fixture_store, 0, 1000, count_event, &n), 0);
    return n;
}

static void count_consent(void *ctx, const char *id, const char *kind, const char *hash,
                          const char *json, int64_t t_wall_ms)
{
    (void)id;
    (void)kind;
    (void)hash;
    (void)json;
    (void)t_wall_ms;
    ++*(int *)ctx;
}

static void read_consent(void *arg)
{
    CU_ASSERT_EQUAL(store_consent_each(fixture_store, count_consent, arg), 0);
}

int store_consent_count(void)
{
    int n = 0;

    fixture_run(read_consent, &n);
    return n;
}
