/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders onto devices; see actuate.h. Each actuator has at most one write under way; its
 * answer finds it by slot and serial, because a reload may have given the slot away.
 */
#include "gatewayd/control/actuate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define RETRY_MS 500
#define RETRY_MAX_MS 8000
#define OVERTURNED_TIMES 3
#define OVERTURNED_SPAN_MS 600000
#define TELL_AFTER 3 /* failures in a row before it is told */

struct actuator {
    struct actuate *owner;
    struct actuator_config config;
    struct actuator_now now;
    bool is_used, is_leaving, is_sending, at_once;
    bool was_release; /* the write that is under way, or the last one */
    bool is_left; /* nothing is wanted but that it stands at its failsafe once */
    bool is_settled; /* the device took `want`; nothing to do until `due_ms` */
    double sent;
    int64_t sent_ms, due_ms;
    int64_t differs_ms; /* the feedback differs since; 0: it does not */
    int64_t overturned_ms[OVERTURNED_TIMES]; /* the last ones; 0: none */
    bool is_told;
};

struct actuate {
    const struct control_ports *ports;
    uint32_t n;
    bool is_held;
    struct actuator *list[ACTUATORS_MAX]; /* by index */
    struct actuator slots[ACTUATORS_MAX * 2]; /* those that are leaving need places too */
    struct actuate_stats stats;
};

static bool is_near(const struct actuator_config *config, double a, double b)
{
    return fabs(a - b) <= (config->is_bool ? 0.25 : config->tolerance);
}

static bool is_failsafe(const struct actuator *actuator)
{
    return is_near(&actuator->config, actuator->now.want, actuator->config.failsafe);
}

static bool is_at_failsafe(const struct actuator *actuator)
{
    return is_near(&actuator->config, actuator->now.value, actuator->config.failsafe);
}

static int64_t now_ms(void)
{
    return clock_boot_ns() / CLOCK_NS_PER_MS;
}

static void put_value(const struct actuator *actuator, double value, char text[32])
{
    if (actuator->config.is_bool)
        snprintf(text, 32, "%s", value >= 0.5 ? "on" : "off");
    else
        snprintf(text, 32, "%g %s", value,
                 actuator->config.is_permille ? "permille" : "W");
}

/* ---- answers ----------------------------------------------------------------------- */

static void tell(struct actuator *actuator, const char *why)
{
    char text[300], value[32];

    if (actuator->is_told)
        return;
    actuator->is_told = true;
    put_value(actuator, actuator->now.want, value);
    snprintf(text, sizeof text, "%s does not follow: %s was ordered; %s; trying on",
             actuator->config.name, value, why);
    actuator->owner->ports->event(actuator->owner->ports->ctx, "control-output", "alarm",
                                  text);
}

static void tell_over(struct actuator *actuator, const char *what)
{
    bool any = false;
    char text[200];

    if (!actuator->is_told)
        return;
    actuator->is_told = false;
    for (uint32_t i = 0; i < actuator->owner->n; i++)
        any |= actuator->owner->list[i]->is_told;
    snprintf(text, sizeof text, "%s %s", actuator->config.name, what);
    if (any)
        actuator->owner->ports->event(actuator->owner->ports->ctx, "control-output",
                                      "info", text);
    else
        actuator->owner->ports->clear(actuator->owner->ports->ctx, "control-output",
                                      text);
}

static void failed(struct actuator *actuator, const char *why)
{
    int64_t wait_ms =
        RETRY_MS << (actuator->now.n_failures < 4 ? actuator->now.n_failures : 4);

    actuator->now.n_failures++;
    actuator->owner->stats.n_failed++;
    actuator->is_settled = false;
    actuator->due_ms = now_ms() + (wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS);
    if (actuator->now.n_failures >= TELL_AFTER)
        tell(actuator, why);
}

static void taken(struct actuator *actuator)
{
    if (!actuator->now.is_commanded ||
        !is_near(&actuator->config, actuator->now.value, actuator->sent))
        actuator->now.since_ms = now_ms();
    actuator->now.is_commanded = true;
    actuator->now.value = actuator->sent;
    actuator->now.n_failures = 0;
    actuator->is_settled = is_near(&actuator->config, actuator->sent, actuator->now.want);
    /* at its failsafe nothing holds it and nothing has to be renewed */
    actuator->due_ms = !actuator->is_settled        ? 0
                       : is_failsafe(actuator) || !actuator->config.lease_ms
                           ? INT64_MAX
                           : actuator->sent_ms + actuator->config.lease_ms / 2;
}

static void on_done(void *ctx, const struct control_answer *answer)
{
    struct actuator *actuator = ctx;

    actuator->is_sending = false;
    if (actuator->is_leaving && !actuator->was_release) {
        actuator->due_ms = 0; /* ordered before it had to go: now it is let go */
    } else if (actuator->is_leaving) {
        actuator->is_used =
            answer->outcome == CONTROL_FAILED && actuator->now.n_failures++ < 3;
        actuator->due_ms = now_ms() + RETRY_MS;
    } else if (answer->outcome == CONTROL_REFUSED || answer->outcome == CONTROL_FAILED) {
        failed(actuator, answer->text);
    } else if (answer->has_readback &&
               !is_near(&actuator->config, answer->readback, actuator->sent)) {
        actuator->owner->stats.n_mismatches++;
        failed(actuator, "it reads back another value");
    } else {
        taken(actuator);
    }
    actuator->owner->ports->wake(actuator->owner->ports->ctx);
}

/* ---- sending ----------------------------------------------------------------------- */

static void send(struct actuator *actuator, double value, bool is_release,
                 int64_t t_boot_ms)
{
    const struct control_ports *ports = actuator->owner->ports;
    struct control_write write = {.name = actuator->config.name,
                                  .is_bool = actuator->config.is_bool,
                                  .is_release = is_release,
                                  .value = value,
                                  .lease_ms = actuator->config.lease_ms,
                                  .at_once = actuator->at_once};

    actuator->is_sending = true;
    actuator->was_release = is_release;
    actuator->sent = value;
    actuator->sent_ms = t_boot_ms;
    actuator->owner->stats.n_writes++;
    ports->write(ports->ctx, &write, on_done, actuator);
}

static void forget(struct actuator *actuator)
{
    actuator->now.has_want = actuator->now.is_commanded = actuator->is_left = false;
    actuator->now.follows = FOLLOWS_UNKNOWN;
    actuator->differs_ms = 0;
}

/* The device's own report of the point, as polled: a relay that sticks shows here. */
static void look(struct actuator *actuator, int64_t t_boot_ms)
{
    const struct control_ports *ports = actuator->owner->ports;
    struct control_reading reading;

    if (!ports->read(ports->ctx, &actuator->config.ref, &reading) || !reading.is_good ||
        !reading.has_value) {
        actuator->now.follows = FOLLOWS_UNKNOWN;
        actuator->differs_ms = 0;
        return;
    }
    if (!actuator->now.is_commanded && !actuator->is_sending) {
        actuator->now.has_value = true;
        actuator->now.value = reading.value;
        return;
    }
    /* polled before the order was taken: says nothing about it */
    if (!actuator->is_settled || reading.t_boot_ns / CLOCK_NS_PER_MS <= actuator->sent_ms)
        return;
    if (is_near(&actuator->config, reading.value, actuator->now.value)) {
        actuator->differs_ms = 0;
        actuator->now.follows = FOLLOWS_YES;
        tell_over(actuator, "follows again");
        if (actuator->is_left) /* whoever writes it from now on is no other master */
            forget(actuator);
        return;
    }
    if (!actuator->differs_ms)
        actuator->differs_ms = t_boot_ms;
    if (t_boot_ms - actuator->differs_ms < ACTUATE_FEEDBACK_MS)
        return;
    if (actuator->owner->is_held) {
        forget(actuator);
        return;
    }
    /* it had obeyed: not a relay that sticks, somebody moved it */
    if (actuator->now.follows == FOLLOWS_YES) {
        memmove(actuator->overturned_ms, actuator->overturned_ms + 1,
                sizeof actuator->overturned_ms - sizeof *actuator->overturned_ms);
        actuator->overturned_ms[OVERTURNED_TIMES - 1] = t_boot_ms;
    }
    actuator->now.follows = FOLLOWS_NO;
    actuator->differs_ms = 0;
    actuator->owner->stats.n_mismatches++;
    failed(actuator, "the device shows another value for longer than 2 s");
    tell(actuator, "the device shows another value for longer than 2 s");
}

/* What the device had not taken when the hold began is not sent in it; what it has is
 * held, and what is let go is let go. */
static bool is_overtaken(const struct actuator *actuator)
{
    return actuator->owner->is_held && actuator->now.has_want && !actuator->is_settled &&
           !actuator->is_left && !actuator->is_sending &&
           !(actuator->now.is_commanded &&
             is_near(&actuator->config, actuator->now.want, actuator->now.value));
}

static void drop_order(struct actuator *actuator)
{
    tell_over(actuator, "is held: its order is dropped");
    if (!actuator->now.is_commanded) {
        forget(actuator);
        return;
    }
    actuator->now.want = actuator->now.value;
    actuator->now.n_failures = 0;
    actuator->due_ms = 0; /* a lease may have to be renewed */
}

static int64_t step_one(struct actuator *actuator, int64_t t_boot_ms)
{
    if (actuator->is_leaving) {
        if (!actuator->is_sending && t_boot_ms >= actuator->due_ms)
            send(actuator, actuator->config.failsafe, true, t_boot_ms);
        return actuator->is_used && !actuator->is_sending ? actuator->due_ms : INT64_MAX;
    }
    look(actuator, t_boot_ms);
    if (is_overtaken(actuator))
        drop_order(actuator);
    if (!actuator->now.has_want || actuator->is_sending)
        return INT64_MAX;
    if (t_boot_ms >= actuator->due_ms)
        send(actuator, actuator->now.want, is_failsafe(actuator), t_boot_ms);
    if (actuator->is_sending)
        return INT64_MAX;
    return actuator->differs_ms &&
                   actuator->differs_ms + ACTUATE_FEEDBACK_MS < actuator->due_ms
               ? actuator->differs_ms + ACTUATE_FEEDBACK_MS
               : actuator->due_ms;
}

void actuate_step_one(struct actuate *actuate, uint32_t index, int64_t t_boot_ms)
{
    step_one(actuate->list[index], t_boot_ms);
}

void actuate_forgive(struct actuate *actuate)
{
    for (uint32_t i = 0; i < actuate->n; i++)
        memset(actuate->list[i]->overturned_ms, 0,
               sizeof actuate->list[i]->overturned_ms);
}

void actuate_hold(struct actuate *actuate, bool is_held)
{
    actuate->is_held = is_held;
}

bool actuate_is_overturned(const struct actuate *actuate, uint32_t index,
                           int64_t t_boot_ms)
{
    int64_t first_ms = actuate->list[index]->overturned_ms[0];

    return first_ms && t_boot_ms - first_ms < OVERTURNED_SPAN_MS;
}

int64_t actuate_step(struct actuate *actuate, int64_t t_boot_ms)
{
    int64_t next_ms = INT64_MAX;

    for (unsigned i = 0; i < ACTUATORS_MAX * 2; i++) {
        int64_t one_ms = actuate->slots[i].is_used
                             ? step_one(&actuate->slots[i], t_boot_ms)
                             : INT64_MAX;

        if (one_ms < next_ms)
            next_ms = one_ms;
    }
    return next_ms;
}

void actuate_want(struct actuate *actuate, uint32_t index, double value, bool at_once)
{
    struct actuator *actuator = actuate->list[index];

    actuator->is_left = false;
    if (actuator->now.has_want && is_near(&actuator->config, actuator->now.want, value)) {
        actuator->at_once |= at_once;
        return;
    }
    actuate->stats.n_switched += actuator->now.has_want;
    actuator->now.has_want = true;
    actuator->now.want = value;
    actuator->at_once = at_once;
    actuator->is_settled = false;
    actuator->due_ms = 0;
    actuator->differs_ms = 0;
    actuator->now.follows = FOLLOWS_UNKNOWN;
}

void actuate_leave(struct actuate *actuate, uint32_t index)
{
    struct actuator *actuator = actuate->list[index];

    if (!actuator->now.has_want)
        return;
    actuate_want(actuate, index, actuator->config.failsafe, true);
    actuator->is_left = true;
}

void actuate_forget(struct actuate *actuate, uint32_t index)
{
    forget(actuate->list[index]);
}

void actuate_repeat(struct actuate *actuate, uint32_t device)
{
    for (uint32_t i = 0; i < actuate->n; i++)
        if (actuate->list[i]->config.ref.device == device) {
            actuate->list[i]->is_settled = false;
            actuate->list[i]->due_ms = 0;
        }
}

const char *actuate_name(const struct actuate *actuate, uint32_t index)
{
    return actuate->list[index]->config.name;
}

void actuate_get(const struct actuate *actuate, uint32_t index, struct actuator_now *ret)
{
    *ret = actuate->list[index]->now;
}

void actuate_get_stats(const struct actuate *actuate, struct actuate_stats *ret)
{
    *ret = actuate->stats;
}

/* ---- which there are --------------------------------------------------------------- */

static struct actuator *find(struct actuate *actuate, const char *name)
{
    for (unsigned i = 0; i < ACTUATORS_MAX * 2; i++)
        if (actuate->slots[i].is_used && !actuate->slots[i].is_leaving &&
            strcmp(actuate->slots[i].config.name, name) == 0)
            return &actuate->slots[i];
    return NULL;
}

static struct actuator *take_slot(struct actuate *actuate)
{
    for (unsigned i = 0; i < ACTUATORS_MAX * 2; i++)
        if (!actuate->slots[i].is_used && !actuate->slots[i].is_sending) {
            actuate->slots[i] = (struct actuator){.owner = actuate, .is_used = true};
            return &actuate->slots[i];
        }
    return NULL;
}

static bool is_listed(const struct actuator_config *list, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

static void drop(struct actuator *actuator)
{
    bool is_held = actuator->now.is_commanded && !is_at_failsafe(actuator);

    tell_over(actuator, "is not control's any more");
    actuator->is_leaving = actuator->now.has_want && (is_held || actuator->is_sending);
    actuator->is_used = actuator->is_leaving;
    actuator->due_ms = 0;
    actuator->now.n_failures = 0;
}

void actuate_configure(struct actuate *actuate, const struct actuator_config *list,
                       uint32_t n)
{
    if (n > ACTUATORS_MAX)
        n = ACTUATORS_MAX;
    for (unsigned i = 0; i < ACTUATORS_MAX * 2; i++)
        if (actuate->slots[i].is_used && !actuate->slots[i].is_leaving &&
            !is_listed(list, n, actuate->slots[i].config.name))
            drop(&actuate->slots[i]);
    actuate->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct actuator *actuator = find(actuate, list[i].name);

        if (!actuator)
            actuator = take_slot(actuate);
        if (!actuator)
            break;
        actuator->config = list[i];
        actuator->due_ms = 0; /* a new host knows nothing of our lease */
        actuate->list[actuate->n++] = actuator;
    }
}

struct actuate *actuate_new(const struct control_ports *ports)
{
    struct actuate *actuate = calloc(1, sizeof *actuate);

    if (actuate)
        actuate->ports = ports;
    return actuate;
}

void actuate_free(struct actuate *actuate)
{
    free(actuate);
}
