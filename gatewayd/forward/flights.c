/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages under way; see flights.h. For forward.c and send.c; pure. */
#include "gatewayd/forward/flights.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void flights_add(struct flights *flights, const struct flight *flight)
{
    assert(flights->n < FLIGHTS_MAX);
    flights->items[flights->n++] = *flight;
}

struct flight *flights_find(struct flights *flights, uint64_t token)
{
    for (uint32_t i = 0; i < flights->n; i++)
        if (flights->items[i].token == token)
            return &flights->items[i];
    return NULL;
}

void flights_remove(struct flights *flights, struct flight *flight)
{
    size_t at = (size_t)(flight - flights->items);

    memmove(flight, flight + 1, (flights->n - at - 1) * sizeof *flight);
    flights->n--;
}

uint32_t flights_n_acked(const struct flights *flights)
{
    return flights->n - flights_n_published(flights);
}

uint32_t flights_n_published(const struct flights *flights)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < flights->n; i++)
        n += !flights->items[i].acked;
    return n;
}

uint64_t flights_n_seqs(const struct flights *flights)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < flights->n; i++)
        n += flights->items[i].last - flights->items[i].first + 1;
    return n;
}

bool flights_cut(const struct flights *flights, uint64_t first, uint64_t *last,
                 uint64_t *ret_next)
{
    for (uint32_t i = 0; i < flights->n; i++) {
        const struct flight *flight = &flights->items[i];

        if (flight->first <= first && first <= flight->last) {
            *ret_next = flight->last + 1;
            return false;
        }
        if (flight->first > first && flight->first <= *last)
            *last = flight->first - 1;
    }
    return true;
}

uint64_t flights_hold_first(const struct flights *flights)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < flights->n; i++)
        if (flights->items[i].hold_first < first)
            first = flights->items[i].hold_first;
    return first;
}
