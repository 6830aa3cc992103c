/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the outage controller: any bytes become a site, readings, plans and a person's
 * acts, step by step. What must hold whatever happens is asserted after each step.
 */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/microgrid/evidence_text.h"
#include "lib/microgrid/grid_state.h"
#include "lib/microgrid/grid_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static uint32_t take(struct input *in, uint32_t below)
{
    uint8_t byte = 0;

    if (in->left > 0) {
        byte = *in->at++;
        in->left--;
    }
    return byte % below;
}

struct run {
    struct input in;
    int64_t now_ms;
    uint32_t n;
    struct evidence_source sources[EVIDENCE_MAX];
    struct evidence_reading readings[EVIDENCE_MAX];
    struct evidence evidence;
    struct evidence_verdict v;
    struct grid_config config;
    struct grid_input input;
    struct grid_state grid;
    struct grid_out out;
};

static void make_site(struct run *run)
{
    uint64_t seed;

    run->n = take(&run->in, EVIDENCE_MAX + 1);
    for (uint32_t i = 0; i < run->n; i++) {
        uint32_t bits = take(&run->in, 256);

        run->sources[i] =
            (struct evidence_source){.name = "a",
                                     .kind = (enum evidence_kind)(bits % EVIDENCE_KINDS),
                                     .is_own_supply = bits & 8,
                                     .is_grid_side = bits & 16,
                                     .is_certified = bits & 32,
                                     .nominal_v = bits & 64 ? 202 : 101,
                                     .poll_ms = bits & 128 ? 1000 : 100};
    }
    seed = take(&run->in, 256);
    run->config =
        grid_config_default(grid_code_find(grid_code_name(take(&run->in, 3))), seed);
    run->config.island = (enum grid_island)take(&run->in, 3);
    run->config.has_forecast = take(&run->in, 2);
    run->config.island_slope_hz = take(&run->in, 3);
    run->config.timing.gap_ms = take(&run->in, 2) ? 60000 : 0;
    evidence_init(&run->evidence, &run->config.code, run->config.island, run->sources,
                  run->n);
    grid_state_init(&run->grid, &run->config,
                    (enum grid_state_id)take(&run->in, GRID_STATE_COUNT), run->now_ms);
}

static double any_value(struct input *in)
{
    static const double values[] = {0,     1,    2,  3,  101, 75,  202, 160, 50,
                                    49.51, 50.4, 52, 60, 47,  300, 80,  151, 900};
    uint32_t pick = take(in, 24);

    if (pick == 23)
        return (double)NAN;
    return pick < sizeof values / sizeof values[0] ? values[pick]
                                                   : -values[pick % 8] * 1e9;
}

static void read_sources(struct run *run)
{
    for (uint32_t n = take(&run->in, 5); n > 0 && run->n > 0; n--) {
        uint32_t i = take(&run->in, run->n);

        run->readings[i] = (struct evidence_reading){
            .is_good = take(&run->in, 8) > 0,
            .value = any_value(&run->in),
            .t_ms = run->now_ms - (int64_t)take(&run->in, 4) * 900,
            .session = take(&run->in, 3)};
    }
}

static void act(struct run *run)
{
    uint32_t bits = take(&run->in, 256);

    run->input.verdict = &run->v;
    run->input.forecast_below = (enum evidence_tri)(bits % 3);
    run->input.has_pcs_alarm = bits & 4;
    run->input.is_pv_seen = run->input.is_daylight = bits & 8;
    run->input.is_sync_ok = bits & 16;
    run->input.is_locked = (bits & 0xe0) == 0x20;
    run->input.has_contactor_fault = (bits & 0xe0) == 0x40;
    run->input.is_island_wanted = (bits & 0xe0) == 0x60;
    run->input.person =
        (bits & 0xe0) == 0x80 ? (enum grid_person)(bits % 4) : PERSON_NONE;
    if ((bits & 0xe0) == 0xa0)
        run->input.plan = (struct grid_plan){
            .is_valid = bits & 1,
            .t_ms = run->now_ms - (bits & 2) * 1000,
            .state = (enum grid_state_id)take(&run->in, GRID_STATE_COUNT)};
}

static bool is_row(enum grid_island island, const char *name)
{
    uint32_t n;
    const struct grid_row *rows = grid_table_rows(island, &n);

    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return true;
    }
    return false;
}

static void check_transitions(const struct run *run, enum grid_state_id from)
{
    const struct grid_out *out = &run->out;

    assert(out->n_transitions <= GRID_TRANSITIONS_MAX);
    for (uint32_t i = 0; i < out->n_transitions; i++) {
        const struct grid_transition *t = &out->transitions[i];

        assert(t->from == from);
        assert(is_row(run->config.island, t->row));
        assert(t->why[0] != '\0' && memchr(t->why, '\0', sizeof t->why));
        assert(run->n == EVIDENCE_MAX || t->evidence >> run->n == 0);
        from = t->to;
    }
    assert(out->demand.state == from && run->grid.state == from);
}

static void check_demand(const struct run *run)
{
    const struct grid_demand *demand = &run->out.demand;
    bool is_person = demand->state == MANUAL || demand->state == FAULT;

    assert(demand->next_ms > run->now_ms);
    assert(demand->pv_limit_permille <= 1000);
    assert(demand->no_switching == is_person);
    assert(demand->state == GRID_OK || demand->freeze_exports);
    assert(!demand->close_tie || (demand->ask_sync && run->input.is_sync_ok));
    assert(!demand->ask_sync ||
           (run->config.island == ISLAND_OWN && demand->state == RECONNECTING &&
            run->v.is_return_confirmed && run->v.tie_closed != TRI_YES));
    assert(!demand->open_all_first || demand->highest_class <= CIRCUIT_P0 ||
           demand->state == RECONNECTING);
    assert(demand->state != BLACK || demand->open_all_first);
    assert(run->config.island != ISLAND_NONE || !demand->is_islanded);
    assert(run->config.island != ISLAND_NONE ||
           (demand->state != TRANSFERRING && demand->state != ISLANDED) ||
           run->out.n_transitions == 0);
}

/* The rules of evidence, again, in other words. */
static void check_verdict(const struct run *run)
{
    const struct evidence_verdict *v = &run->v;

    assert((v->loss & v->present) == 0);
    assert((v->silent & (v->loss | v->present)) == 0);
    assert((v->weak & ~v->silent) == 0 && (v->absent & ~v->loss) == 0);
    assert(v->has_sign == (v->loss != 0));
    assert(!v->is_loss_confirmed || v->loss != 0);
    assert(!v->is_return_confirmed || (v->present != 0 && v->is_present_confirmed));
    assert(!v->has_usable || v->usable_permille <= 1000);
}

/* Black in a community only when the supply was seen gone. */
static void check_black(const struct run *run, enum grid_state_id from)
{
    if (run->config.island == ISLAND_COMMUNITY && from != BLACK &&
        run->grid.state == BLACK)
        assert(run->v.supply == TRI_NO);
    if (from == GRID_OK && run->n == 0)
        assert(run->grid.state != BLACK || run->config.island == ISLAND_NONE);
}

static void step(struct run *run)
{
    enum grid_state_id from = run->grid.state;
    char text[64];

    evidence_step(&run->evidence, run->now_ms, run->readings,
                  grid_state_may_island(&run->grid), &run->v);
    check_verdict(run);
    grid_state_step(&run->grid, run->now_ms, &run->input, &run->evidence, &run->out);
    check_transitions(run, from);
    check_demand(run);
    check_black(run, from);
    for (uint32_t i = 0; i < run->out.n_transitions; i++) {
        if (run->out.transitions[i].distrust)
            evidence_distrust(&run->evidence, &run->v);
    }
    evidence_set_text(&run->evidence, run->v.silent, run->now_ms, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t waits_ms[] = {0, 100, 1000, 5000, 10000, 60000, 600000, 3600000};
    static struct run run;

    memset(&run, 0, sizeof run);
    run.in = (struct input){data, size};
    run.now_ms = 10000000;
    make_site(&run);
    while (run.in.left > 0) {
        run.now_ms += waits_ms[take(&run.in, 8)];
        read_sources(&run);
        act(&run);
        step(&run);
    }
    return 0;
}
