/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of one device and their due times; see plan.h. */
#include "lib/host/plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

void plan_done(struct gw_plan *plan)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        free(plan->requests[i].points);
        free(plan->requests[i].text);
    }
    free(plan->requests);
    plan->requests = NULL;
    plan->n = plan->capacity = 0;
}

static bool is_acceptable(const struct gw_plan *plan, const struct gw_request *request)
{
    if (request->n_points > plan->n_points || (request->n_points && !request->points))
        return false;
    for (uint32_t i = 0; i < request->n_points; i++)
        if (request->points[i] >= plan->n_points)
            return false;
    for (uint32_t i = 0; i < plan->n; i++)
        if (plan->requests[i].id == request->id)
            return false;
    return plan->n < PLAN_MAX_REQUESTS;
}

static bool make_room(struct gw_plan *plan)
{
    uint32_t capacity = plan->capacity ? plan->capacity * 2 : 4;
    struct plan_request *bigger;

    if (plan->n < plan->capacity)
        return true;
    bigger = realloc(plan->requests, capacity * sizeof *bigger);
    if (!bigger)
        return false;
    plan->requests = bigger;
    plan->capacity = capacity;
    return true;
}

int plan_add(struct gw_plan *plan, const struct gw_request *from)
{
    struct gw_request request = {0};
    struct plan_request *copy;
    size_t size;

    if (from->struct_size < offsetof(struct gw_request, text))
        return GW_ERR_CONFIG;
    memcpy(&request, from,
           from->struct_size < sizeof request ? from->struct_size : sizeof request);
    if (!is_acceptable(plan, &request))
        return GW_ERR_CONFIG;
    if (!make_room(plan))
        return GW_ERR_INTERNAL;
    copy = &plan->requests[plan->n];
    *copy = (struct plan_request){.id = request.id,
                                  .interval_ms = request.interval_ms,
                                  .timeout_ms = request.timeout_ms,
                                  .cost_us = request.cost_us,
                                  .n_points = request.n_points,
                                  .due_boot_ns = INT64_MAX};
    size = request.n_points * sizeof *copy->points;
    copy->points = malloc(size ? size : 1);
    copy->text = strdup(request.text ? request.text : "");
    if (!copy->points || !copy->text) {
        free(copy->points);
        free(copy->text);
        return GW_ERR_INTERNAL;
    }
    if (size)
        memcpy(copy->points, request.points, size);
    plan->n++;
    return GW_OK;
}

static int64_t interval_ns(const struct plan_request *request)
{
    return (int64_t)request->interval_ms * CLOCK_NS_PER_MS;
}

static int64_t grid_floor(const struct plan_request *request, int64_t t_boot_ns)
{
    return t_boot_ns - t_boot_ns % interval_ns(request);
}

static const struct plan_request *find_same(const struct gw_plan *plan,
                                            const struct plan_request *request)
{
    for (uint32_t i = 0; plan && i < plan->n; i++)
        if (plan->requests[i].id == request->id &&
            plan->requests[i].interval_ms == request->interval_ms)
            return &plan->requests[i];
    return NULL;
}

void plan_schedule(struct gw_plan *plan, const struct gw_plan *old, int64_t now_boot_ns)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        struct plan_request *request = &plan->requests[i];
        const struct plan_request *same = find_same(old, request);

        if (same)
            request->due_boot_ns = same->due_boot_ns;
        else if (request->interval_ms > 0)
            request->due_boot_ns = grid_floor(request, now_boot_ns);
    }
}

/* Counted from the start of the cycle: a request that takes longer than its interval is
 * made again at once, and the line is used fully. */
uint64_t plan_advance(const struct gw_plan *plan, struct plan_request *request,
                      int64_t start_boot_ns)
{
    int64_t step_ns = interval_ns(request) * (plan->pace ? plan->pace : 1);
    int64_t due_ns = request->due_boot_ns;

    if (step_ns == 0 || due_ns == INT64_MAX)
        return 0;
    request->due_boot_ns = start_boot_ns - start_boot_ns % step_ns + step_ns;
    return request->due_boot_ns > due_ns + step_ns
               ? (uint64_t)((request->due_boot_ns - due_ns) / step_ns - 1)
               : 0;
}

void plan_catch_up(struct gw_plan *plan, const struct plan_request *done,
                   int64_t now_boot_ns)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        struct plan_request *request = &plan->requests[i];

        if (request != done && request->due_boot_ns != INT64_MAX)
            request->due_boot_ns = grid_floor(request, now_boot_ns);
    }
}

void plan_set_pace(struct gw_plan *plan, uint32_t pace, int64_t now_boot_ns)
{
    bool is_faster = pace < plan->pace;

    plan->pace = pace;
    if (is_faster)
        plan_catch_up(plan, NULL, now_boot_ns);
}

struct plan_request *plan_cheapest(struct gw_plan *plan)
{
    struct plan_request *best = NULL;

    for (uint32_t i = 0; i < plan->n; i++) {
        struct plan_request *request = &plan->requests[i];

        if (request->due_boot_ns != INT64_MAX &&
            (!best || request->cost_us < best->cost_us))
            best = request;
    }
    return best;
}

uint32_t plan_max_timeout_ms(const struct gw_plan *plan)
{
    uint32_t max_ms = 0;

    for (uint32_t i = 0; i < plan->n; i++)
        if (plan->requests[i].timeout_ms > max_ms)
            max_ms = plan->requests[i].timeout_ms;
    return max_ms;
}
