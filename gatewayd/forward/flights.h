/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages handed to the route and not settled yet: published (no PUBACK), then, where a
 * receiver confirms, waiting for its receipt. Bounded; a full table stops sending. Pure.
 */
#ifndef GATEWAYD_FORWARD_FLIGHTS_H
#define GATEWAYD_FORWARD_FLIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#define FLIGHTS_MAX 64
#define FLIGHTS_SEQS_MAX 20000

struct flight {
    uint64_t token;
    uint64_t first, last; /* what the message covers */
    uint64_t hold_first;  /* means: the first raw record in them; UINT64_MAX: none */
    uint64_t n_readings;
    int64_t t_wall_ms; /* of its first record */
    int64_t t_boot_ns; /* when published, then when acknowledged */
    bool acked;        /* by the broker; waits for the receipt */
    bool settled;      /* the receipt came before the PUBACK: only holds the window */
    bool missing;      /* named by the last receipt */
    bool is_aside;     /* not on the readings topic: event, gap, correction */
    /* such a one, answered "nobody listens": acked, but not delivered */
    bool deferred;
};

struct flights {
    uint32_t n;
    struct flight items[FLIGHTS_MAX];
};

void flights_add(struct flights *flights,
                 const struct flight *flight); /* n < FLIGHTS_MAX */
struct flight *flights_find(struct flights *flights, uint64_t token); /* NULL: unknown */
void flights_remove(struct flights *flights, struct flight *flight);
/* Not acknowledged by the broker: what the window counts. */
uint32_t flights_n_published(const struct flights *flights);
uint32_t flights_n_acked(const struct flights *flights);
uint64_t flights_n_seqs(const struct flights *flights);
/* Cuts the range first..last at what flies: false when `first` itself flies, and
 * *ret_next is the seq after that flight. */
bool flights_cut(const struct flights *flights, uint64_t first, uint64_t *last,
                 uint64_t *ret_next);
/* Lowest hold_first. */
uint64_t flights_hold_first(const struct flights *flights);

#endif
