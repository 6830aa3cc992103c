/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of evidence: each rule of OUTAGE 2. */
#include <math.h>
#include <string.h>

#include "lib/microgrid/evidence_text.h"
#include "tests/unit/suite.h"

#define POLL_MS 1000
#define N_MAX 6

static struct evidence evidence;
static struct evidence_source sources[N_MAX];
static struct evidence_reading readings[N_MAX];
static struct evidence_verdict v;
static uint32_t n_sources;
static int64_t now_ms;

static void begin(void)
{
    n_sources = 0;
    now_ms = 1000000;
    memset(readings, 0, sizeof readings);
}

static uint32_t add(enum evidence_kind kind, bool is_own_supply, bool is_grid_side)
{
    sources[n_sources] = (struct evidence_source){.name = "dev.point",
                                                  .kind = kind,
                                                  .is_own_supply = is_own_supply,
                                                  .is_grid_side = is_grid_side,
                                                  .is_certified = kind == EVIDENCE_PCS,
                                                  .nominal_v = 101,
                                                  .poll_ms = POLL_MS};
    evidence_init(&evidence, grid_code_find("japan-tepco-50hz"), ISLAND_OWN, sources,
                  n_sources + 1);
    return n_sources++;
}

static void read_at(uint32_t i, double value)
{
    readings[i] = (struct evidence_reading){true, value, now_ms, 1};
}

static void step(bool may_island)
{
    evidence_step(&evidence, now_ms, readings, may_island, &v);
}

/* Every source once more, as it read before: one reading confirms nothing. */
static void step_again(bool may_island)
{
    now_ms += POLL_MS;
    for (uint32_t i = 0; i < n_sources; i++)
        readings[i].t_ms = now_ms;
    step(may_island);
}

static void step_twice(bool may_island)
{
    step(may_island);
    step_again(may_island);
}

/* ---- OUTAGE 2 ---- */

static void older_than_three_polls_is_unknown(void)
{
    begin();
    add(EVIDENCE_CONTACT, true, true);
    read_at(0, 0);
    step_twice(false);
    now_ms += 3 * POLL_MS;
    step(false);
    CU_ASSERT_TRUE(v.is_loss_confirmed);
    now_ms += 1;
    step(false);
    CU_ASSERT_FALSE(v.has_sign);
    CU_ASSERT_EQUAL(v.silent, 1);
    CU_ASSERT_EQUAL(v.weak, 0);
}

static void unknown_counts_neither_way(void)
{
    static const double values[] = {(double)NAN, (double)INFINITY};

    begin();
    add(EVIDENCE_CONTACT, true, true);
    add(EVIDENCE_VOLTAGE, false, true);
    read_at(0, 0);
    readings[0].is_good = false;
    for (size_t i = 0; i < 2; i++) {
        read_at(1, values[i]);
        step(false);
        CU_ASSERT_FALSE(v.has_sign || v.is_loss_confirmed || v.is_return_confirmed);
        CU_ASSERT_EQUAL(v.silent, 3);
        CU_ASSERT_EQUAL(v.weak,
                        2); /* of a source that the grid feeds: expected, no proof */
    }
}

struct vote_case {
    enum evidence_kind kinds[2];
    double values[2];
    int n;
    bool is_sign, is_hard, is_confirmed;
};

static void loss_is_confirmed_by_one_contact_or_two_kinds(void)
{
    static const struct vote_case cases[] = {
        {{EVIDENCE_CONTACT}, {0}, 1, true, true, true},
        {{EVIDENCE_SWITCH}, {0}, 1, true, true, true},
        {{EVIDENCE_VOLTAGE}, {0}, 1, true, false, false},
        {{EVIDENCE_VOLTAGE, EVIDENCE_VOLTAGE}, {0, 0}, 2, true, false, false},
        {{EVIDENCE_VOLTAGE, EVIDENCE_FREQUENCY}, {0, 0}, 2, true, false, true},
        {{EVIDENCE_VOLTAGE, EVIDENCE_UPS}, {0, 1}, 2, true, false, true},
        {{EVIDENCE_UPS}, {1}, 1, true, false, false},
        {{EVIDENCE_UPS, EVIDENCE_NEIGHBOUR}, {1, 0}, 2, true, false, false},
        {{EVIDENCE_NEIGHBOUR, EVIDENCE_BATTERY}, {0, 0}, 2, false, false, false},
        {{EVIDENCE_PCS}, {PCS_ISLANDED}, 1, true, true, true},
        {{EVIDENCE_PCS, EVIDENCE_UPS}, {PCS_ISLANDED, 1}, 2, true, true, true},
        {{EVIDENCE_PCS}, {PCS_OFF}, 1, false, false, false},
        {{EVIDENCE_PCS}, {7}, 1, false, false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        for (uint32_t k = 0; k < (uint32_t)cases[i].n; k++) {
            add(cases[i].kinds[k], true, true);
            read_at(k, cases[i].values[k]);
        }
        step(false);
        CU_ASSERT_EQUAL(v.has_sign, cases[i].is_sign);
        CU_ASSERT_EQUAL(v.has_hard_sign, cases[i].is_hard);
        CU_ASSERT_FALSE(v.is_loss_confirmed); /* one reading may be wrong */
        step_again(false);
        CU_ASSERT_EQUAL(v.is_loss_confirmed, cases[i].is_confirmed);
    }
}

static void a_certified_pcs_confirms_on_two_reads_of_one_session(void)
{
    begin();
    add(EVIDENCE_PCS, true, true);
    read_at(0, PCS_ISLANDED);
    step(false);
    now_ms += 100;
    step(false); /* the same read again */
    CU_ASSERT_FALSE(v.is_loss_confirmed);
    CU_ASSERT_EQUAL(v.pcs, PCS_UNKNOWN);
    now_ms += 900;
    read_at(0, PCS_ISLANDED);
    step(false);
    CU_ASSERT_TRUE(v.is_loss_confirmed);
    CU_ASSERT_EQUAL(v.pcs, PCS_ISLANDED);
    CU_ASSERT_EQUAL(v.tie_closed, TRI_NO);
    now_ms += 1000;
    read_at(0, PCS_ISLANDED);
    readings[0].session = 2;
    step(false);
    CU_ASSERT_FALSE(v.is_loss_confirmed);
}

static void a_pcs_without_certificate_is_one_kind_of_two(void)
{
    begin();
    add(EVIDENCE_PCS, true, true);
    sources[0].is_certified = false;
    for (int i = 0; i < 5; i++) {
        now_ms += 1000;
        read_at(0, PCS_ISLANDED);
        step(false);
    }
    CU_ASSERT_TRUE(v.has_sign);
    CU_ASSERT_FALSE(v.is_loss_confirmed);
}

static void several_pcs_are_read_as_the_one_that_is_independent(void)
{
    static const struct {
        double a, b;
        enum evidence_pcs pcs;
    } cases[] = {
        {PCS_ISLANDED, PCS_ON_GRID, PCS_ISLANDED},
        {PCS_ON_GRID,  PCS_OFF,     PCS_ON_GRID },
        {PCS_OFF,      PCS_OFF,     PCS_OFF     },
        {PCS_OFF,      PCS_UNKNOWN, PCS_UNKNOWN },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        add(EVIDENCE_PCS, true, true);
        add(EVIDENCE_PCS, true, true);
        for (int k = 0; k < 2; k++) {
            now_ms += 1000;
            read_at(0, cases[i].a);
            read_at(1, cases[i].b);
            step(true);
        }
        CU_ASSERT_EQUAL(v.pcs, cases[i].pcs);
        /* a follower takes the island for the grid */
        CU_ASSERT_EQUAL(v.is_return_confirmed, cases[i].pcs == PCS_ON_GRID);
    }
}

static void out_of_band_counts_after_the_time_an_inverter_stays(void)
{
    begin();
    add(EVIDENCE_VOLTAGE, true, true);
    add(EVIDENCE_FREQUENCY, true, true);
    for (int64_t t = 0; t <= 1000; t += 100) {
        read_at(0, 75);
        read_at(1, 47);
        step(false);
        CU_ASSERT_TRUE(v.has_sign);
        CU_ASSERT_EQUAL(v.is_loss_confirmed, t >= 1000);
        now_ms += 100;
    }
    CU_ASSERT_FALSE(v.is_absent);
    CU_ASSERT_EQUAL(v.absent, 0);
}

static void a_return_needs_every_value_in_its_band(void)
{
    begin();
    add(EVIDENCE_CONTACT, true, true);
    add(EVIDENCE_VOLTAGE, true, true);
    read_at(0, 1);
    read_at(1, 101);
    step_twice(true);
    CU_ASSERT_TRUE(v.is_return_confirmed);
    read_at(1, 94);
    step(true);
    CU_ASSERT_TRUE(v.is_present_confirmed);
    CU_ASSERT_FALSE(v.is_return_confirmed);
}

static void a_contact_outweighs_meters_about_presence(void)
{
    begin();
    add(EVIDENCE_CONTACT, true, true);
    add(EVIDENCE_VOLTAGE, true, true);
    add(EVIDENCE_FREQUENCY, true, true);
    read_at(0, 1);
    read_at(1, 0);
    read_at(2, 0);
    step_twice(false);
    CU_ASSERT_TRUE(v.is_loss_confirmed);
    CU_ASSERT_TRUE(v.is_present_confirmed);
    read_at(0, 0);
    read_at(1, 101);
    read_at(2, 50);
    step_twice(false);
    CU_ASSERT_FALSE(v.is_present_confirmed);
}

static void who_was_wrong_counts_again_after_agreeing_once(void)
{
    begin();
    add(EVIDENCE_CONTACT, true, true);
    add(EVIDENCE_VOLTAGE, true, true);
    read_at(0, 1);
    read_at(1, 0);
    step_twice(false);
    CU_ASSERT_EQUAL(v.loss, 2);
    evidence_distrust(&evidence, &v);
    step(false);
    CU_ASSERT_FALSE(v.has_sign);
    CU_ASSERT_TRUE(v.is_return_confirmed);
    read_at(1, 101);
    step(false);
    read_at(1, 0);
    step(false);
    CU_ASSERT_TRUE(v.has_sign);
}

static void the_homes_side_is_the_grid_only_behind_a_closed_tie(void)
{
    begin();
    add(EVIDENCE_VOLTAGE, true, false);
    add(EVIDENCE_FREQUENCY, true, false);
    add(EVIDENCE_SWITCH, true, true);
    read_at(0, 101);
    read_at(1, 50);
    read_at(2, 0);
    step_twice(true);
    CU_ASSERT_EQUAL(v.present, 0);
    CU_ASSERT_EQUAL(v.vf_good, TRI_YES);
    CU_ASSERT_EQUAL(v.supply, TRI_YES);
    now_ms += 100;
    read_at(2, 1); /* the others are from before it closed */
    step(true);
    now_ms += 100;
    read_at(2, 1);
    step(true);
    CU_ASSERT_EQUAL(v.present, 0);
    now_ms += 100;
    read_at(0, 101);
    read_at(1, 50);
    step(true);
    CU_ASSERT_EQUAL(v.present, 3);
}

/* The PCS formed its island before the outage was confirmed. */
static void an_island_that_lights_the_home_is_no_sign_of_the_grid(void)
{
    for (int k = 0; k < 2; k++) {
        begin();
        add(EVIDENCE_VOLTAGE, true, false);
        add(EVIDENCE_FREQUENCY, true, false);
        add(k == 0 ? EVIDENCE_SWITCH : EVIDENCE_PCS, true, true);
        read_at(0, 101);
        read_at(1, 50);
        read_at(2, k == 0 ? 0 : PCS_ISLANDED);
        step(false);
        CU_ASSERT_EQUAL(v.present, 0);
        CU_ASSERT_EQUAL(v.loss, 4);
        read_at(0, 0); /* dark all the same: that does count */
        step(false);
        CU_ASSERT_EQUAL(v.loss, 5);
    }
}

static void an_island_may_run_at_53_hz(void)
{
    static const double hz[] = {46, 47.6, 53.2, 54};
    static const enum evidence_tri good[] = {TRI_NO, TRI_YES, TRI_YES, TRI_NO};

    begin();
    add(EVIDENCE_VOLTAGE, true, false);
    add(EVIDENCE_FREQUENCY, true, false);
    for (size_t i = 0; i < sizeof hz / sizeof hz[0]; i++) {
        read_at(0, 101);
        read_at(1, hz[i]);
        step_twice(true);
        CU_ASSERT_EQUAL(v.vf_good, good[i]);
        CU_ASSERT_DOUBLE_EQUAL(v.home_hz, hz[i], 1e-9);
    }
}

static void supply_is_gone_only_when_all_say_so_and_none_is_silent(void)
{
    begin();
    add(EVIDENCE_VOLTAGE, true, false);
    add(EVIDENCE_CONTACT, true, false);
    read_at(0, 0);
    step(true);
    CU_ASSERT_EQUAL(v.supply, TRI_UNKNOWN);
    read_at(1, 0);
    step(true);
    CU_ASSERT_EQUAL(v.supply, TRI_UNKNOWN); /* one reading */
    step_again(true);
    CU_ASSERT_EQUAL(v.supply, TRI_NO);
    read_at(1, 1);
    step(true);
    CU_ASSERT_EQUAL(v.supply, TRI_UNKNOWN);
    step_again(true);
    CU_ASSERT_EQUAL(v.supply, TRI_YES);
}

static void usable_energy_is_the_lowest_told(void)
{
    begin();
    add(EVIDENCE_BATTERY, true, false);
    add(EVIDENCE_BATTERY, true, false);
    step(false);
    CU_ASSERT_FALSE(v.has_usable);
    read_at(0, 400);
    read_at(1, 250);
    step(false);
    CU_ASSERT_FALSE(v.has_usable);
    step_again(false);
    CU_ASSERT_EQUAL(v.usable_permille, 250);
    read_at(1, -5);
    step(false);
    CU_ASSERT_EQUAL(v.usable_permille, 250); /* a counter that reads nothing once */
    step_again(false);
    CU_ASSERT_EQUAL(v.usable_permille, 0);
}

static void a_communitys_pcs_sees_the_communitys_bus(void)
{
    begin();
    add(EVIDENCE_PCS, true, true);
    evidence_init(&evidence, grid_code_find("test"), ISLAND_COMMUNITY, sources, 1);
    for (int k = 0; k < 3; k++) {
        now_ms += 1000;
        read_at(0, PCS_ON_GRID);
        step(true);
    }
    CU_ASSERT_TRUE(v.tie_closed == TRI_YES); /* of the home, to the bus */
    CU_ASSERT_FALSE(v.is_return_confirmed);
    begin();
    add(EVIDENCE_PCS, true, true);
    add(EVIDENCE_SWITCH, true, true);
    evidence_init(&evidence, grid_code_find("test"), ISLAND_COMMUNITY, sources, 2);
    for (int k = 0; k < 3; k++) {
        now_ms += 1000;
        read_at(0, PCS_ON_GRID);
        read_at(1, 0);
        step(true);
    }
    CU_ASSERT_FALSE(v.is_return_confirmed);
}

/* ---- words ---- */

static void each_kind_has_its_words(void)
{
    static const struct {
        enum evidence_kind kind;
        double value;
        const char *text;
    } cases[] = {
        {EVIDENCE_CONTACT, 0, "contact dev.point open since 0.2 s"},
        {EVIDENCE_CONTACT, 1, "contact dev.point energised since 0.2 s"},
        {EVIDENCE_VOLTAGE, 3.21, "voltage dev.point 3.2 V since 0.2 s"},
        {EVIDENCE_FREQUENCY, 47, "frequency dev.point 47.0 Hz (out of band) since 0.2 s"},
        {EVIDENCE_PCS, 2, "pcs dev.point in independent operation since 0.2 s"},
        {EVIDENCE_PCS, 1, "pcs dev.point on the grid since 0.2 s"},
        {EVIDENCE_PCS, 3, "pcs dev.point not supplying since 0.2 s"},
        {EVIDENCE_PCS, 0, "pcs dev.point in an unknown state since 0.2 s"},
        {EVIDENCE_SWITCH, 1, "switch dev.point closed since 0.2 s"},
        {EVIDENCE_UPS, 1, "ups dev.point on battery since 0.2 s"},
        {EVIDENCE_BATTERY, 291, "battery dev.point 29 %"},
        {EVIDENCE_NEIGHBOUR, 0, "neighbour dev.point without grid since 0.2 s"},
    };
    char text[EVIDENCE_TEXT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        add(cases[i].kind, true, true);
        read_at(0, cases[i].value);
        step(false);
        CU_ASSERT_STRING_EQUAL(
            evidence_text(&evidence, 0, now_ms + 200, text, sizeof text), cases[i].text);
    }
    now_ms += 20000;
    step(false);
    CU_ASSERT_STRING_EQUAL(evidence_text(&evidence, 0, now_ms, text, sizeof text),
                           "neighbour dev.point silent");
    CU_ASSERT_STRING_EQUAL(evidence_text(&evidence, 9, now_ms, text, sizeof text), "");
    CU_ASSERT_STRING_EQUAL(evidence_kind_name(EVIDENCE_KINDS), "unknown");
}

static void a_set_is_joined_and_cut_to_its_room(void)
{
    char text[200], small[20], one[1] = {'x'};

    begin();
    add(EVIDENCE_CONTACT, true, true);
    add(EVIDENCE_UPS, true, true);
    read_at(0, 0);
    read_at(1, 1);
    step(false);
    CU_ASSERT_STRING_EQUAL(
        evidence_set_text(&evidence, 3, now_ms + 11000, text, sizeof text),
        "contact dev.point open since 11 s; ups dev.point on battery since 11 s");
    for (size_t size = 1; size <= sizeof small; size++) {
        memset(small, 'x', sizeof small);
        evidence_set_text(&evidence, 3, now_ms, small, size);
        CU_ASSERT_TRUE(strlen(small) < size);
    }
    evidence_set_text(&evidence, 3, now_ms, one, 0);
    evidence_text(&evidence, 0, now_ms, one, 0);
    CU_ASSERT_EQUAL(one[0], 'x');
    CU_ASSERT_STRING_EQUAL(evidence_set_text(&evidence, 0, now_ms, text, sizeof text),
                           "");
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(older_than_three_polls_is_unknown),
        TEST(unknown_counts_neither_way),
        TEST(loss_is_confirmed_by_one_contact_or_two_kinds),
        TEST(a_certified_pcs_confirms_on_two_reads_of_one_session),
        TEST(a_pcs_without_certificate_is_one_kind_of_two),
        TEST(several_pcs_are_read_as_the_one_that_is_independent),
        TEST(out_of_band_counts_after_the_time_an_inverter_stays),
        TEST(a_return_needs_every_value_in_its_band),
        TEST(a_contact_outweighs_meters_about_presence),
        TEST(who_was_wrong_counts_again_after_agreeing_once),
        TEST(the_homes_side_is_the_grid_only_behind_a_closed_tie),
        TEST(an_island_that_lights_the_home_is_no_sign_of_the_grid),
        TEST(an_island_may_run_at_53_hz),
        TEST(supply_is_gone_only_when_all_say_so_and_none_is_silent),
        TEST(usable_energy_is_the_lowest_told),
        TEST(a_communitys_pcs_sees_the_communitys_bus),
        TEST(each_kind_has_its_words),
        TEST(a_set_is_joined_and_cut_to_its_room),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"evidence", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
