/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control tells: the grid message, the API's documents, metrics, and why a circuit
 * is as it is. The put functions of control.h take the lock; the rest runs under it.
 */
#include "gatewayd/control/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"

/* ---- small parts ------------------------------------------------------------------- */

static void put_string(struct strbuf *buf, const char *key, const char *text)
{
    strbuf_puts(buf, key);
    strbuf_put_json_string(buf, text);
}

/* NaN and below 0 where that says nothing: null. */
static void put_number(struct strbuf *buf, const char *key, double number, bool is_known)
{
    strbuf_puts(buf, key);
    if (is_known && isfinite(number))
        strbuf_put_double(buf, round(number * 10) / 10);
    else
        strbuf_puts(buf, "null");
}

static void put_bool(struct strbuf *buf, const char *key, bool truth)
{
    strbuf_puts(buf, key);
    strbuf_puts(buf, truth ? "true" : "false");
}

static int64_t wall_of(int64_t t_boot_ms)
{
    return clock_wall_ms() - clock_boot_ns() / CLOCK_NS_PER_MS + t_boot_ms;
}

/* A moment of boot time as wall ms; 0 and "for ever": null. */
static void put_moment(struct strbuf *buf, const char *key, int64_t t_boot_ms)
{
    strbuf_puts(buf, key);
    if (t_boot_ms > 0 && t_boot_ms < WISHES_FOR_EVER)
        strbuf_put_i64(buf, wall_of(t_boot_ms));
    else
        strbuf_puts(buf, "null");
}

static const char *says_name(enum evidence_says says)
{
    static const char *const names[] = {[SAYS_NOTHING] = "unknown",
                                        [SAYS_PRESENT] = "present",
                                        [SAYS_IN_BAND] = "in-band",
                                        [SAYS_OUT_OF_BAND] = "out-of-band",
                                        [SAYS_ABSENT] = "absent"};

    return names[says];
}

static void put_evidence(const struct control *control, struct strbuf *buf)
{
    int64_t t_ms = clock_boot_ns() / CLOCK_NS_PER_MS;

    strbuf_puts(buf, ",\"evidence\":[");
    for (uint32_t i = 0; i < control->map.n_evidence; i++) {
        const struct evidence_memory *memory = &control->evidence.memory[i];

        if (control->map.sources[i].kind == EVIDENCE_BATTERY)
            continue;
        put_string(buf, i ? ",{\"point\":" : "{\"point\":", control->map.names[i]);
        put_string(buf, ",\"kind\":", evidence_kind_name(control->map.sources[i].kind));
        put_string(buf,
                   ",\"says\":", memory->is_fresh ? says_name(memory->says) : "unknown");
        put_number(buf, ",\"value\":", memory->value, memory->is_fresh);
        put_number(buf, ",\"age_s\":",
                   memory->t_ms > 0 ? (double)(t_ms - memory->t_ms) / 1000 : 0,
                   memory->t_ms > 0);
        strbuf_putc(buf, '}');
    }
    strbuf_putc(buf, ']');
}

static void put_energy(const struct control *control, struct strbuf *buf)
{
    double runtime_s = control_runtime_s(control);

    put_number(buf, ",\"soc_permille\":", round(control->power.soc_permille), true);
    put_number(buf, ",\"usable_permille\":", round(control->power.usable_permille), true);
    put_number(buf, ",\"runtime_s\":", round(runtime_s), runtime_s >= 0);
}

static void put_names(const struct control *control, uint64_t bits, struct strbuf *buf)
{
    bool any = false;

    strbuf_putc(buf, '[');
    for (uint32_t i = 0; i < control->map.n_circuits; i++)
        if (bits & UINT64_C(1) << i) {
            strbuf_puts(buf, any ? "," : "");
            strbuf_put_json_string(buf, site_map_circuit_name(&control->map, i));
            any = true;
        }
    strbuf_putc(buf, ']');
}

/* Only while the grid is there: then it says what would go off. */
static void put_if_lost(const struct control *control, struct strbuf *buf)
{
    bool is_known = control->grid.state == GRID_OK && control->shed_table.t_boot_ms;

    strbuf_puts(buf, ",\"if_lost\":");
    if (is_known)
        put_names(control, control->shed_table.at_loss, buf);
    else
        strbuf_puts(buf, "null");
}

static void put_head(const struct control *control, struct strbuf *buf)
{
    put_string(buf, "\"state\":",
               control->map.is_active ? grid_state_name(control->grid.state) : "UNKNOWN");
    put_moment(buf, ",\"since\":", control->grid.entered_ms);
    put_evidence(control, buf);
    put_energy(control, buf);
    strbuf_puts(buf, ",\"shed\":");
    put_names(control, control_shed(control), buf);
}

void report_put_message(struct control *control, struct strbuf *buf)
{
    strbuf_printf(buf, "{\"v\":1,\"t\":%" PRId64 ",", clock_wall_ms());
    put_string(buf, "\"clock\":", clock_trust_name(clock_trust_now()));
    strbuf_putc(buf, ',');
    put_head(control, buf);
    if (control->wishes.is_held)
        strbuf_puts(buf, ",\"hold\":true");
    strbuf_putc(buf, '}');
}

/* ---- why --------------------------------------------------------------------------- */

/* "22:10"; without a clock "in 12 min" or "3 min ago". */
static const char *moment_text(const struct control *control, int64_t t_boot_ms,
                               char text[32])
{
    int64_t left_ms = t_boot_ms - clock_boot_ns() / CLOCK_NS_PER_MS;
    int64_t minute = (wall_of(t_boot_ms) + control->zone_ms) / 60000;

    if (t_boot_ms <= 0 || t_boot_ms == WISHES_FOR_EVER)
        return NULL;
    if (clock_trust_now() == CLOCK_UNSET)
        snprintf(text, 32, left_ms > 0 ? "in %lld min" : "%lld min ago",
                 (long long)((left_ms > 0 ? left_ms + 59999 : -left_ms) / 60000));
    else
        snprintf(text, 32, "%02d:%02d", (int)(minute / 60 % 24), (int)(minute % 60));
    return text;
}

const char *report_why(struct control *control, uint32_t index, char *text, size_t size)
{
    char until[32];
    const struct circuit_order *order = &control->orders.circuits[index];

    if (control->orders.n_circuits <= index) {
        snprintf(text, size, "nothing is decided yet");
        return text;
    }
    return circuit_why(order, moment_text(control, order->until_ms, until), text, size);
}

/* "off since 22:10, because ...; next check 22:40". */
static void put_sentence(struct control *control, uint32_t index, struct strbuf *buf)
{
    char why[300], since[32], next[32], text[500];
    const struct circuit_now *now = &control->now[index];
    const char *since_text = moment_text(control, now->since_ms, since);
    const char *next_text = moment_text(control, control->next_ms, next);

    snprintf(text, sizeof text, "%s%s%s, because %s%s%s", now->is_on ? "on" : "off",
             since_text ? " since " : "", since_text ? since_text : "",
             report_why(control, index, why, sizeof why),
             next_text ? "; next check " : "", next_text ? next_text : "");
    strbuf_put_json_string(buf, text);
}

/* ---- documents --------------------------------------------------------------------- */

static void put_plan(const struct control *control, struct strbuf *buf)
{
    int64_t t_ms = clock_boot_ns() / CLOCK_NS_PER_MS;
    const struct plan_content *plan = plan_in_now(&control->plan, t_ms);

    strbuf_puts(buf, ",\"plan\":");
    if (!plan) {
        strbuf_puts(buf, "null");
        return;
    }
    put_string(buf, "{\"id\":", plan->id);
    put_string(buf, ",\"mode\":", plan_mode_name(plan->mode));
    put_string(buf, ",\"p_max\":", circuit_class_name(plan->p_max));
    put_number(buf, ",\"power_w\":", plan->power_w, plan->power_w >= 0);
    put_number(buf, ",\"energy_wh\":", plan->energy_wh, plan->energy_wh >= 0);
    put_moment(buf, ",\"valid_until\":",
               control->plan.t_last_ms + (int64_t)plan->valid_s * 1000);
    put_bool(buf, ",\"alive\":", plan_in_is_alive(&control->plan, t_ms));
    put_string(buf, ",\"reason\":", plan->reason);
    strbuf_putc(buf, '}');
}

static void put_powers(const struct control *control, struct strbuf *buf)
{
    put_number(buf, ",\"grid_w\":", control->power.grid_w, true);
    put_number(buf, ",\"pv_w\":", control->power.pv_w, true);
    put_number(buf, ",\"battery_w\":", control->power.battery_w, true);
    put_number(buf, ",\"load_w\":", control->power.load_w, true);
}

static void put_drill(const struct control *control, struct strbuf *buf)
{
    char text[600];

    strbuf_puts(buf, ",\"drill\":");
    if (!control->drill.is_running && !control->drill.has_report) {
        strbuf_puts(buf, "null");
        return;
    }
    put_bool(buf, "{\"running\":", control->drill.is_running);
    put_moment(buf, ",\"until\":", control->drill.until_ms);
    put_string(buf, ",\"report\":",
               control->drill.has_report
                   ? drill_text(&control->drill, &control->map, text, sizeof text)
                   : "");
    strbuf_putc(buf, '}');
}

void control_put_grid(struct control *control, struct strbuf *buf)
{
    pthread_mutex_lock(&control->lock);
    put_bool(buf, "{\"configured\":", control->map.is_active);
    strbuf_putc(buf, ',');
    put_head(control, buf);
    put_powers(control, buf);
    put_string(buf, ",\"island\":", config_island_name(control->map.outage->island));
    put_string(buf, ",\"feeds\":", config_feeds_name(control->map.outage->feeds));
    put_string(buf, ",\"grid_code\":", control->map.config.code.name);
    put_bool(buf, ",\"grid_code_confirmed\":", *control->map.outage->operator_letter);
    put_number(buf, ",\"reserve_percent\":", control->policy_out.reserve, true);
    put_bool(buf, ",\"storm\":", control->policy_out.is_storm);
    strbuf_puts(buf, ",\"planned_from\":");
    strbuf_put_i64(buf, control->policy_out.planned_from_ms);
    put_bool(buf, ",\"hold\":", control->wishes.is_held);
    put_bool(buf, ",\"saving\":", control->saving.is_on);
    put_if_lost(control, buf);
    control_outputs_put(control, buf);
    put_number(buf, ",\"medical_h\":", control->notices.medical_h, true);
    put_bool(buf, ",\"medical_at_most\":", notices_is_at_most(&control->notices));
    put_plan(control, buf);
    put_drill(control, buf);
    put_moment(buf, ",\"next_check\":", control->next_ms);
    strbuf_puts(buf, "}\n");
    pthread_mutex_unlock(&control->lock);
}

static void put_circuit(struct control *control, uint32_t i, struct strbuf *buf)
{
    const struct circuit *circuit = &control->map.circuits[i];
    const struct circuit_now *now = &control->now[i];
    static const char *const overrides[] = {"auto", "on", "off"};

    put_string(buf, "{\"name\":", site_map_circuit_name(&control->map, i));
    put_string(buf, ",\"class\":", circuit_class_name(circuit->class));
    put_bool(buf, ",\"switch\":", circuit->has_switch);
    put_bool(buf, ",\"backed\":", circuit->is_backed);
    put_bool(buf, ",\"on\":", now->is_on);
    put_bool(buf, ",\"wanted\":",
             i < control->orders.n_circuits ? control->orders.circuits[i].want_on
                                            : now->is_on);
    put_bool(buf, ",\"follows\":", !now->has_feedback || now->is_on == now->is_on_read);
    put_number(buf, ",\"power_w\":", now->power_w, now->has_power);
    put_number(buf, ",\"typical_w\":", circuit->typical_w, circuit->typical_w > 0);
    put_moment(buf, ",\"since\":", now->since_ms);
    put_string(buf, ",\"override\":", overrides[circuit->override]);
    put_moment(buf, ",\"override_until\":", circuit->override_until_ms);
    put_string(buf, ",\"reason\":",
               circuit_reason_name(i < control->orders.n_circuits
                                       ? control->orders.circuits[i].reason
                                       : WHY_UNTOUCHED));
    strbuf_puts(buf, ",\"why\":");
    put_sentence(control, i, buf);
    strbuf_putc(buf, '}');
}

void control_put_circuits(struct control *control, struct strbuf *buf)
{
    pthread_mutex_lock(&control->lock);
    strbuf_printf(buf, "{\"t\":%" PRId64 ",\"circuits\":[", clock_wall_ms());
    for (uint32_t i = 0; i < control->map.n_circuits; i++) {
        strbuf_puts(buf, i ? "," : "");
        put_circuit(control, i, buf);
    }
    strbuf_puts(buf, "]}\n");
    pthread_mutex_unlock(&control->lock);
}

bool control_put_why(struct control *control, const char *circuit, struct strbuf *buf)
{
    int i;

    pthread_mutex_lock(&control->lock);
    i = site_map_find_circuit(&control->map, circuit);
    if (i >= 0) {
        put_circuit(control, (uint32_t)i, buf);
        strbuf_putc(buf, '\n');
    }
    pthread_mutex_unlock(&control->lock);
    return i >= 0;
}

/* ---- metrics ----------------------------------------------------------------------- */

static void put_metric(struct strbuf *buf, const char *name, const char *help,
                       double value)
{
    strbuf_printf(buf, "# HELP %s %s\n# TYPE %s gauge\n%s ", name, help, name, name);
    strbuf_put_double(buf, value);
    strbuf_putc(buf, '\n');
}

static void put_states(const struct control *control, struct strbuf *buf)
{
    strbuf_puts(buf,
                "# HELP gatewayd_grid_state State of the grid, 1 for the one it is in.\n"
                "# TYPE gatewayd_grid_state gauge\n");
    for (int i = 0; i < GRID_STATE_COUNT; i++)
        strbuf_printf(buf, "gatewayd_grid_state{state=\"%s\"} %d\n",
                      grid_state_name((enum grid_state_id)i),
                      (int)control->grid.state == i ? 1 : 0);
}

void control_put_metrics(struct control *control, struct strbuf *buf)
{
    pthread_mutex_lock(&control->lock);
    if (control->map.is_active) {
        put_states(control, buf);
        put_metric(buf, "gatewayd_grid_transitions_total", "Changes of the grid's state.",
                   (double)control->count.n_transitions);
        put_metric(buf, "gatewayd_circuits_shed", "Circuits that are off by us.",
                   __builtin_popcountll(control_shed(control)));
        put_metric(buf, "gatewayd_circuit_switches_total", "Orders to switch a circuit.",
                   (double)control->stats.n_switched);
        put_metric(buf, "gatewayd_control_writes_total", "Writes of control.",
                   (double)control->stats.n_writes);
        put_metric(buf, "gatewayd_control_failed_total",
                   "Writes that failed or did not hold.",
                   (double)control->stats.n_failed);
        put_metric(buf, "gatewayd_control_steps_total", "Decisions.",
                   (double)control->n_steps);
        put_metric(buf, "gatewayd_usable_permille", "Stored energy above the cut-off.",
                   control->power.usable_permille);
        put_metric(buf, "gatewayd_runtime_seconds",
                   "How long it lasts; below 0: not known.", control_runtime_s(control));
    }
    pthread_mutex_unlock(&control->lock);
}
