/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the shed plan, rotation, set-points, a home alone and the coordinator's
 * plans. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/microgrid/dispatch/area.h"
#include "lib/microgrid/dispatch/community.h"
#include "lib/microgrid/dispatch/rotate.h"
#include "lib/microgrid/dispatch/shed.h"
#include "lib/microgrid/dispatch/site.h"
#include "lib/microgrid/dispatch/solo.h"
#include "lib/microgrid/dispatch/split.h"
#include "tests/unit/suite.h"
#include "tests/unit/ten_homes.h"

#define N_CASES 20000

/* One random site and moment for the properties below. */
struct shed_case {
    struct circuit circuits[8];
    struct circuit_now now[8];
    struct shed_in in;
    struct shed shed;
    struct circuit_plan plan;
};

static void random_circuit(struct circuit *circuit, struct circuit_now *now, unsigned i)
{
    *circuit = (struct circuit){.index = (uint16_t)i,
                                .class = (enum circuit_class)(rand() % 5),
                                .legs = (uint8_t)(rand() % 4),
                                .typical_w = rand() % 1500,
                                .inrush_w = rand() % 3 ? 0 : rand() % 4000,
                                .min_on_s = (uint32_t)(rand() % 600),
                                .min_off_s = (uint32_t)(rand() % 600),
                                .is_backed = rand() % 10 != 0,
                                .has_switch = rand() % 10 != 0,
                                .override = (enum circuit_override)(rand() % 3),
                                .override_until_ms = rand() % 2 ? 2000000 : 500000};
    *now = (struct circuit_now){.is_on = rand() % 2,
                                .has_power = rand() % 2,
                                .power_w = rand() % 1500,
                                .since_ms = rand() % 1000000};
}

static void random_case(struct shed_case *c)
{
    memset(c, 0, sizeof(*c));
    for (unsigned i = 0; i < 8; i++)
        random_circuit(&c->circuits[i], &c->now[i], i);
    c->in = (struct shed_in){.circuits = c->circuits,
                             .now = c->now,
                             .n = 8,
                             .t_boot_ms = 1000000,
                             .breaker_w = 6000,
                             .budget_w = -1,
                             .is_overloaded = true};
    c->in.class = (struct shed_class){.max = (enum circuit_class)(rand() % 5),
                                      .reason = WHY_ENERGY};
    c->in.limits = (struct circuit_limits){.pcs_continuous_w = 1000 + rand() % 5000,
                                           .bms_max_discharge_w = 1000 + rand() % 5000,
                                           .headroom_permille = 800};
    shed_init(&c->shed);
    shed_compute(&c->shed, &c->in, &c->plan);
}

static void no_plan_breaks_min_off(void)
{
    struct shed_case c;

    for (unsigned k = 0; k < N_CASES; k++) {
        random_case(&c);
        for (unsigned i = 0; i < 8; i++) {
            int64_t off_ms = c.in.t_boot_ms - c.now[i].since_ms;

            if (!c.now[i].is_on && c.plan.circuits[i].want_on)
                CU_ASSERT(off_ms >= (int64_t)c.circuits[i].min_off_s * 1000);
        }
    }
}

static void no_plan_touches_what_is_not_ours(void)
{
    struct shed_case c;

    for (unsigned k = 0; k < N_CASES; k++) {
        random_case(&c);
        for (unsigned i = 0; i < 8; i++)
            if (!c.circuits[i].has_switch || !c.circuits[i].is_backed)
                CU_ASSERT(c.plan.circuits[i].want_on == c.now[i].is_on);
    }
}

static void an_override_yields_to_power_and_min_off_only(void)
{
    struct shed_case c;

    for (unsigned k = 0; k < N_CASES; k++) {
        random_case(&c);
        for (unsigned i = 0; i < 8; i++) {
            const struct circuit_order *order = &c.plan.circuits[i];
            enum circuit_override override =
                circuit_override_at(&c.circuits[i], c.in.t_boot_ms);

            if (!c.circuits[i].has_switch || !c.circuits[i].is_backed)
                continue;
            if (override == OVERRIDE_OFF)
                CU_ASSERT(!order->want_on);
            if (override == OVERRIDE_ON && !order->want_on)
                CU_ASSERT(order->reason == WHY_POWER || order->reason == WHY_LEG ||
                          order->reason == WHY_MIN_OFF);
        }
    }
}

/* What could still be shed, and the load that is left. */
static double load_left(const struct shed_case *c, bool *ret_could_shed)
{
    double sum = 0;

    *ret_could_shed = false;
    for (unsigned i = 0; i < 8; i++) {
        double w = circuit_expect_w(&c->circuits[i], &c->now[i]);

        if (!c->plan.circuits[i].want_on || !c->circuits[i].is_backed)
            continue;
        sum += w;
        if (c->circuits[i].has_switch && c->circuits[i].class != CIRCUIT_P0 && w > 0)
            *ret_could_shed = true;
    }
    return sum;
}

static void no_plan_exceeds_the_power_limit(void)
{
    struct shed_case c;

    for (unsigned k = 0; k < N_CASES; k++) {
        bool could_shed;

        random_case(&c);
        if (load_left(&c, &could_shed) > circuit_limit_w(&c.in.limits))
            CU_ASSERT(!could_shed);
    }
}

static void life_is_never_shed_for_power(void)
{
    struct shed_case c;

    for (unsigned k = 0; k < N_CASES; k++) {
        random_case(&c);
        for (unsigned i = 0; i < 8; i++)
            if (c.circuits[i].class == CIRCUIT_P0 && c.now[i].is_on &&
                circuit_override_at(&c.circuits[i], c.in.t_boot_ms) != OVERRIDE_OFF)
                CU_ASSERT(c.plan.circuits[i].want_on);
    }
}

static void a_lower_class_goes_before_a_higher(void)
{
    struct shed_case c;

    random_case(&c);
    for (unsigned i = 0; i < 8; i++) {
        c.circuits[i] = (struct circuit){.index = (uint16_t)i,
                                         .class = (enum circuit_class)(i / 2 + 1),
                                         .typical_w = 500,
                                         .is_backed = true,
                                         .has_switch = true};
        c.now[i] = (struct circuit_now){.is_on = true};
    }
    c.in.class.max = CIRCUIT_P4;
    c.in.limits = (struct circuit_limits){
        .pcs_continuous_w = 2600, .bms_max_discharge_w = 9000, .headroom_permille = 800};
    shed_compute(&c.shed, &c.in, &c.plan);
    for (unsigned i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(c.plan.circuits[i].want_on, i < 4);
    CU_ASSERT_EQUAL(c.plan.circuits[7].reason, WHY_POWER);
}

static void a_spike_sheds_nothing_unless_the_inverter_is_overloaded(void)
{
    struct shed_case c;

    random_case(&c);
    for (unsigned i = 0; i < 8; i++) {
        c.circuits[i] = (struct circuit){.index = (uint16_t)i,
                                         .class = CIRCUIT_P3,
                                         .typical_w = 500,
                                         .is_backed = true,
                                         .has_switch = true};
        c.now[i] = (struct circuit_now){.is_on = true};
    }
    c.in.class.max = CIRCUIT_P4;
    c.in.is_overloaded = false;
    c.in.limits = (struct circuit_limits){
        .pcs_continuous_w = 3000, .bms_max_discharge_w = 3000, .headroom_permille = 800};
    shed_init(&c.shed);
    shed_compute(&c.shed, &c.in, &c.plan);
    CU_ASSERT(c.plan.circuits[7].want_on && c.plan.circuits[0].want_on);
    c.in.t_boot_ms += SHED_SPIKE_MS;
    shed_compute(&c.shed, &c.in, &c.plan);
    CU_ASSERT(!c.plan.circuits[0].want_on);
    shed_init(&c.shed);
    c.in.is_overloaded = true;
    shed_compute(&c.shed, &c.in, &c.plan);
    CU_ASSERT(!c.plan.circuits[0].want_on);
}

static void a_heater_off_at_the_return_waits_and_one_on_stays(void)
{
    struct shed_case c;

    random_case(&c);
    for (unsigned i = 0; i < 2; i++) {
        c.circuits[i] = (struct circuit){.index = (uint16_t)i,
                                         .class = CIRCUIT_P3,
                                         .kind = CIRCUIT_REFILL,
                                         .typical_w = 100,
                                         .is_backed = true,
                                         .has_switch = true};
        c.now[i] = (struct circuit_now){.is_on = i == 1};
    }
    c.in.n = 2;
    c.in.class = (struct shed_class){.max = CIRCUIT_P4, .reason = WHY_GRID};
    c.in.refill_from_ms = c.in.t_boot_ms + 1000;
    shed_compute(&c.shed, &c.in, &c.plan);
    CU_ASSERT(!c.plan.circuits[0].want_on && c.plan.circuits[1].want_on);
    CU_ASSERT_EQUAL(c.plan.circuits[0].reason, WHY_RESTORE);
    c.in.t_boot_ms += 1000;
    shed_compute(&c.shed, &c.in, &c.plan);
    CU_ASSERT(c.plan.circuits[0].want_on);
}

static void rotation_serves_who_lacked_most_and_moves_few(void)
{
    struct rotate_home home[4] = {
        {.expect_w = 100, .lack_h = 5, .held_s = 9e3, .may_be_on = true},
        {.expect_w = 100, .lack_h = 4, .held_s = 9e3, .is_on = true, .may_be_on = true},
        {.expect_w = 100, .lack_h = 9, .held_s = 9e3, .may_be_on = true},
        {.expect_w = 100, .lack_h = 20, .held_s = 9e3}};
    struct rotate_rule rule = {.target_w = 200, .fit = 0.5, .min_s = 1800, .stick_h = 2};
    unsigned order[4];

    rotate_choose(home, 4, &rule, order);
    CU_ASSERT(home[2].is_chosen);
    CU_ASSERT(home[1].is_chosen);
    CU_ASSERT(!home[0].is_chosen);
    CU_ASSERT(!home[3].is_chosen);
}

static void a_booked_car_leaves_as_promised(void)
{
    struct split_ev ev = {.storage = &ten_homes_storages[1],
                          .soc = 0.5,
                          .is_connected = true,
                          .depart_in_s = 1800};
    struct split_island island = {
        .forming_part = 0.3, .forming_wh = 7000, .net_w = 5000, .step_s = 300};
    double w;

    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w < 0);
    ev.soc = 0.605;
    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w <= 0);
    ev.depart_in_s = -1;
    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w > 0);
}

static void a_nearly_empty_battery_is_filled_from_a_full_car(void)
{
    struct split_ev ev = {.storage = &ten_homes_storages[1],
                          .soc = 0.8,
                          .is_connected = true,
                          .depart_in_s = -1};
    struct split_island island = {.forming_part = 0.03,
                                  .forming_wh = 700,
                                  .forming_charge_wh = 21800,
                                  .net_w = 1000,
                                  .step_s = 300};
    double w;

    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w > 2 * island.net_w);
    island.forming_part = 0.5;
    split_evs(&ev, 1, &island, &w);
    CU_ASSERT(w > 0 && w <= island.net_w);
}

static void a_car_never_goes_below_its_reserve(void)
{
    struct split_island island = {.forming_part = 0, .net_w = 50000, .step_s = 300};

    for (double soc = 0; soc <= 1; soc += 0.001) {
        struct split_ev ev = {.storage = &ten_homes_storages[1],
                              .soc = soc,
                              .is_connected = true,
                              .depart_in_s = -1};
        double w, after;

        split_evs(&ev, 1, &island, &w);
        after = soc - fmax(w, 0) / 0.95 / 12 / 40000;
        CU_ASSERT(after >= fmin(soc, ten_homes_storages[1].soc_reserve) - 1e-9);
    }
}

static void a_low_island_keeps_only_life_and_a_full_one_everything(void)
{
    struct dispatch_time time = {.now_s = 0, .local_s = 20 * 3600};
    struct solo solo;
    enum dispatch_class low, high;

    ten_homes_make();
    solo_init(&solo, &ten_homes_setup, 3);
    low = solo_decide(&solo, &time, 300, 0.12);
    solo_init(&solo, &ten_homes_setup, 3);
    high = solo_decide(&solo, &time, 300, 1.0);
    CU_ASSERT_EQUAL(low, DISPATCH_P0);
    CU_ASSERT(high >= DISPATCH_P1);
}

static void homes_alone_share_in_turns(void)
{
    unsigned n_on = 0, turns = 0;
    double share = -1;

    ten_homes_make();
    for (double t = 0; t < 40; t++) {
        struct dispatch_time time = {.now_s = t * 3 * 3600, .local_s = 20 * 3600};
        struct solo solo;

        solo_init(&solo, &ten_homes_setup, 4);
        solo_decide(&solo, &time, 300, 0.35);
        share = solo.share[DISPATCH_P1];
        n_on += solo_decide(&solo, &time, 300, 0.35) >= DISPATCH_P1;
        turns++;
    }
    /* a home is on in as many of its turns as the share says */
    CU_ASSERT_DOUBLE_EQUAL((double)n_on / turns, share, 0.06);
}

static void report_all(struct community_planner *planner, double soc, double watts)
{
    struct dispatch_area_report area = {
        .pv_w = 0,
        .n_storages = 2,
        .is_grid_up = false,
        .soc = {soc,  0.5 },
        .is_connected = {true, true}
    };

    for (unsigned h = 0; h < TEN_HOMES_N; h++) {
        struct dispatch_report report = {.on_mask = 31, .stored_soc = -1};

        for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
            report.circuit_w[c] = watts;
        community_report(planner, h, &report);
    }
    community_area_report(planner, &area);
}

static unsigned plan_once(double soc, double now_s)
{
    struct community_planner *planner = community_new(&ten_homes_setup);
    struct dispatch_time time = {.now_s = now_s, .local_s = 20 * 3600};
    unsigned sum = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++) /* yesterday there was sun */
        for (unsigned h = 0; h < TEN_HOMES_N; h++)
            community_history(planner, h, s, ten_homes[h].mean_w,
                              s >= 16 && s < 32 ? 2000 : 0);
    for (unsigned i = 0; i < 12; i++) {
        report_all(planner, soc, 150);
        community_plan(planner, &time, 300);
        time.now_s += 300;
    }
    for (unsigned h = 0; h < TEN_HOMES_N; h++)
        sum += community_plan_of(planner, h)->p_max;
    community_free(planner);
    return sum;
}

static void more_stored_energy_never_serves_fewer_classes(void)
{
    unsigned last = 0;

    ten_homes_make();
    for (double soc = 0.12; soc <= 1.0; soc += 0.08) {
        unsigned now = plan_once(soc, 3000);

        CU_ASSERT(now + 2 >= last); /* rounding to homes may cost one a class */
        last = now;
    }
    CU_ASSERT(last >= TEN_HOMES_N / 2);
}

static void silent_homes_get_the_share_of_their_class(void)
{
    struct community_planner *planner;
    struct dispatch_area_report area = {
        .n_storages = 2, .soc = {0.9,  0.9 },
             .is_connected = {true, true}
    };
    struct dispatch_time time = {.now_s = 3000, .local_s = 20 * 3600};
    int served[TEN_HOMES_N] = {0};

    ten_homes_make();
    planner = community_new(&ten_homes_setup);
    CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
    community_area_report(planner, &area);
    community_plan(planner, &time, 300);
    for (unsigned i = 0; i < 200; i++) { /* who is served changes hands, all alike */
        for (unsigned h = 0; h < TEN_HOMES_N; h++)
            served[h] += community_plan_of(planner, h)->p_max >= DISPATCH_P1;
        time.now_s += 300;
        community_plan(planner, &time, 300);
    }
    for (unsigned h = 1; h < TEN_HOMES_N; h++)
        CU_ASSERT(abs(served[h] - served[0]) <= 60);
    community_free(planner);
}

/* What the homes of a plan draw by their planning figures. */
static double planned_w(const struct community_planner *planner)
{
    double sum = 0;

    for (unsigned h = 0; h < TEN_HOMES_N; h++) {
        const struct dispatch_plan *plan = community_plan_of(planner, h);

        for (unsigned c = 0; plan->power_w > 0 && c <= plan->p_max; c++)
            sum += ten_homes[h].mean_w[c];
    }
    return sum;
}

static void a_nearly_empty_island_is_never_overloaded(void)
{
    ten_homes_make();
    for (double soc = 0.1; soc < 0.14; soc += 0.0005) {
        struct community_planner *planner = community_new(&ten_homes_setup);
        struct dispatch_area_report area = {
            .n_storages = 2, .soc = {soc,  0.3 },
                 .is_connected = {true, true}
        };
        struct dispatch_time time = {.now_s = 3000, .local_s = 2 * 3600};
        double most_w = (soc - 0.1) * 25000 * 0.95 * 12;

        CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
        community_area_report(planner, &area);
        community_plan(planner, &time, 300);
        CU_ASSERT(planned_w(planner) <= fmin(most_w, 20000));
        community_free(planner);
    }
}

static void a_medical_home_is_the_last_to_go_dark(void)
{
    struct dispatch_area_report area = {
        .n_storages = 2, .soc = {0.1015, 0.3 },
             .is_connected = {true,   true}
    };
    struct dispatch_time time = {.now_s = 3000, .local_s = 2 * 3600};
    struct community_planner *planner;
    unsigned n_dark = 0;

    ten_homes_make();
    ten_homes[6].is_medical = true;
    planner = community_new(&ten_homes_setup);
    CU_ASSERT_PTR_NOT_NULL_FATAL(planner);
    community_area_report(planner, &area);
    community_plan(planner, &time, 300);
    for (unsigned h = 0; h < TEN_HOMES_N; h++)
        n_dark += community_plan_of(planner, h)->power_w <= 0;
    CU_ASSERT(n_dark > 0 && n_dark < TEN_HOMES_N);
    CU_ASSERT(community_plan_of(planner, 6)->power_w > 0);
    community_free(planner);
}

static void a_plan_past_its_time_is_not_obeyed(void)
{
    struct circuit circuits[5];
    struct circuit_now now[5];
    struct site_config config = {.setup = &ten_homes_setup,
                                 .home = 2,
                                 .circuits = circuits,
                                 .n_circuits = 5,
                                 .breaker_w = 6000};
    struct dispatch_plan plan = {
        .mode = DISPATCH_ISLAND, .p_max = DISPATCH_P0, .power_w = 6000, .valid_s = 900};
    struct site_in in = {
        .time = {.now_s = 90000, .local_s = 43200},
        .step_s = 300,
        .class_max = CIRCUIT_P4,
        .frequency_hz = 50.5,
        .now = now,
        .pv_w = 4000,
        .plan = &plan,
        .plan_age_s = 300
    };
    struct site_out out;
    struct site *site;

    ten_homes_make();
    for (unsigned i = 0; i < 5; i++) {
        circuits[i] = (struct circuit){.index = (uint16_t)i,
                                       .class = (enum circuit_class)i,
                                       .is_backed = true,
                                       .has_switch = true};
        now[i] = (struct circuit_now){.is_on = true, .has_power = true, .power_w = 100};
    }
    site = site_new(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(site);
    site_step(site, &in, &out);
    CU_ASSERT(out.by_plan && out.last == DISPATCH_P0);
    CU_ASSERT(out.plan.circuits[0].want_on && !out.plan.circuits[1].want_on);
    in.plan_age_s = 900;
    site_step(site, &in, &out);
    CU_ASSERT(!out.by_plan && out.last >= DISPATCH_P1);
    in.frequency_hz = 0; /* not known: nobody goes dark for want of a reading */
    site_step(site, &in, &out);
    CU_ASSERT(!out.is_empty && out.plan.circuits[0].want_on);
    plan.power_w = 0; /* the plan says so */
    in.plan_age_s = 0;
    site_step(site, &in, &out);
    CU_ASSERT(out.is_empty && !out.plan.circuits[0].want_on);
    plan.power_w = 6000;
    in.class_max = CIRCUIT_P0;
    site_step(site, &in, &out);
    CU_ASSERT_EQUAL(out.last, DISPATCH_P0);
    site_free(site);
}

static CU_TestInfo tests[] = {
    TEST(no_plan_breaks_min_off),
    TEST(no_plan_touches_what_is_not_ours),
    TEST(an_override_yields_to_power_and_min_off_only),
    TEST(no_plan_exceeds_the_power_limit),
    TEST(life_is_never_shed_for_power),
    TEST(a_lower_class_goes_before_a_higher),
    TEST(a_spike_sheds_nothing_unless_the_inverter_is_overloaded),
    TEST(a_heater_off_at_the_return_waits_and_one_on_stays),
    TEST(rotation_serves_who_lacked_most_and_moves_few),
    TEST(a_booked_car_leaves_as_promised),
    TEST(a_nearly_empty_battery_is_filled_from_a_full_car),
    TEST(a_car_never_goes_below_its_reserve),
    TEST(a_low_island_keeps_only_life_and_a_full_one_everything),
    TEST(homes_alone_share_in_turns),
    TEST(more_stored_energy_never_serves_fewer_classes),
    TEST(silent_homes_get_the_share_of_their_class),
    TEST(a_nearly_empty_island_is_never_overloaded),
    TEST(a_medical_home_is_the_last_to_go_dark),
    TEST(a_plan_past_its_time_is_not_obeyed),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"dispatch", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    srand(20261122);
    return suite_run(suites);
}
