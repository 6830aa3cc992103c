/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Composes solo, shed and split for one gateway; see the header.
 */
#include "lib/microgrid/dispatch/site.h"

#include "lib/microgrid/dispatch/budget.h"
#include "lib/microgrid/dispatch/medical.h"
#include "lib/microgrid/dispatch/shed.h"
#include "lib/microgrid/dispatch/solo.h"
#include "lib/microgrid/dispatch/split.h"

#include <math.h>
#include <stdlib.h>

#define NEXT_LOOK_S 300
/* Taken for the island until something tells how full it is: enough for P0 and some
 * P1. */
#define UNKNOWN_SOC 0.4
/* How long a large draw is remembered, and how much larger the next may be. */
#define RISKY_W 700.0
#define PEAK_S 3600.0
#define PEAK_FACTOR 1.5

struct site {
    struct site_config config;
    struct solo solo;
    struct shed shed;
    struct medical medical;
    struct medical_in medical_in; /* of this step */
    struct budget budget;
    double expect_w[CIRCUIT_MAX];
    double peak_w[CIRCUIT_MAX]; /* most it drew lately */
    bool was_grid_up;
    double grid_since_s;
    double soc;       /* of the island's grid-forming storages, as last known */
    double last_soc;  /* a step before, for what they give; < 0: not known */
    unsigned on_mask; /* classes on all through the step before */
};

struct site *site_new(const struct site_config *config)
{
    struct site *site = calloc(1, sizeof(*site));

    if (!site)
        return NULL;
    site->config = *config;
    site->was_grid_up = true;
    site->grid_since_s = -1e9;
    site->last_soc = -1;
    site->soc = UNKNOWN_SOC;
    site->on_mask = (1U << DISPATCH_CLASSES) - 1;
    shed_init(&site->shed);
    solo_init(&site->solo, config->setup, config->home);
    medical_init(&site->medical, config->medical_w, config->medical_h);
    return site;
}

void site_free(struct site *site)
{
    free(site);
}

void site_history(struct site *site, unsigned slot,
                  const double circuit_w[DISPATCH_CLASSES], double pv_w)
{
    solo_history(&site->solo, slot, circuit_w, pv_w);
}

double site_demand_w(const struct site *site, enum dispatch_class class, unsigned slot)
{
    return forecast_demand_w(&site->solo.circuits[class], slot);
}

double site_pv_peak_w(const struct site *site)
{
    return site->solo.pv.rated_w;
}

/* Class by class: what is drawn, and which are on with every circuit. */
static unsigned sum_classes(const struct site *site, const struct site_in *in,
                            double ret_w[DISPATCH_CLASSES])
{
    unsigned on = (1U << DISPATCH_CLASSES) - 1;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        ret_w[c] = 0;
    for (unsigned i = 0; i < site->config.n_circuits; i++) {
        unsigned class = (unsigned)site->config.circuits[i].class;

        if (in->now[i].has_power)
            ret_w[class] += in->now[i].power_w;
        if (!in->now[i].is_on)
            on &= ~(1U << class);
    }
    return on;
}

void site_report(struct site *site, const struct site_in *in, struct dispatch_report *ret)
{
    double soc = 0;

    *ret = (struct dispatch_report){.pv_w = in->pv_w,
                                    .tank_wh = in->tank_wh,
                                    .was_dark = in->was_dark,
                                    .stored_soc = -1};
    ret->on_mask = sum_classes(site, in, ret->circuit_w);
    for (unsigned i = 0; i < in->n_storages; i++)
        soc += in->storages[i].soc / in->n_storages;
    if (in->n_storages)
        ret->stored_soc = soc;
}

static void learn(struct site *site, const struct site_in *in)
{
    double w[DISPATCH_CLASSES];
    unsigned on = sum_classes(site, in, w);

    if (!in->was_dark)
        solo_measure(&site->solo, &in->time, in->step_s, w, on & site->on_mask, in->pv_w);
    site->on_mask = on;
}

static bool is_all_own(const struct site *site)
{
    const struct dispatch_setup *setup = site->config.setup;

    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].is_grid_forming &&
            setup->storages[i].home != (int)site->config.home)
            return false;
    return true;
}

static double forming_wh(const struct site *site)
{
    const struct dispatch_setup *setup = site->config.setup;
    double sum = 0;

    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].is_grid_forming)
            sum += setup->storages[i].capacity_wh;
    return sum;
}

static void after_outage(struct site *site, const struct site_in *in)
{
    if (in->is_grid_up && !site->was_grid_up)
        site->grid_since_s = in->time.now_s;
    site->was_grid_up = in->is_grid_up;
    if (in->is_grid_up)
        solo_grid(&site->solo);
}

static bool is_plan_valid(const struct site_in *in)
{
    return in->plan && in->plan_age_s < in->plan->valid_s;
}

/* What is drawn beside and by the circuits that are on. */
static double drawn_w(const struct site *site, const struct site_in *in)
{
    double sum = in->shed_w;

    for (unsigned i = 0; i < site->config.n_circuits; i++)
        if (in->now[i].is_on)
            sum += circuit_expect_w(&site->config.circuits[i], &in->now[i]);
    return in->was_dark ? 0 : sum;
}

static struct budget_in budget_input(const struct site *site, const struct site_in *in)
{
    return (struct budget_in){.time = in->time,
                              .step_s = in->step_s,
                              .age_s = in->span_age_s,
                              .drawn_w = drawn_w(site, in)};
}

/* Classes that the plan's energy no longer covers; P0 and P1 are no one else's to
 * take. */
static void keep_budget(struct site *site, const struct site_in *in, struct site_out *ret,
                        struct shed_class *class)
{
    const struct budget_in budget = budget_input(site, in);
    enum dispatch_class last =
        budget_class(&site->budget, in->plan, &budget, site->solo.circuits);

    if (last >= ret->last)
        return;
    ret->last = last;
    class->value = site->budget.used_wh;
    class->limit = in->plan->energy_wh;
}

/* The part of the grid-forming storages kept for the medical device, where they are all
 * the home's own: the own programme does not plan with it. */
static double medical_soc(const struct site *site)
{
    double capacity_wh = forming_wh(site);

    if (!medical_is_there(&site->medical) || !is_all_own(site) || capacity_wh <= 0)
        return 0;
    return site->medical.kept_wh / capacity_wh;
}

/* The last class that may be on, and why no more. */
static void choose_class(struct site *site, const struct site_in *in,
                         struct site_out *ret, struct shed_class *class)
{
    ret->by_plan = is_plan_valid(in) && in->plan->mode == DISPATCH_ISLAND;
    class->reason = WHY_BUDGET;
    class->until_ms = (int64_t)((in->time.now_s + NEXT_LOOK_S) * 1000);
    if (in->is_grid_up) {
        ret->last = DISPATCH_P4;
        class->reason = WHY_GRID;
    } else if (ret->by_plan) {
        ret->last = in->plan->p_max;
        class->value = in->plan->energy_wh;
        class->limit = in->plan->power_w;
        keep_budget(site, in, ret, class);
    } else {
        ret->last = solo_decide(&site->solo, &in->time, in->step_s,
                                site->soc - medical_soc(site));
        class->reason = WHY_ENERGY;
        class->value = fmax(site->solo.energy_wh, 0);
        class->until_ms = (int64_t)(solo_sun_s(&site->solo, &in->time) * 1000);
    }
    if ((int)ret->last > (int)in->class_max)
        ret->last = (enum dispatch_class)(in->class_max < 0 ? 0 : in->class_max);
    ret->is_empty = in->class_max == CIRCUIT_NONE;
    if (!in->is_grid_up)
        ret->is_empty |= ret->by_plan ? in->plan->power_w <= 0 : site->solo.is_empty;
    class->max = ret->is_empty ? CIRCUIT_NONE : (enum circuit_class)ret->last;
}

/* The most a class usually draws in the half hours around this one. */
static double usual_w(const struct site *site, unsigned class, unsigned slot)
{
    const float *w = site->solo.circuits[class].slot_w;

    return (double)fmaxf(w[slot], fmaxf(w[(slot + 1) % DISPATCH_SLOTS],
                                        w[(slot + DISPATCH_SLOTS - 1) % DISPATCH_SLOTS]));
}

/* What each circuit will draw if on: by the time of day where it is alone in its
 * class. */
static void expect(struct site *site, const struct site_in *in)
{
    unsigned slot = dispatch_slot(in->time.local_s), n_in_class[DISPATCH_CLASSES] = {0};

    for (unsigned i = 0; i < site->config.n_circuits; i++)
        n_in_class[site->config.circuits[i].class]++;
    for (unsigned i = 0; i < site->config.n_circuits; i++) {
        unsigned c = (unsigned)site->config.circuits[i].class;

        site->peak_w[i] *= exp(-in->step_s / PEAK_S);
        if (in->now[i].has_power)
            site->peak_w[i] = fmax(site->peak_w[i], in->now[i].power_w);
        site->expect_w[i] = 0;
        if (n_in_class[c] == 1 && c != DISPATCH_P3)
            site->expect_w[i] =
                forecast_demand_now(&site->solo.circuits[c], slot, in->now[i].is_on);
        if (c == DISPATCH_P4) /* what drew much lately may again, all at once */
            site->expect_w[i] = PEAK_FACTOR * fmax(site->expect_w[i], site->peak_w[i]);
        if (c == DISPATCH_P4 && usual_w(site, c, slot) > RISKY_W)
            site->expect_w[i] = site->config.breaker_w;
    }
}

/* How full the grid-forming storages are: by the own gauge where they are all our own, by
 * the island's frequency, else by the own battery; else as last known, and never "empty"
 * for want of a reading. */
static void see_island(struct site *site, const struct site_in *in)
{
    const struct dispatch_setup *setup = site->config.setup;
    double own = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < in->n_storages; i++)
        if (in->storages[i].soc >= 0) {
            own += in->storages[i].soc;
            n++;
        }
    if (n > 0 &&
        (is_all_own(site) || in->frequency_hz <= 0 || setup->frequency_slope_hz <= 0))
        site->soc = own / n;
    else if (in->frequency_hz > 0 && setup->frequency_slope_hz > 0)
        site->soc =
            0.5 + (in->frequency_hz - setup->frequency_hz) / setup->frequency_slope_hz;
}

/* Usable energy of the home's batteries, by their gauges or, where they are all that
 * forms the grid, by the island's charge; -1: not known. */
static double own_wh(const struct site *site, const struct site_in *in,
                     double *ret_full_wh)
{
    const struct dispatch_setup *setup = site->config.setup;
    bool by_island = !in->n_storages && is_all_own(site), is_known = in->n_storages > 0;
    double sum = 0;
    unsigned next = 0;

    *ret_full_wh = 0;
    for (unsigned i = 0; i < setup->n_storages; i++) {
        const struct dispatch_storage *storage = &setup->storages[i];
        double soc = site->soc;

        if (storage->home != (int)site->config.home)
            continue;
        if (next < in->n_storages)
            soc = in->storages[next].soc;
        next++;
        if (storage->is_ev)
            continue;
        is_known &= soc >= 0;
        *ret_full_wh += (storage->soc_max - storage->soc_min) * storage->capacity_wh;
        sum += fmax(soc - storage->soc_min, 0) * storage->capacity_wh;
    }
    if (*ret_full_wh <= 0 || !(is_known || (by_island && in->frequency_hz > 0)))
        return -1;
    return sum;
}

/* The most the home can draw until the next step: every circuit at once. */
static double most_w(const struct site *site, const struct site_in *in)
{
    double sum = in->shed_w;

    for (unsigned i = 0; i < site->config.n_circuits; i++)
        sum += fmax(circuit_expect_w(&site->config.circuits[i], &in->now[i]),
                    fmax(site->config.circuits[i].typical_w, site->peak_w[i]));
    return sum;
}

static void see_medical(struct site *site, const struct site_in *in)
{
    struct medical_in *medical = &site->medical_in;
    const struct dispatch_setup *setup = site->config.setup;

    *medical = (struct medical_in){.step_s = in->step_s,
                                   .device_w = in->medical_w,
                                   .most_w = most_w(site, in),
                                   .eta = 1};
    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].home == (int)site->config.home &&
            !setup->storages[i].is_ev)
            medical->eta = fmin(medical->eta, setup->storages[i].eta_discharge);
    if (in->is_grid_up) { /* each outage begins anew */
        site->medical.own_wh = medical->own_wh = -1;
        site->medical.is_tight = false;
    } else {
        medical->own_wh = own_wh(site, in, &medical->full_wh);
    }
    medical_step(&site->medical, medical);
}

/* Above every plan: what is kept for the device feeds it and the rest of P0 alone, and is
 * not left unused for want of energy elsewhere. */
static void keep_medical(const struct site *site, const struct site_in *in,
                         struct site_out *ret, struct shed_class *class)
{
    const struct medical *medical = &site->medical;

    if (in->is_grid_up || !medical_is_there(medical) || in->class_max == CIRCUIT_NONE)
        return;
    if (ret->is_empty && medical->own_wh > 0) {
        ret->is_empty = false;
        ret->last = DISPATCH_P0;
        class->max = CIRCUIT_P0;
    }
    if (!medical->is_tight)
        return;
    ret->last = DISPATCH_P0;
    *class = (struct shed_class){.max = ret->is_empty ? CIRCUIT_NONE : CIRCUIT_P0,
                                 .reason = WHY_MEDICAL,
                                 .value = medical->own_wh,
                                 .limit = medical->kept_wh,
                                 .until_ms = class->until_ms,
                                 .is_hard = true};
}

/* Nor does the community draw on it. */
static double spare_medical_w(const struct site *site, const struct site_in *in, double w)
{
    double p0_w = in->shed_w;

    if (!medical_is_there(&site->medical))
        return w;
    for (unsigned i = 0; i < site->config.n_circuits; i++)
        if (site->config.circuits[i].class == CIRCUIT_P0)
            p0_w += circuit_expect_w(&site->config.circuits[i], &in->now[i]);
    return fmin(w, medical_most_w(&site->medical, &site->medical_in, p0_w));
}

static void set_storages(struct site *site, const struct site_in *in,
                         struct site_out *ret)
{
    const struct dispatch_setup *setup = site->config.setup;
    double soc = site->soc;
    double capacity = 0, net_w = 0, n = 0;
    unsigned next = 0;

    for (unsigned i = 0; i < setup->n_storages; i++)
        if (setup->storages[i].is_grid_forming) {
            capacity += setup->storages[i].capacity_wh;
            n++;
        }
    if (site->last_soc >= 0 && !in->is_grid_up && n > 0)
        net_w = (site->last_soc - soc) * capacity * 3600 / in->step_s / n;
    site->last_soc = in->is_grid_up || in->frequency_hz <= 0 ? -1 : soc;
    for (unsigned i = 0; i < setup->n_storages && next < in->n_storages; i++) {
        struct setpoint_order *order = &ret->plan.setpoints[next];

        if (setup->storages[i].home != (int)site->config.home)
            continue;
        order->index = (uint16_t)next;
        order->is_wanted = true;
        order->reason = in->is_grid_up ? WHY_GRID : WHY_FITS;
        order->value_w = in->is_grid_up
                             ? -setup->storages[i].max_charge_w
                             : split_battery_w(&setup->storages[i],
                                               in->storages[next].soc, soc, net_w);
        if (!in->is_grid_up && !setup->storages[i].is_ev)
            order->value_w = spare_medical_w(site, in, order->value_w);
        next++;
    }
    ret->plan.n_setpoints = next;
}

void site_step(struct site *site, const struct site_in *in, struct site_out *ret)
{
    struct shed_in shed = {.circuits = site->config.circuits,
                           .now = in->now,
                           .expect_w = site->expect_w,
                           .n = site->config.n_circuits,
                           .limits = site->config.limits,
                           .breaker_w = site->config.breaker_w,
                           .budget_w = -1,
                           .other_w = in->shed_w};

    *ret = (struct site_out){.last = DISPATCH_P0};
    after_outage(site, in);
    if (!in->is_grid_up)
        see_island(site, in);
    learn(site, in);
    expect(site, in);
    if (in->plan) {
        const struct budget_in budget = budget_input(site, in);

        budget_count(&site->budget, in->plan, &budget);
    }
    see_medical(site, in);
    choose_class(site, in, ret, &shed.class);
    keep_medical(site, in, ret, &shed.class);
    shed.t_boot_ms = (int64_t)(in->time.now_s * 1000);
    if (in->is_grid_up) {
        shed.limits = (struct circuit_limits){0}; /* of the island's inverter */
        shed.breaker_w = 0; /* the service cable's fuse is the owner's business then */
        shed.refill_from_ms =
            (int64_t)((site->grid_since_s + site->config.refill_delay_s) * 1000);
    }
    if (ret->by_plan && !in->is_grid_up)
        shed.budget_w = in->plan->power_w;
    /* steps longer than a spike: it has lasted */
    shed.is_overloaded = in->step_s * 1000 >= SHED_SPIKE_MS;
    shed_compute(&site->shed, &shed, &ret->plan);
    set_storages(site, in, ret);
}
