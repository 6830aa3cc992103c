/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic programming over the sorted points of each interval and table. */
#include "plugins/modbus/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct plan_cost plan_cost_serial(uint64_t character_ns, uint64_t silence_ns,
                                  uint64_t turnaround_ns)
{
    return (struct plan_cost){
        .request_ns = (8 + 5) * character_ns + 2 * silence_ns + turnaround_ns,
        .byte_ns = character_ns,
    };
}

struct plan_cost plan_cost_tcp(void)
{
    return (struct plan_cost){.request_ns = 1000000, .byte_ns = 100};
}

uint64_t plan_request_cost(const struct plan_limits *limits, enum codec_table table,
                           uint32_t count)
{
    uint32_t bytes = codec_is_bit_table(table) ? (count + 7) / 8 : 2 * count;

    return limits->cost.request_ns + bytes * limits->cost.byte_ns;
}

static int compare(const void *va, const void *vb)
{
    const struct plan_item *a = va, *b = vb;

#define COMPARE(field)                                                                   \
    if (a->field != b->field)                                                            \
    return a->field < b->field ? -1 : 1
    COMPARE(alone);
    COMPARE(interval_ms);
    COMPARE(table);
    COMPARE(address);
    COMPARE(count);
    COMPARE(point);
#undef COMPARE
    return 0;
}

/* Whether a request that begins at `start` and ends before `end` may take in `next` too.
 */
static bool may_join(const struct plan *plan, const struct plan_limits *limits,
                     uint32_t start, uint32_t end, const struct plan_item *next)
{
    uint32_t hole_end = next->address;
    uint32_t new_end =
        next->address + next->count > end ? next->address + next->count : end;
    uint32_t max =
        codec_is_bit_table(next->table) ? limits->max_bits : limits->max_registers;

    if (new_end - start > max)
        return false;
    for (uint32_t i = 0; i < limits->n_boundaries; i++) {
        const struct plan_boundary *b = &limits->boundaries[i];

        if (b->table == next->table && start < b->address && next->address >= b->address)
            return false;
    }
    if (hole_end <= end)
        return true;
    if (limits->max_gap >= 0 && hole_end - end > (uint64_t)limits->max_gap)
        return false;
    if (limits->never_read && ranges_touch(limits->never_read, end, hole_end - 1))
        return false;
    for (uint32_t i = plan->n_items; i-- && plan->items[i].alone;) {
        const struct plan_item *bad = &plan->items[i];

        if (bad->table == next->table && bad->address < hole_end &&
            bad->address + bad->count > end)
            return false;
    }
    return true;
}

struct step {
    uint64_t cost_ns; /* of the best plan from this item on */
    uint32_t n_items; /* of its first request */
};

/* Best first request for the items from `i`, given the best plans of all later starts. */
static struct step best_step(const struct plan *plan, const struct plan_limits *limits,
                             const struct step *steps, uint32_t i)
{
    const struct plan_item *items = plan->items;
    uint32_t start = items[i].address, end = start + items[i].count;
    struct step best = {UINT64_MAX, 0};

    for (uint32_t j = i;;) {
        uint64_t cost =
            plan_request_cost(limits, items[i].table, end - start) + steps[j + 1].cost_ns;

        /* Of equals take the longer request: fewer of them. */
        if (cost <= best.cost_ns)
            best = (struct step){cost, j + 1 - i};
        if (++j == plan->n_items || items[j].alone || items[i].alone ||
            items[j].interval_ms != items[i].interval_ms ||
            items[j].table != items[i].table ||
            !may_join(plan, limits, start, end, &items[j]))
            return best;
        if (items[j].address + items[j].count > end)
            end = items[j].address + items[j].count;
    }
}

static struct plan_request make_request(const struct plan *plan,
                                        const struct plan_limits *limits, uint32_t first,
                                        uint32_t n_items)
{
    const struct plan_item *items = plan->items + first;
    uint32_t end = items[0].address + items[0].count, used = items[0].count;

    for (uint32_t i = 1; i < n_items; i++) {
        uint32_t item_end = items[i].address + items[i].count;
        uint32_t from = items[i].address > end ? items[i].address : end;

        if (item_end > from) {
            used += item_end - from;
            end = item_end;
        }
    }
    return (struct plan_request){
        .table = items[0].table,
        .address = items[0].address,
        .count = end - items[0].address,
        .interval_ms = items[0].interval_ms,
        .first = first,
        .n_items = n_items,
        .n_unused = end - items[0].address - used,
        .cost_ns = plan_request_cost(limits, items[0].table, end - items[0].address),
        .alone = items[0].alone,
    };
}

static int allocate(struct plan *plan, const struct plan_item *items, uint32_t n)
{
    size_t size = n ? n : 1;

    *plan = (struct plan){
        .n_items = n,
        .items = calloc(size, sizeof(*plan->items)),
        .points = calloc(size, sizeof(*plan->points)),
        .requests = calloc(size, sizeof(*plan->requests)),
    };
    if (!plan->items || !plan->points || !plan->requests) {
        plan_done(plan);
        return -ENOMEM;
    }
    if (n)
        memcpy(plan->items, items, n * sizeof(*items));
    return 0;
}

int plan_make(const struct plan_item *items, uint32_t n, const struct plan_limits *limits,
              struct plan *ret)
{
    struct step *steps;
    struct plan plan;

    *ret = (struct plan){0};
    if (allocate(&plan, items, n))
        return -ENOMEM;
    steps = calloc(n + 1u, sizeof(*steps));
    if (!steps) {
        plan_done(&plan);
        return -ENOMEM;
    }
    if (n)
        qsort(plan.items, n, sizeof(*plan.items), compare);
    for (uint32_t i = n; i--;)
        steps[i] = best_step(&plan, limits, steps, i);
    for (uint32_t i = 0; i < n; i += steps[i].n_items)
        plan.requests[plan.n_requests++] =
            make_request(&plan, limits, i, steps[i].n_items);
    for (uint32_t i = 0; i < n; i++)
        plan.points[i] = plan.items[i].point;
    free(steps);
    *ret = plan;
    return 0;
}

void plan_done(struct plan *plan)
{
    free(plan->items);
    free(plan->points);
    free(plan->requests);
    *plan = (struct plan){0};
}

uint32_t plan_split(const struct plan_item *items, uint32_t first, uint32_t n)
{
    uint32_t end = items[first].address + items[first].count, best = first + n / 2;
    uint32_t best_hole = 0, best_distance = 0;

    for (uint32_t i = first + 1; i < first + n; i++) {
        uint32_t hole = items[i].address > end ? items[i].address - end : 0;
        uint32_t from_middle =
            2 * (i - first) > n ? 2 * (i - first) - n : n - 2 * (i - first);

        if (hole > best_hole ||
            (hole && hole == best_hole && from_middle < best_distance)) {
            best = i;
            best_hole = hole;
            best_distance = from_middle;
        }
        if (items[i].address + items[i].count > end)
            end = items[i].address + items[i].count;
    }
    return best;
}
