/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same for all that plan circuits: limits, expected power, and the sentence
 * that says why. Pure. */
#include "lib/microgrid/circuit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEADROOM_DEFAULT 800 /* permille, OUTAGE 5 */

static bool is_power(double w)
{
    return isfinite(w) && w > 0;
}

static double with_headroom(const struct circuit_limits *limits, double w)
{
    uint32_t permille = limits->headroom_permille;

    return w * (permille ? permille : HEADROOM_DEFAULT) / 1000;
}

double circuit_limit_w(const struct circuit_limits *limits)
{
    bool has_pcs = is_power(limits->pcs_continuous_w);
    bool has_bms = is_power(limits->bms_max_discharge_w);
    double w = has_pcs ? limits->pcs_continuous_w : limits->bms_max_discharge_w;

    if (!has_pcs && !has_bms)
        return -1;
    if (has_pcs && has_bms)
        w = fmin(limits->pcs_continuous_w, limits->bms_max_discharge_w);
    return with_headroom(limits, w);
}

double circuit_leg_limit_w(const struct circuit_limits *limits, unsigned leg)
{
    if (leg >= CIRCUIT_LEGS || !is_power(limits->leg_w[leg]))
        return -1;
    return with_headroom(limits, limits->leg_w[leg]);
}

double circuit_expect_w(const struct circuit *circuit, const struct circuit_now *now)
{
    if (now->is_on && now->has_power && isfinite(now->power_w))
        return fmax(now->power_w, 0);
    return is_power(circuit->typical_w) ? circuit->typical_w : 0;
}

double circuit_leg_share(const struct circuit *circuit, unsigned leg)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CIRCUIT_LEGS; i++)
        n += circuit->legs >> i & 1;
    if (n == 0)
        return 1;
    return leg < CIRCUIT_LEGS && (circuit->legs >> leg & 1) ? 1.0 / n : 0;
}

enum circuit_override circuit_override_at(const struct circuit *circuit,
                                          int64_t t_boot_ms)
{
    return t_boot_ms < circuit->override_until_ms ? circuit->override : OVERRIDE_AUTO;
}

const char *circuit_class_name(enum circuit_class class)
{
    static const char *const names[] = {"P0", "P1", "P2", "P3", "P4"};

    return class >= CIRCUIT_P0 && class <= CIRCUIT_P4 ? names[class] : "none";
}

/* A sentence's form: which of value, limit and the moment it names, in this order.
 * Without a clock the moment is a span ("in 5 min"): `after` stands before it instead of
 * `between`. */
enum form {
    FORM_PLAIN,
    FORM_VALUE_LIMIT,
    FORM_VALUE,
    FORM_VALUE_UNTIL,
    FORM_UNTIL,
    FORM_CLASS
};

struct reason {
    const char *name;
    enum form form;
    const char *before, *between, *after;
};

static const struct reason reasons[WHY_COUNT] = {
    [WHY_GRID] = {"grid", FORM_PLAIN, "the grid is there", "", ""},
    [WHY_SIGN] = {"sign", FORM_PLAIN, "bulk loads are off at the first sign of an outage",
                  "", ""},
    [WHY_CLASS] = {"class", FORM_CLASS, "only classes up to ", "", " may be on now"},
    [WHY_POWER] = {"power", FORM_VALUE_LIMIT, "the load would be ", " W of ",
                   " W that the battery may give"},
    [WHY_LEG] = {"leg", FORM_VALUE_LIMIT, "one leg would carry ", " W of ",
                 " W that it may carry"},
    [WHY_ENERGY] = {"energy", FORM_VALUE_UNTIL, "reserve ", " % must last to ",
                    " % must last "},
    [WHY_BUDGET] = {"budget", FORM_VALUE_LIMIT, "the community's budget: ", " of ", ""},
    [WHY_SURPLUS] = {"surplus", FORM_VALUE, "", "", " W of sun are over"},
    [WHY_FITS] = {"fits", FORM_PLAIN, "what is stored covers it and all that ranks above",
                  "", ""},
    [WHY_LATEST_RETURN] = {"latest-return", FORM_VALUE_LIMIT, "it was off for ", " s of ",
                           " s that it can bear"},
    [WHY_OVERRIDE] = {"override", FORM_UNTIL, "the owner's wish", " until ", " for "},
    [WHY_MIN_ON] = {"min-on", FORM_UNTIL, "it was switched on a moment ago and stays on",
                    " until ", " for "},
    [WHY_MIN_OFF] = {"min-off", FORM_UNTIL, "it was switched off a moment ago and rests",
                     " until ", " for "},
    [WHY_RESTORE] = {"restore", FORM_UNTIL, "loads come back one by one, its turn is",
                     " at ", " in "},
    [WHY_SCHEDULE] = {"schedule", FORM_UNTIL, "a schedule or limit holds", " until ",
                      " for "},
    [WHY_BLACK] = {"black", FORM_PLAIN, "the island is off and all contactors are open",
                   "", ""},
    [WHY_UNTOUCHED] = {"untouched", FORM_PLAIN, "it is not ours to switch", "", ""},
    [WHY_HELD] = {"held", FORM_PLAIN, "automatic switching is held", "", ""},
    [WHY_MEDICAL] = {"medical", FORM_VALUE_LIMIT, "the battery holds ", " Wh, and ",
                     " Wh are kept for the medical device"},
};

const char *circuit_reason_name(enum circuit_reason reason)
{
    return (unsigned)reason < WHY_COUNT ? reasons[reason].name : "unknown";
}

static void put_until(const struct reason *r, const char *until_text, char text[64])
{
    bool is_span = strncmp(until_text, "in ", 3) == 0;

    snprintf(text, 64, "%s%s", is_span ? r->after : r->between,
             is_span ? until_text + 3 : until_text);
}

const char *circuit_why(const struct circuit_order *order, const char *until_text,
                        char *text, size_t size)
{
    static const struct reason unknown = {"unknown", FORM_PLAIN, "not known", "", ""};
    char until[64];
    const struct reason *r =
        (unsigned)order->reason < WHY_COUNT ? &reasons[order->reason] : &unknown;

    put_until(r, until_text ? until_text : "the grid's return", until);
    if (r->form == FORM_VALUE_LIMIT)
        snprintf(text, size, "%s%.0f%s%.0f%s", r->before, order->value, r->between,
                 order->limit, r->after);
    else if (r->form == FORM_VALUE)
        snprintf(text, size, "%s%.0f%s", r->before, order->value, r->after);
    else if (r->form == FORM_VALUE_UNTIL)
        snprintf(text, size, "%s%.0f%s", r->before, order->value / 10, until);
    else if (r->form == FORM_CLASS)
        snprintf(text, size, "%s%s%s", r->before,
                 circuit_class_name((enum circuit_class)order->limit), r->after);
    else if (r->form == FORM_UNTIL && until_text)
        snprintf(text, size, "%s%s", r->before, until);
    else
        snprintf(text, size, "%s", r->before);
    return text;
}
