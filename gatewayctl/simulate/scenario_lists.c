/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outages, estimates, bookings, events and initial charge of a scenario. What names a
 * storage of the other variant of the community is passed over; what names nothing that
 * could exist is an error.
 */
#include "gatewayctl/simulate/scenario_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/simulate/community_load.h"
#include "lib/config/schema.h"

struct reader {
    const struct community *community;
    struct scenario *scenario;
    struct config_report *report;
};

struct span_keys {
    int64_t start, end;
};

#define STEP_MAX 1000000
#define STEP_KEY(name, out, field)                                                       \
    SCHEMA_KEY(name, INT, SCHEMA_AT(out, field), .required = true, .min = 0,             \
               .max = STEP_MAX)
static const struct schema_key outage_keys[] = {
    STEP_KEY("start_step", span_keys, start),
    STEP_KEY("end_step", span_keys, end),
};
static const struct schema outage_schema = {
    .what = "an outage", .keys = outage_keys, .n_keys = 2, .is_open = true};
static const struct schema_key estimate_keys[] = {
    STEP_KEY("issue_step", span_keys, start),
    STEP_KEY("end_step", span_keys, end),
};
static const struct schema estimate_schema = {
    .what = "an estimate", .keys = estimate_keys, .n_keys = 2, .is_open = true};

struct booking_keys {
    const char *ev;
    int64_t depart, back;
    double trip_wh;
};

static const struct schema_key booking_keys[] = {
    SCHEMA_KEY("ev", TEXT, SCHEMA_AT(booking_keys, ev), .required = true),
    STEP_KEY("depart_step", booking_keys, depart),
    STEP_KEY("return_step", booking_keys, back),
    SCHEMA_KEY("trip_wh", NUMBER, SCHEMA_AT(booking_keys, trip_wh), .required = true,
               .min = 0, .max = 1e9),
};
static const struct schema booking_schema = {
    .what = "a booking", .keys = booking_keys, .n_keys = 4, .is_open = true};

struct event_keys {
    int64_t kind, start, end, home, circuit, mode;
    const struct tree_node
        *state; /* on/off; a YAML writer may also say true/false, 1/0 */
    const char *ev;
    double trip_wh, probability;
};

static const struct schema_key event_keys[] = {
    SCHEMA_KEY("kind", WORD, SCHEMA_AT(event_keys, kind), .required = true,
               .words =
                   "coordinator_down meter_fault relay_stuck ev_departure messages_lost"),
    STEP_KEY("start_step", event_keys, start),
    STEP_KEY("end_step", event_keys, end),
    SCHEMA_KEY("home", INT, SCHEMA_AT(event_keys, home), .fallback = "-1", .min = -1,
               .max = 1000000),
    SCHEMA_KEY("circuit", WORD, SCHEMA_AT(event_keys, circuit), .fallback = "none",
               .words = "critical essential comfort deferrable heavy pv none"),
    SCHEMA_KEY("mode", WORD, SCHEMA_AT(event_keys, mode), .fallback = "none",
               .words = "stuck zero x3 none"),
    SCHEMA_KEY("state", ANY, SCHEMA_AT(event_keys, state)),
    SCHEMA_KEY("ev", TEXT, SCHEMA_AT(event_keys, ev)),
    SCHEMA_KEY("trip_wh", NUMBER, SCHEMA_AT(event_keys, trip_wh), .fallback = "0",
               .min = 0, .max = 1e9),
    SCHEMA_KEY("probability", NUMBER, SCHEMA_AT(event_keys, probability), .min = 0,
               .max = 1),
};
static const struct schema event_schema = {
    .what = "an event", .keys = event_keys, .n_keys = 10, .is_open = true};

static uint32_t length(const struct tree_node *list)
{
    return list ? list->n : 0;
}

static bool is_span(struct reader *r, const struct tree_node *node, int64_t start,
                    int64_t end)
{
    if (end > start)
        return true;
    report_error(r->report, node->place, "scenario-span",
                 "it ends at step %d and begins at %d, expected an end behind the start",
                 (int)end, (int)start);
    return false;
}

static void read_outage(struct reader *r, const struct tree_node *node)
{
    struct scenario *s = r->scenario;
    struct span_keys keys = {0};

    if (!community_read_map(r->report, &outage_schema, node, &keys) ||
        !is_span(r, node, keys.start, keys.end))
        return;
    if (keys.end > s->axis.n_steps)
        report_warning(r->report, node->place, "scenario-span",
                       "the outage ends behind the last step, it is cut there");
    if (keys.end > s->axis.n_steps)
        keys.end = s->axis.n_steps;
    s->outages[s->n_outages++] =
        (struct scenario_outage){(unsigned)keys.start, (unsigned)keys.end};
}

static void read_estimate(struct reader *r, const struct tree_node *node)
{
    struct scenario *s = r->scenario;
    struct span_keys keys = {0};

    if (!community_read_map(r->report, &estimate_schema, node, &keys))
        return;
    if (s->n_estimates && s->estimates[s->n_estimates - 1].issue_step > keys.start) {
        report_error(r->report, node->place, "scenario-order",
                     "estimates are not sorted by issue_step");
        return;
    }
    s->estimates[s->n_estimates++] =
        (struct sim_estimate){(unsigned)keys.start, (unsigned)keys.end};
}

/* Index of an EV, or -1 with the message told: a warning for a name of nobody, which may
 * be in another variant. */
static int find_ev(struct reader *r, const struct tree_node *node, const char *ev)
{
    int storage = community_find_storage(r->community, ev);

    if (storage < 0)
        report_warning(r->report, yaml_tree_place(node, "ev"), "scenario-ev",
                       "'%s' is not in this community, it is passed over",
                       report_quote(ev));
    else if (!r->community->storages[storage].is_ev)
        report_error(r->report, yaml_tree_place(node, "ev"), "scenario-ev",
                     "'%s' is no EV", report_quote(ev));
    return storage >= 0 && r->community->storages[storage].is_ev ? storage : -1;
}

static void read_booking(struct reader *r, const struct tree_node *node)
{
    struct scenario *s = r->scenario;
    struct booking_keys keys = {0};
    int ev;

    if (!community_read_map(r->report, &booking_schema, node, &keys) ||
        !is_span(r, node, keys.depart, keys.back))
        return;
    ev = find_ev(r, node, keys.ev);
    if (ev >= 0)
        s->bookings[s->n_bookings++] = (struct sim_booking){
            (unsigned)ev, (unsigned)keys.depart, (unsigned)keys.back, keys.trip_wh};
}

static bool read_state(struct reader *r, const struct tree_node *node, bool *ret_on)
{
    const char *text = yaml_tree_text(node, "state");

    *ret_on =
        text && (!strcmp(text, "on") || !strcmp(text, "true") || !strcmp(text, "1"));
    if (text &&
        (*ret_on || !strcmp(text, "off") || !strcmp(text, "false") || !strcmp(text, "0")))
        return true;
    report_error(r->report, yaml_tree_place(node, "state"), "scenario-event",
                 "relay_stuck needs a state, expected on or off");
    return false;
}

/* Home and circuit of a faulty meter or relay. */
static bool read_place(struct reader *r, const struct tree_node *node,
                       const struct event_keys *keys, struct scenario_event *event)
{
    bool is_meter = event->kind == EVENT_METER_FAULT;
    bool is_pv = keys->circuit == N_CIRCUITS;

    event->circuit = (enum sim_circuit)keys->circuit;
    event->mode = (enum meter_mode)keys->mode;
    event->home =
        keys->home > 0 ? community_find_home(r->community, (unsigned)keys->home) : -1;
    if (keys->circuit > N_CIRCUITS || (is_pv && !is_meter) ||
        (is_meter && keys->mode > METER_X3)) {
        report_error(r->report, node->place, "scenario-event",
                     "the fault lacks a circuit or a mode, expected circuit and, for a "
                     "meter, mode: stuck, zero or x3");
        return false;
    }
    if (event->home < 0 && !(keys->home == 0 && is_pv)) {
        report_error(r->report, yaml_tree_place(node, "home"), "scenario-event",
                     "no such home, expected one of this community (0 with circuit pv)");
        return false;
    }
    return true;
}

static void read_event(struct reader *r, const struct tree_node *node)
{
    struct scenario *s = r->scenario;
    struct scenario_event event = {0};
    struct event_keys keys = {0};
    bool ok = true;

    if (!community_read_map(r->report, &event_schema, node, &keys) ||
        !is_span(r, node, keys.start, keys.end))
        return;
    event.kind = (enum event_kind)keys.kind;
    event.start_step = (unsigned)keys.start;
    event.end_step = (unsigned)keys.end;
    event.trip_wh = keys.trip_wh;
    event.probability = keys.probability;
    if (event.kind == EVENT_METER_FAULT || event.kind == EVENT_RELAY_STUCK)
        ok = read_place(r, node, &keys, &event);
    if (ok && event.kind == EVENT_RELAY_STUCK)
        ok = read_state(r, node, &event.is_on);
    if (event.kind == EVENT_EV_DEPARTURE) {
        int ev = keys.ev ? find_ev(r, node, keys.ev) : -1;

        if (!keys.ev)
            report_error(r->report, node->place, "scenario-event",
                         "ev_departure lacks its ev");
        ok = ev >= 0;
        event.storage = ok ? (unsigned)ev : 0;
    }
    if (ok)
        s->events[s->n_events++] = event;
}

static void read_initial_soc(struct reader *r, const struct tree_node *node)
{
    for (unsigned i = 0; i < r->community->n_storages; i++) {
        const char *id = r->community->storages[i].id;
        const struct schema_key key = {.key = id, .type = SCHEMA_NUMBER, .max = 1};
        const struct tree_node *value = node ? yaml_tree_get(node, id) : NULL;

        if (value)
            schema_read_value(r->report, &key, value, &r->scenario->initial_soc[i]);
        else
            report_error(r->report, node ? node->place : (struct place){0},
                         "scenario-soc", "initial_soc lacks storage '%s'", id);
    }
}

static bool is_within(struct reader *r, const struct tree_node *list, const char *what)
{
    if (length(list) <= SCENARIO_EVENTS_MAX)
        return true;
    report_error(r->report, list->place, "scenario-bound", "%u %s, expected at most %u",
                 list->n, what, SCENARIO_EVENTS_MAX);
    return false;
}

static void read_each(struct reader *r, const struct tree_node *list,
                      void (*read)(struct reader *r, const struct tree_node *node))
{
    for (uint32_t i = 0; i < length(list); i++)
        read(r, list->entries[i].node);
}

int scenario_lists_read(const struct scenario_lists *lists,
                        const struct community *community, struct scenario *scenario,
                        struct config_report *report)
{
    struct reader r = {community, scenario, report};

    if (!is_within(&r, lists->outages, "outages") ||
        !is_within(&r, lists->estimates, "estimates") ||
        !is_within(&r, lists->bookings, "bookings") ||
        !is_within(&r, lists->events, "events"))
        return 0;
    scenario->outages = calloc(length(lists->outages) + 1, sizeof *scenario->outages);
    scenario->estimates =
        calloc(length(lists->estimates) + 1, sizeof *scenario->estimates);
    scenario->bookings = calloc(length(lists->bookings) + 1, sizeof *scenario->bookings);
    scenario->events = calloc(length(lists->events) + 1, sizeof *scenario->events);
    scenario->initial_soc =
        calloc(community->n_storages + 1u, sizeof *scenario->initial_soc);
    if (!scenario->outages || !scenario->estimates || !scenario->bookings ||
        !scenario->events || !scenario->initial_soc)
        return -ENOMEM;
    read_each(&r, lists->outages, read_outage);
    read_each(&r, lists->estimates, read_estimate);
    read_each(&r, lists->bookings, read_booking);
    read_each(&r, lists->events, read_event);
    read_initial_soc(&r, lists->initial_soc);
    return 0;
}
