/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that are ours for a time; see lease.h. */
#include "lib/host/lease.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

void lease_table_done(struct lease_table *table)
{
    free(table->leases);
    memset(table, 0, sizeof *table);
}

struct lease *lease_get(struct lease_table *table, uint32_t device, uint32_t point)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : 4;
    struct lease *bigger;

    for (uint32_t i = 0; i < table->n; i++)
        if (table->leases[i].device == device && table->leases[i].point == point)
            return &table->leases[i];
    if (table->n == table->capacity) {
        bigger = realloc(table->leases, capacity * sizeof *bigger);
        if (!bigger)
            return NULL;
        table->leases = bigger;
        table->capacity = capacity;
    }
    table->leases[table->n] = (struct lease){.device = device, .point = point};
    return &table->leases[table->n++];
}

struct lease *lease_expired(struct lease_table *table, int64_t now_boot_ns)
{
    for (uint32_t i = 0; i < table->n; i++)
        if (table->leases[i].owned && table->leases[i].end_boot_ns <= now_boot_ns)
            return &table->leases[i];
    return NULL;
}

int64_t lease_next_boot_ns(const struct lease_table *table)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t i = 0; i < table->n; i++)
        if (table->leases[i].owned && table->leases[i].end_boot_ns < next_ns)
            next_ns = table->leases[i].end_boot_ns;
    return next_ns;
}

void lease_retry(struct lease *lease, int64_t now_boot_ns)
{
    unsigned step = lease->n_tries < 3 ? lease->n_tries : 3;

    lease->n_tries++;
    lease->end_boot_ns = now_boot_ns + (INT64_C(1) << step) * CLOCK_NS_PER_S;
}
