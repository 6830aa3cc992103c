/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a decision; see control.h. Everything that decides is in lib/microgrid and
 * in the small files beside this one.
 */
#include "gatewayd/control/control.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/control/control_state.h"
#include "gatewayd/control/report.h"
#include "lib/base/clock.h"
#include "lib/config/zone.h"

#define ZONE_MS 900000
#define PUBLISH_MS 60000
#define QUIET_PUBLISH_MS 900000

static int64_t now_ms(void)
{
    return clock_boot_ns() / CLOCK_NS_PER_MS;
}

/* ---- life -------------------------------------------------------------------------- */

struct control *control_new(const struct control_ports *ports)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control)
        return NULL;
    control->ports = *ports;
    control->actuate = actuate_new(&control->ports);
    if (!control->actuate) {
        free(control);
        return NULL;
    }
    pthread_mutex_init(&control->lock, NULL);
    control->mean_load_w = (double)NAN;
    journal_init(&control->journal);
    policy_init(&control->policy);
    asks_init(&control->outputs.asks);
    notices_init(&control->notices);
    sense_init(&control->sense);
    return control;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    actuate_free(control->actuate);
    programme_done(&control->programme);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

/* For sentences; a file is read, so rarely. */
static void look_up_zone(struct control *control, int64_t t_ms)
{
    if (control->zone_asked_ms && t_ms - control->zone_asked_ms < ZONE_MS)
        return;
    control->zone_asked_ms = t_ms;
    zone_offset_ms(control->timezone, clock_wall_ms(), &control->zone_ms);
}

/* The same in the same order: what is known of them stays known over a reload. */
static bool same_circuits(const struct site_map *a, const struct site_map *b)
{
    bool same = a->n_circuits == b->n_circuits;

    for (uint32_t i = 0; same && i < a->n_circuits; i++)
        same = strcmp(site_map_circuit_name(a, i), site_map_circuit_name(b, i)) == 0;
    return same;
}

static bool same_evidence(const struct site_map *a, const struct site_map *b)
{
    bool same = a->n_evidence == b->n_evidence;

    for (uint32_t i = 0; same && i < a->n_evidence; i++)
        same = strcmp(a->names[i], b->names[i]) == 0 &&
               a->sources[i].kind == b->sources[i].kind;
    return same;
}

static bool same_batteries(const struct site_map *a, const struct site_map *b)
{
    bool same = a->n_batteries == b->n_batteries;

    for (uint32_t i = 0; same && i < a->n_batteries; i++)
        same =
            strcmp(a->batteries[i].source->battery, b->batteries[i].source->battery) == 0;
    return same;
}

/* A new programme knows nothing yet; without a clock nobody knows which hour it is. */
static void ask_past(struct control *control)
{
    struct past *past;

    if (control->is_past_asked || !control->programme.site ||
        clock_trust_now() == CLOCK_UNSET)
        return;
    control->is_past_asked = true;
    past = past_new(&control->map, clock_wall_ms());
    if (!past)
        return;
    past->serial = control->past_serial;
    control->ports.ask_past(control->ports.ctx, past);
}

static void use_past(struct control *control, const struct past *past)
{
    past_feed(past, control->zone_ms, control->programme.site, &control->programme.home);
    outlook_learn(&control->outlook, past, control->zone_ms);
    control->grid.config.has_forecast = control->outlook.is_known;
}

void control_take_past(struct control *control, struct past *past)
{
    if (!past)
        return;
    pthread_mutex_lock(&control->lock);
    look_up_zone(control, now_ms());
    if (past->serial == control->past_serial && control->programme.site)
        use_past(control, past);
    pthread_mutex_unlock(&control->lock);
    free(past);
}

/* Its circuits are known by their places: it would name others. */
static void drop_drill(struct control *control)
{
    if (control->drill.is_running)
        control->ports.event(control->ports.ctx, "drill", "info",
                             "the drill ends: the circuits were changed");
    control->drill = (struct drill){.is_running = false};
}

void control_configure(struct control *control, const struct config *config,
                       const struct catalog *catalog)
{
    static struct site_map map; /* the loop alone comes here */
    bool is_same, keeps_circuits, keeps_charge;

    site_map_build(&map, config->outage, catalog, config->gateway_id);
    site_map_spare_flash(&map, config);
    for (uint32_t i = 0; i < map.n_evidence; i++)
        map.sources[i].name = control->map.names[i];
    pthread_mutex_lock(&control->lock);
    is_same = control->is_configured && same_evidence(&control->map, &map);
    keeps_circuits = control->is_configured && same_circuits(&control->map, &map);
    keeps_charge = control->is_configured && same_batteries(&control->map, &map);
    control->map = map;
    snprintf(control->timezone, sizeof control->timezone, "%s", config->timezone);
    if (is_same) {
        control->evidence.code = map.config.code;
    } else {
        evidence_init(&control->evidence, &map.config.code, map.config.island,
                      control->map.sources, control->map.n_evidence);
        sense_init(&control->sense);
    }
    if (!control->is_configured)
        grid_state_init(&control->grid, &map.config, GRID_OK, now_ms());
    control->grid.config = map.config;
    control->outlook.is_known = false; /* until the new programme's past is read */
    control->shed_table.t_boot_ms = 0; /* of the circuits as they were */
    if (!keeps_circuits) {
        decide_init(&control->decide, map.config.code.is_for_tests);
        control->journal.known = 0;
        drop_drill(control);
    }
    if (!keeps_charge) {
        charge_forget(&control->charge);
        control->outputs.setpoints.modes.charging = 0;
    }
    control_outputs_configure(control, catalog);
    programme_configure(&control->programme, &control->map);
    control->is_configured = true;
    control->is_past_asked = false;
    control->past_serial++;
    control->saving.is_new_map = true;
    control->next_ms = 0;
    pthread_mutex_unlock(&control->lock);
    control->ports.wake(control->ports.ctx);
}

void control_restore(struct control *control, const char *key, const char *value)
{
    int state;

    pthread_mutex_lock(&control->lock);
    if (!wishes_restore(&control->wishes, key, value) &&
        strcmp(key, JOURNAL_STATE_KEY) == 0) {
        state = journal_state(value);
        if (state >= 0 && !control->is_started) {
            grid_state_init(&control->grid, &control->map.config,
                            (enum grid_state_id)state, now_ms());
            control->is_resumed = state != GRID_OK;
        }
    } else if (!control->is_started && strcmp(key, JOURNAL_OUTAGES_KEY) == 0) {
        journal_take_outages(&control->journal, value);
    } else if (!control->is_started && strcmp(key, NOTICES_DARK_KEY) == 0) {
        notices_restore(&control->notices, value);
    } else if (!control->is_started && strcmp(key, ABSENCE_KEY) == 0) {
        absence_restore(&control->absence, value);
    } else if (!control->is_started && strcmp(key, JOURNAL_DISTRUST_KEY) == 0) {
        control->evidence.distrusted = journal_distrusted(value, &control->evidence);
        control->journal.distrusted = control->evidence.distrusted;
    }
    pthread_mutex_unlock(&control->lock);
}

void control_start(struct control *control)
{
    char text[160];

    if (control->is_started)
        return;
    journal_resume(&control->journal, &control->grid);
    if (control->is_resumed) {
        snprintf(text, sizeof text, "goes on from %s, the state before the restart",
                 grid_state_name(control->grid.state));
        control->ports.event(control->ports.ctx, "grid-resumed", "info", text);
    }
    control->is_started = true;
    control->ports.wake(control->ports.ctx);
}

bool control_is_started(const struct control *control)
{
    return control->is_started;
}

void control_stop(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    control->is_stopping = true;
    pthread_mutex_unlock(&control->lock);
}

/* ---- what is ----------------------------------------------------------------------- */

double control_runtime_s(const struct control *control)
{
    double above_wh =
        control->power.usable_wh -
        control->power.capacity_wh * control->map.config.critical_permille / 1000;

    if (isnan(above_wh) || !(control->mean_load_w > 1))
        return -1;
    return above_wh > 0 ? above_wh / control->mean_load_w * 3600 : 0;
}

uint64_t control_shed(const struct control *control)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < control->orders.n_circuits; i++)
        if (control->map.circuits[i].has_switch && !control->orders.circuits[i].want_on)
            bits |= UINT64_C(1) << i;
    return bits;
}

/* ---- the state machine ------------------------------------------------------------- */

static void tell_transitions(struct control *control)
{
    for (uint32_t i = 0; i < control->out.n_transitions; i++) {
        const struct grid_transition *transition = &control->out.transitions[i];

        if (transition->distrust)
            evidence_distrust(&control->evidence, &control->verdict);
        journal_transition(&control->ports, transition);
        control->count.n_transitions += transition->from != transition->to;
    }
    journal_alarms(&control->journal, &control->ports, control->out.demand.alarms);
    journal_past(&control->journal, &control->ports, &control->grid, &control->evidence);
}

/* ---- orders ------------------------------------------------------------------------ */

static void step_policy(struct control *control, int64_t t_ms)
{
    const struct plan_content *plan = plan_in_now(&control->plan, t_ms);
    const struct policy_in in = {.t_boot_ms = t_ms,
                                 .t_wall_ms = clock_wall_ms(),
                                 .is_grid_ok = control->out.demand.state == GRID_OK,
                                 .is_clock_set = clock_trust_now() != CLOCK_UNSET,
                                 .storm_until_ms = control->wishes.storm_until_ms,
                                 .is_plan_storm = plan && plan->mode == PLAN_STORM,
                                 .power = &control->power};

    policy_step(&control->policy, &control->map, &in, &control->policy_out);
}

/* Switched off first: a slow bus must not keep a load on behind one that comes back. No
 * switch waits for the journal: only forced modes of batteries and cars do. */
static void give_orders(struct control *control)
{
    char why[300];

    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < control->orders.n_circuits; i++) {
            const struct circuit_order *order = &control->orders.circuits[i];

            if (!control->map.circuits[i].has_switch || order->want_on != (pass == 1))
                continue;
            actuate_want(control->actuate, i, order->want_on, true);
            if (pass == 0)
                actuate_step_one(control->actuate, i, control->step_ms);
        }
    for (uint32_t i = 0; i < control->orders.n_circuits; i++)
        if (control->map.circuits[i].has_switch &&
            journal_is_news(&control->journal, i, control->orders.circuits[i].want_on))
            journal_circuit(&control->journal, &control->ports,
                            site_map_circuit_name(&control->map, i), i,
                            control->orders.circuits[i].want_on,
                            report_why(control, i, why, sizeof why));
}

static uint64_t stuck_bits(const struct control *control)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < control->map.n_circuits; i++)
        if (control->now[i].has_feedback &&
            control->now[i].is_on != control->now[i].is_on_read)
            bits |= UINT64_C(1) << i;
    return bits;
}

/* What would be ordered in an island, and nothing else. */
static void play_drill(struct control *control, int64_t t_ms,
                       const struct decide_in *real)
{
    struct decide_in in = *real;
    struct decide played = control->decide;
    struct grid_demand demand;
    struct circuit_plan plan;
    uint64_t shed = 0;
    char text[600];

    if (!control->drill.is_running)
        return;
    in.setpoints = NULL;
    in.programme = NULL; /* it learns from what is, not from what is played */
    /* a real outage ends it: the rest is no exercise */
    if (control->out.demand.state != GRID_OK)
        control->drill.until_ms = t_ms;
    if (drill_step(&control->drill, t_ms, control->power.usable_permille,
                   &control->map.config, &demand)) {
        control->ports.event(
            control->ports.ctx, "drill", "info",
            drill_text(&control->drill, &control->map, text, sizeof text));
        return;
    }
    in.demand = &demand;
    decide_step(&played, &in, &plan);
    for (uint32_t i = 0; i < plan.n_circuits; i++)
        if (control->map.circuits[i].has_switch && !plan.circuits[i].want_on)
            shed |= UINT64_C(1) << i;
    drill_note(&control->drill, shed, stuck_bits(control), control_runtime_s(control));
}

/* What a loss drops needs no plan: that is made while these are on their way. */
static void drop_now(struct control *control, const struct decide_in *in)
{
    uint64_t drop = shed_table_now(&control->shed_table, in);

    for (uint32_t i = 0; drop && i < control->map.n_circuits; i++)
        if (drop >> i & 1) {
            actuate_want(control->actuate, i, 0, true);
            actuate_step_one(control->actuate, i, in->t_boot_ms);
        }
}

static int64_t decide(struct control *control, int64_t t_ms)
{
    struct decide_in in = {.t_boot_ms = t_ms,
                                 .map = &control->map,
                                 .now = control->now,
                                 .demand = &control->out.demand,
                                 .plan = plan_in_now(&control->plan, t_ms),
                                 .is_plan_alive = plan_in_is_alive(&control->plan, t_ms),
                                 .power = &control->power,
                                 .policy = &control->policy_out,
                                 .vf_good = control->verdict.vf_good,
                                 .tie_closed = control->verdict.tie_closed,
                                 .is_overloaded = control->is_overloaded,
                                 .programme = &control->programme,
                                 .local_ms = clock_wall_ms() + control->zone_ms,
                                 .plan_ms = control->plan.t_last_ms,
                                 .plan_first_ms = control->plan.t_first_ms};
    const struct tie_in tie = control_tie_input(control, t_ms);
    int64_t next_ms, asks_ms;

    drop_now(control, &in);
    control_outputs_decide(control, t_ms, &in);
    next_ms = decide_step(&control->decide, &in, &control->orders);
    play_drill(control, t_ms, &in);
    if (!control->out.demand.no_switching)
        give_orders(control);
    tie_move(&control->tie, &tie, &control->out.demand);
    asks_ms = control_outputs_order(control, t_ms);
    shed_table_refresh(&control->shed_table, &control->decide, &in);
    return asks_ms < next_ms ? asks_ms : next_ms;
}

/* ---- what others are told ---------------------------------------------------------- */

static void publish(struct control *control, int64_t t_ms)
{
    uint64_t shed = control_shed(control);
    bool is_news = shed != control->published_shed ||
                   control->grid.state != control->published_state ||
                   !control->n_published;
    int64_t span_ms = control->grid.state == GRID_OK ? QUIET_PUBLISH_MS : PUBLISH_MS;
    struct strbuf buf;

    if (!is_news && t_ms - control->published_ms < span_ms)
        return;
    strbuf_init(&buf);
    report_put_message(control, &buf);
    if (!buf.failed)
        control->ports.publish(control->ports.ctx, buf.data);
    strbuf_done(&buf);
    control->published_shed = shed;
    control->published_state = control->grid.state;
    control->published_ms = t_ms;
    control->n_published++;
}

static void notice(struct control *control, int64_t t_ms)
{
    char off[300] = "";
    uint64_t shed = control_shed(control);
    size_t len = 0;
    const struct notices_in in = {.t_boot_ms = t_ms,
                                  .map = &control->map,
                                  .demand = &control->out.demand,
                                  .power = &control->power,
                                  .mean_load_w = control->mean_load_w,
                                  .runtime_s = control_runtime_s(control),
                                  .outage_ms = control->grid.outage_ms,
                                  .off = off};

    for (uint32_t i = 0; i < control->map.n_circuits && len < sizeof off; i++)
        if (shed & UINT64_C(1) << i)
            len += (size_t)snprintf(off + len, sizeof off - len, "%s%s", len ? ", " : "",
                                    site_map_circuit_name(&control->map, i));
    notices_step(&control->notices, &control->ports, &in);
}

static int64_t end_tidily(struct control *control, int64_t t_ms)
{
    const struct ending_in in = {t_ms, &control->map, &control->out.demand,
                                 control->power.pv_w};

    return ending_step(&control->ending, &control->ports, &in);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void step(struct control *control, int64_t t_ms)
{
    int64_t next_ms, absent_ms;

    control->step_ms = t_ms;
    control->n_steps++;
    absent_ms = control_see(control, t_ms);
    step_policy(control, t_ms);
    next_ms = decide(control, t_ms);
    /* orders first: what is written down may take its time */
    next_ms = earliest(next_ms, actuate_step(control->actuate, t_ms));
    actuate_get_stats(control->actuate, &control->stats);
    look_up_zone(control, t_ms);
    ask_past(control);
    tell_transitions(control);
    notice(control, t_ms);
    next_ms = earliest(next_ms, end_tidily(control, t_ms));
    saving_step(&control->saving, &control->ports, &control->map,
                control->out.demand.save_power);
    publish(control, t_ms);
    next_ms = earliest(next_ms, control->out.demand.next_ms);
    next_ms = earliest(next_ms, plan_in_next_ms(&control->plan, t_ms));
    next_ms = earliest(next_ms, control->policy_out.next_ms);
    next_ms = earliest(next_ms, absent_ms);
    control->next_ms = next_ms > t_ms ? next_ms : t_ms + 1;
}

/* A reload took the outage out of the configuration: what it held is let go. */
static int64_t rest(struct control *control, int64_t t_ms)
{
    journal_alarms(&control->journal, &control->ports, 0);
    notices_end(&control->notices, &control->ports);
    saving_step(&control->saving, &control->ports, &control->map, false);
    return actuate_step(control->actuate, t_ms);
}

int64_t control_step(struct control *control)
{
    int64_t t_ms = now_ms(), next_ms = t_ms + 10000;

    pthread_mutex_lock(&control->lock);
    if (control->is_started && control->is_configured && !control->is_stopping) {
        if (control->map.is_active)
            step(control, t_ms);
        next_ms = control->map.is_active ? control->next_ms
                                         : earliest(next_ms, rest(control, t_ms));
    }
    pthread_mutex_unlock(&control->lock);
    return next_ms * CLOCK_NS_PER_MS;
}

static bool holds_evidence(const struct control *control,
                           const struct record_batch *batch)
{
    for (uint32_t i = 0; i < batch->n_records; i++)
        if (site_map_is_evidence(&control->map, batch->records[i].device))
            return true;
    return false;
}

int64_t control_readings(struct control *control, const struct record_batch *batch)
{
    if (!control->is_started || !control->map.is_active ||
        !holds_evidence(control, batch))
        return 0;
    return control_step(control);
}

void control_device_lost(struct control *control, uint32_t device)
{
    pthread_mutex_lock(&control->lock);
    actuate_repeat(control->actuate, device);
    pthread_mutex_unlock(&control->lock);
    control->ports.wake(control->ports.ctx);
}

void control_plan(struct control *control, const char *payload, size_t len, bool retained)
{
    const struct plan_message message = {payload, len, retained};
    const char *reason;
    char text[300];

    pthread_mutex_lock(&control->lock);
    reason = plan_in_take(&control->plan, &message, now_ms());
    control->count.n_plans++;
    pthread_mutex_unlock(&control->lock);
    if (reason) {
        snprintf(text, sizeof text, "plan message refused: %s", reason);
        control->ports.event(control->ports.ctx, "plan-refused", "warning", text);
    } else {
        control->ports.wake(control->ports.ctx);
    }
}
