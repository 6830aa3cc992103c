/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which outputs of a bus are ours, and until when: a written point belongs to its writer
 * for its lease, then its failsafe is due. Bound: one entry per writable point. Pure; bus
 * thread.
 */
#ifndef GATEWAYD_HOST_LEASE_H
#define GATEWAYD_HOST_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease {
    uint32_t device, point; /* numbers within the bus */
    int64_t end_boot_ns;    /* when its failsafe is due */
    unsigned n_tries;       /* failed failsafe writes since then */
    bool owned;             /* written, and not yet back at its failsafe */
    bool was_written;
    double last_value;      /* last accepted one, for max_rate */
    int64_t last_boot_ns;
};

struct lease_table {
    struct lease *leases;
    uint32_t n, capacity;
};

void lease_table_done(struct lease_table *table);
/* The entry of that point, made when it is new; NULL: no memory. Valid until the next
 * get. */
struct lease *lease_get(struct lease_table *table, uint32_t device, uint32_t point);
/* An owned entry whose end has come, or NULL. */
struct lease *lease_expired(struct lease_table *table, int64_t now_boot_ns);
/* When the next one ends; INT64_MAX: none. */
int64_t lease_next_boot_ns(const struct lease_table *table);
/* The failsafe write failed: try again after 1, 2, 4, 8 s. */
void lease_retry(struct lease *lease, int64_t now_boot_ns);

#endif
