/* SPDX-License-Identifier: Apache-2.0 */
/* Set-points and requests of one decision; see control_outputs.h. */
#include "gatewayd/control/control_outputs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"

#define SETPOINT_TOLERANCE_W 5.0 /* devices round */
#define PERMILLE_TOLERANCE 1.0
#define TELL_MS 60000 /* a set-point that comes and goes is told so often at most */

/* ---- which there are ---- */

/* Without a point: a name that no point has. */
static void name_point(const struct catalog *catalog, const struct control_ref *ref,
                       struct actuator_config *config, uint32_t i)
{
    const struct catalog_device *device;

    if (!ref->is_there) {
        snprintf(config->name, sizeof config->name, "-%u", i);
        return;
    }
    device = &catalog->devices[ref->device];
    snprintf(config->name, sizeof config->name, "%s.%s", device->name,
             device->points[ref->point].name);
}

static struct actuator_config switch_config(const struct site_switch *sw)
{
    return (struct actuator_config){.ref = sw->ref,
                                    .is_bool = true,
                                    .failsafe = sw->failsafe,
                                    .lease_ms = sw->lease_ms};
}

static struct actuator_config setpoint_config(const struct site_map *map, uint32_t i)
{
    const struct site_pv_limit *pv;

    if (i < map->n_batteries)
        return (struct actuator_config){.ref = map->batteries[i].setpoint,
                                        .failsafe = map->batteries[i].setpoint_failsafe_w,
                                        .tolerance = SETPOINT_TOLERANCE_W,
                                        .lease_ms = map->batteries[i].setpoint_lease_ms};
    pv = &map->pv_limits[i - map->n_batteries];
    return (struct actuator_config){.ref = pv->limit,
                                    .is_permille = pv->is_permille,
                                    .failsafe = pv->failsafe,
                                    .tolerance = pv->is_permille ? PERMILLE_TOLERANCE
                                                                 : SETPOINT_TOLERANCE_W,
                                    .lease_ms = pv->lease_ms};
}

static uint32_t n_setpoints(const struct control *control)
{
    return control->map.n_batteries + control->map.n_pv_limits;
}

static uint32_t request_actuator(const struct control *control, int request)
{
    return site_map_tie_output(&control->map) + 1 + (uint32_t)request;
}

void control_outputs_configure(struct control *control, const struct catalog *catalog)
{
    static struct actuator_config list[ACTUATORS_MAX]; /* the loop alone comes here */
    const struct site_map *map = &control->map;
    uint32_t n = 0;

    for (uint32_t i = 0; i < map->n_circuits; i++)
        list[n++] = switch_config(&map->switches[i]);
    for (uint32_t i = 0; i < n_setpoints(control); i++)
        list[n++] = setpoint_config(map, i);
    list[n++] = (struct actuator_config){.ref = map->tie.sw,
                                         .is_bool = true,
                                         .failsafe = map->tie.failsafe,
                                         .lease_ms = map->tie.lease_ms};
    for (uint32_t i = 0; i < REQUEST_COUNT; i++)
        list[n++] = switch_config(&map->requests[i]);
    for (uint32_t i = 0; i < n; i++)
        name_point(catalog, &list[i].ref, &list[i], i);
    actuate_configure(control->actuate, list, n);
    memset(control->outputs.told, 0, sizeof control->outputs.told);
}

/* ---- deciding ---- */

/* In a community the home's own battery is not what forms the island. */
static double island_permille(const struct control *control)
{
    if (control->map.config.island != ISLAND_COMMUNITY)
        return control->power.usable_permille;
    return control->verdict.has_usable ? control->verdict.usable_permille : (double)NAN;
}

void control_outputs_decide(struct control *control, int64_t t_ms, struct decide_in *in)
{
    struct outputs *outputs = &control->outputs;
    const struct setpoints_in setpoints = {.t_boot_ms = t_ms,
                                           .local_ms = in->local_ms,
                                           .map = in->map,
                                           .ports = &control->ports,
                                           .demand = in->demand,
                                           .policy = in->policy,
                                           .power = in->power,
                                           .plan = in->plan,
                                           .usable_permille = island_permille(control),
                                           .is_held = control->wishes.is_held,
                                           .is_clock_set =
                                               clock_trust_now() != CLOCK_UNSET};

    setpoints_step(&outputs->setpoints, &setpoints, &outputs->wanted);
    in->setpoints = &outputs->wanted;
    in->is_sync_ok = tie_is_sync_ok(in->map, &control->ports);
}

/* ---- telling ---- */

static void tell(struct control *control, uint32_t i, const char *name, const char *why)
{
    char text[300];

    if (control->outputs.told[i].why == why ||
        (why && control->outputs.told[i].why &&
         control->step_ms - control->outputs.told[i].t_ms < TELL_MS))
        return;
    control->outputs.told[i].why = why;
    control->outputs.told[i].t_ms = control->step_ms;
    snprintf(text, sizeof text, "%s: %s", name, why ? why : "left to itself again");
    control->ports.event(control->ports.ctx, "control-mode", "info", text);
}

/* ---- ordering ---- */

/* To give or take nothing is safe at once; all else waits until the journal has it. */
static void order_setpoint(struct control *control, uint32_t i)
{
    const struct setpoint_order *order = &control->orders.setpoints[i];
    uint32_t actuator = control->map.n_circuits + i;
    bool is_stop = i < control->map.n_batteries && order->value_w == 0;

    if (order->is_wanted)
        actuate_want(control->actuate, actuator, order->value_w, is_stop);
    else
        actuate_leave(control->actuate, actuator);
    if (setpoints_ref(&control->map, i)->is_there)
        tell(control, i, actuate_name(control->actuate, actuator),
             order->is_wanted ? control->outputs.wanted.why[i] : NULL);
}

/* Switches do not wait for the journal. */
static void order_request(struct control *control, enum site_request request)
{
    uint32_t actuator = request_actuator(control, (int)request);
    bool is_wanted = control->outputs.asked.is_wanted[request];

    if (!control->map.requests[request].ref.is_there)
        return;
    if (is_wanted)
        actuate_want(control->actuate, actuator, 1, true);
    else
        actuate_leave(control->actuate, actuator);
    tell(control, n_setpoints(control) + request, site_map_request_name(request),
         is_wanted ? control->outputs.asked.why[request] : NULL);
}

int64_t control_outputs_order(struct control *control, int64_t t_ms)
{
    const struct circuit_limits limits = programme_limits(&control->map);
    const struct asks_in asks = {.t_boot_ms = t_ms,
                                 .map = &control->map,
                                 .demand = &control->out.demand,
                                 .power = &control->power,
                                 .limit_w = circuit_limit_w(&limits)};

    for (uint32_t i = 0; i < control->orders.n_setpoints; i++)
        order_setpoint(control, i);
    /* a person holds it: the switch to the grid and a generator stay as they are */
    if (control->out.demand.no_switching)
        return INT64_MAX;
    asks_step(&control->outputs.asks, &asks, &control->outputs.asked);
    for (int i = 0; i < REQUEST_COUNT; i++)
        order_request(control, (enum site_request)i);
    return control->outputs.asked.next_ms;
}

/* ---- the document ---- */

static void put_output(struct control *control, struct strbuf *buf, const char *name,
                       uint32_t actuator, const char *why)
{
    struct actuator_now now;
    const char *point = actuate_name(control->actuate, actuator);

    actuate_get(control->actuate, actuator, &now);
    strbuf_puts(buf, buf->data[buf->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    strbuf_put_json_string(buf, name);
    strbuf_puts(buf, ",\"point\":");
    if (*point == '-')
        strbuf_puts(buf, "null");
    else
        strbuf_put_json_string(buf, point);
    strbuf_puts(buf, ",\"wanted\":");
    if (*point == '-' || !now.has_want || !why)
        strbuf_puts(buf, "null");
    else
        strbuf_put_double(buf, round(now.want));
    strbuf_printf(buf, ",\"follows\":%s,\"refused\":false,\"why\":",
                  now.follows == FOLLOWS_NO ? "false" : "true");
    strbuf_put_json_string(buf, why ? why : "left to itself");
    strbuf_putc(buf, '}');
}

/* What is asked for and not done is said, too. */
static void put_refused(struct strbuf *buf, const char *name, const char *why,
                        const char *because)
{
    char text[300];

    snprintf(text, sizeof text, "%s; not done: %s", why, because);
    strbuf_puts(buf, buf->data[buf->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    strbuf_put_json_string(buf, name);
    strbuf_puts(buf, ",\"point\":null,\"wanted\":null,\"follows\":true,\"refused\":true,"
                     "\"why\":");
    strbuf_put_json_string(buf, text);
    strbuf_putc(buf, '}');
}

static void put_missing(struct strbuf *buf, const char *name, const char *why,
                        const char *key)
{
    char text[200];

    snprintf(text, sizeof text, "nothing is configured that can: %s", key);
    put_refused(buf, name, why, text);
}

static void put_setpoint(struct control *control, struct strbuf *buf, uint32_t i)
{
    const char *name = i < control->map.n_batteries
                           ? control->map.batteries[i].source->battery
                           : "pv-limit";
    bool is_wanted =
        i < control->orders.n_setpoints && control->orders.setpoints[i].is_wanted;
    const char *why = control->outputs.wanted.why[i];
    const char *because = control->outputs.wanted.refused[i];

    if (why && !is_wanted)
        put_refused(buf, name, why,
                    because ? because : "the state of the grid forbids it");
    else if (setpoints_ref(&control->map, i)->is_there)
        put_output(control, buf, name, control->map.n_circuits + i, why);
}

static void put_request(struct control *control, struct strbuf *buf,
                        enum site_request request)
{
    static const char *const keys[REQUEST_COUNT] = {
        [REQUEST_RESTART] = "outage.restart", [REQUEST_GENERATOR] = "outage.generator"};
    const char *why = control->outputs.asked.why[request];

    if (control->map.requests[request].ref.is_there)
        put_output(control, buf, site_map_request_name(request),
                   request_actuator(control, (int)request), why);
    else if (why)
        put_missing(buf, site_map_request_name(request), why, keys[request]);
}

static const char *tie_why(const struct grid_demand *demand)
{
    if (demand->open_tie)
        return "an island is asked for: the tie opens";
    if (demand->ask_sync)
        return demand->close_tie ? "the tie may close: it is in synchronism"
                                 : "the grid is back: the tie waits for synchronism";
    return demand->is_islanded ? "open in an island" : NULL;
}

static void put_tie(struct control *control, struct strbuf *buf)
{
    const struct grid_demand *demand = &control->out.demand;

    if (control->map.tie.sw.is_there)
        put_output(control, buf, "tie", site_map_tie_output(&control->map),
                   tie_why(demand));
    else if (demand->open_tie || demand->ask_sync)
        put_missing(buf, "tie", tie_why(demand), "outage.tie");
}

void control_outputs_put(struct control *control, struct strbuf *buf)
{
    strbuf_puts(buf, ",\"outputs\":[");
    for (uint32_t i = 0; control->map.is_active && i < n_setpoints(control); i++)
        put_setpoint(control, buf, i);
    if (control->outputs.wanted.is_pv_wanted && !control->map.n_pv_limits)
        put_missing(buf, "pv-limit", control->outputs.wanted.pv_why,
                    "power_limit_w or power_limit_permille of a device of role pv");
    if (control->map.is_active)
        put_tie(control, buf);
    for (int i = 0; control->map.is_active && i < REQUEST_COUNT; i++)
        put_request(control, buf, (enum site_request)i);
    strbuf_putc(buf, ']');
}
