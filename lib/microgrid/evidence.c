/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From readings to a verdict. Everything counted is a set that only grows with sources,
 * so that taking a source away can never confirm anything. Pure; called by the daemon
 * before each step of grid_state.
 */
#include "lib/microgrid/evidence.h"

#include <math.h>
#include <string.h>

#define PCS_READS 2
/* An island may run 6.4 % above the nominal frequency to throttle PV (53.2 Hz at 50). */
#define ISLAND_LOW_HZ 0.95
#define ISLAND_HIGH_HZ 1.07
/* Their value is a state, with a time since when it is so. */
#define STATE_KINDS                                                                      \
    (1U << EVIDENCE_CONTACT | 1U << EVIDENCE_SWITCH | 1U << EVIDENCE_PCS |               \
     1U << EVIDENCE_UPS)
#define HARD_KINDS (1U << EVIDENCE_CONTACT | 1U << EVIDENCE_SWITCH)

void evidence_init(struct evidence *evidence, const struct grid_code *code,
                   enum grid_island island, const struct evidence_source *sources,
                   uint32_t n_sources)
{
    *evidence = (struct evidence){
        .code = *code,
        .island = island,
        .n = n_sources < EVIDENCE_MAX ? n_sources : EVIDENCE_MAX,
        .sources = sources,
        .tie_ms = INT64_MAX,
    };
    for (uint32_t i = 0; i < EVIDENCE_MAX; i++)
        evidence->memory[i].t_ms = INT64_MIN;
}

/* ---- what was read ---- */

static void remember(const struct evidence_source *source, struct evidence_memory *memory,
                     const struct evidence_reading *reading, int64_t t_boot_ms)
{
    int64_t age_ms = t_boot_ms - reading->t_ms;
    bool was_fresh = memory->is_fresh;

    memory->is_fresh = reading->is_good && isfinite(reading->value) &&
                       age_ms <= (int64_t)source->poll_ms * EVIDENCE_STALE_POLLS;
    if (!memory->is_fresh) {
        memory->n_reads = 0;
        return;
    }
    /* edges of one millisecond are two reads */
    if (memory->n_reads > 0 && reading->t_ms == memory->t_ms &&
        reading->value == memory->value)
        return;
    memory->before = memory->n_reads > 0 && reading->session == memory->session
                         ? memory->value
                         : (double)NAN;
    if (memory->n_reads > 0 && reading->session == memory->session &&
        reading->value == memory->value)
        memory->n_reads += memory->n_reads < UINT32_MAX;
    else
        memory->n_reads = 1;
    if (!was_fresh || (memory->n_reads == 1 && (STATE_KINDS >> source->kind & 1)))
        memory->since_ms = reading->t_ms;
    memory->session = reading->session;
    memory->value = reading->value;
    memory->t_ms = reading->t_ms;
}

static bool is_fresh(const struct evidence *evidence, uint32_t i, enum evidence_kind kind)
{
    return evidence->sources[i].kind == kind && evidence->memory[i].is_fresh;
}

static enum evidence_pcs pcs_of(double value)
{
    for (int pcs = PCS_ON_GRID; pcs <= PCS_OFF; pcs++) {
        if (value == pcs)
            return (enum evidence_pcs)pcs;
    }
    return PCS_UNKNOWN;
}

/* What the PCS say on two reads. One that is independent decides; all have to be off for
 * "off", a silent one may not be. */
static enum evidence_pcs read_pcs(const struct evidence *evidence, bool *ret_any_island)
{
    uint32_t seen = 0;

    *ret_any_island = false;
    for (uint32_t i = 0; i < evidence->n; i++) {
        const struct evidence_memory *memory = &evidence->memory[i];
        bool is_known = memory->is_fresh && memory->n_reads >= PCS_READS;

        if (evidence->sources[i].kind != EVIDENCE_PCS)
            continue;
        if (memory->is_fresh && pcs_of(memory->value) == PCS_ISLANDED)
            *ret_any_island = true;
        seen |= 1U << (is_known ? pcs_of(memory->value) : PCS_UNKNOWN);
    }
    if (seen >> PCS_ISLANDED & 1)
        return PCS_ISLANDED;
    if (seen >> PCS_ON_GRID & 1)
        return PCS_ON_GRID;
    return seen == 1U << PCS_OFF ? PCS_OFF : PCS_UNKNOWN;
}

/* On two readings; *ret_any_open: one says, maybe for the first time, that it is open. */
static enum evidence_tri read_switch(const struct evidence *evidence, bool *ret_any_open)
{
    enum evidence_tri closed = TRI_UNKNOWN;

    *ret_any_open = false;
    for (uint32_t i = 0; i < evidence->n; i++) {
        const struct evidence_memory *memory = &evidence->memory[i];

        if (!is_fresh(evidence, i, EVIDENCE_SWITCH))
            continue;
        *ret_any_open |= memory->value == 0;
        if (closed != TRI_NO && !isnan(memory->before) &&
            (memory->value != 0) == (memory->before != 0))
            closed = memory->value != 0 ? TRI_YES : TRI_NO;
    }
    return closed;
}

/* ---- the home's side ---- */

static bool is_island_good(const struct evidence *evidence, uint32_t i, double value)
{
    const struct evidence_source *source = &evidence->sources[i];
    uint32_t within_ms;

    if (source->kind == EVIDENCE_FREQUENCY)
        return value >= evidence->code.nominal_hz * ISLAND_LOW_HZ &&
               value <= evidence->code.nominal_hz * ISLAND_HIGH_HZ;
    return grid_code_fit_v(&evidence->code, source->nominal_v, value, &within_ms) >=
           GRID_FIT_PRESENT;
}

static bool is_energised(const struct evidence *evidence, uint32_t i, double value)
{
    const struct evidence_source *source = &evidence->sources[i];
    uint32_t within_ms;

    if (source->kind == EVIDENCE_CONTACT)
        return value != 0;
    return grid_code_fit_v(&evidence->code, source->nominal_v, value, &within_ms) !=
           GRID_FIT_NONE;
}

static bool tells_supply(const struct evidence_source *source)
{
    return !source->is_grid_side &&
           (source->kind == EVIDENCE_VOLTAGE || source->kind == EVIDENCE_CONTACT);
}

typedef bool holds_fn(const struct evidence *evidence, uint32_t i, double value);

/* One reading may be wrong, two of one session are not both: else it is not known. */
static enum evidence_tri twice(const struct evidence *evidence, uint32_t i,
                               holds_fn *holds)
{
    const struct evidence_memory *memory = &evidence->memory[i];
    bool now = holds(evidence, i, memory->value);

    if (isnan(memory->before) || holds(evidence, i, memory->before) != now)
        return TRI_UNKNOWN;
    return now ? TRI_YES : TRI_NO;
}

/* Of two readings the one nearer to the nominal frequency: the other may be wrong. */
static double calm_hz(const struct evidence *evidence, uint32_t i)
{
    const struct evidence_memory *memory = &evidence->memory[i];
    double nominal_hz = evidence->code.nominal_hz;

    if (isnan(memory->before))
        return (double)NAN;
    return fabs(memory->before - nominal_hz) < fabs(memory->value - nominal_hz)
               ? memory->before
               : memory->value;
}

static void read_home_source(const struct evidence *evidence, uint32_t i,
                             struct evidence_verdict *ret)
{
    enum evidence_kind kind = evidence->sources[i].kind;
    enum evidence_tri is_good, is_lit;

    if (kind == EVIDENCE_VOLTAGE || kind == EVIDENCE_FREQUENCY) {
        is_good = twice(evidence, i, is_island_good);
        if (is_good == TRI_NO)
            ret->vf_good = TRI_NO;
        else if (is_good == TRI_YES && ret->vf_good == TRI_UNKNOWN &&
                 kind == EVIDENCE_VOLTAGE)
            ret->vf_good = TRI_YES;
    }
    if (kind == EVIDENCE_FREQUENCY)
        ret->home_hz = calm_hz(evidence, i);
    if (!tells_supply(&evidence->sources[i]))
        return;
    is_lit = twice(evidence, i, is_energised);
    if (is_lit == TRI_YES)
        ret->supply = TRI_YES;
    else if (is_lit == TRI_NO && ret->supply == TRI_UNKNOWN)
        ret->supply = TRI_NO;
}

/* The higher of two readings: a counter that reads 0 once empties no battery. */
static void read_battery(const struct evidence_memory *memory,
                         struct evidence_verdict *ret)
{
    uint32_t permille;

    if (isnan(memory->before))
        return;
    permille = (uint32_t)fmin(fmax(fmax(memory->value, memory->before), 0), 1000);
    if (!ret->has_usable || permille < ret->usable_permille)
        ret->usable_permille = permille;
    ret->has_usable = true;
}

static void read_home(const struct evidence *evidence, struct evidence_verdict *ret)
{
    bool is_complete = true;

    for (uint32_t i = 0; i < evidence->n; i++) {
        const struct evidence_source *source = &evidence->sources[i];

        if (tells_supply(source) && (!evidence->memory[i].is_fresh ||
                                     twice(evidence, i, is_energised) == TRI_UNKNOWN))
            is_complete = false;
        if (!evidence->memory[i].is_fresh)
            continue;
        if (!source->is_grid_side)
            read_home_source(evidence, i, ret);
        if (source->kind == EVIDENCE_BATTERY)
            read_battery(&evidence->memory[i], ret);
    }
    if (!is_complete && ret->supply == TRI_NO)
        ret->supply = TRI_UNKNOWN;
}

/* ---- votes ---- */

/* What may be taken for the grid's in this step. */
struct view {
    bool may_island; /* PCS and switch speak of the tie only */
    bool any_island; /* a PCS says, maybe for the first time, that it is independent */
    bool any_open;   /* a switch likewise */
    bool is_home_lit_by_grid; /* nothing says that an island lights the home */
};

static enum evidence_says says_of_fit(enum grid_fit fit)
{
    static const enum evidence_says says[] = {
        [GRID_FIT_NONE] = SAYS_ABSENT,
        [GRID_FIT_TRIP] = SAYS_OUT_OF_BAND,
        [GRID_FIT_PRESENT] = SAYS_PRESENT,
        [GRID_FIT_ENTER] = SAYS_IN_BAND,
    };

    return says[fit];
}

/* One reading of a source, on trial. */
struct ballot {
    const struct evidence *evidence;
    const struct evidence_source *source;
    const struct view *view;
    double value;
};

typedef enum evidence_says vote_fn(const struct ballot *ballot, uint32_t *ret_within_ms);

static enum evidence_says vote_contact(const struct ballot *ballot,
                                       uint32_t *ret_within_ms)
{
    (void)ret_within_ms;
    return ballot->value != 0 ? SAYS_IN_BAND : SAYS_ABSENT;
}

static enum evidence_says vote_voltage(const struct ballot *ballot,
                                       uint32_t *ret_within_ms)
{
    return says_of_fit(grid_code_fit_v(&ballot->evidence->code, ballot->source->nominal_v,
                                       ballot->value, ret_within_ms));
}

static enum evidence_says vote_frequency(const struct ballot *ballot,
                                         uint32_t *ret_within_ms)
{
    return says_of_fit(
        grid_code_fit_hz(&ballot->evidence->code, ballot->value, ret_within_ms));
}

static enum evidence_says vote_pcs(const struct ballot *ballot, uint32_t *ret_within_ms)
{
    enum evidence_pcs pcs = pcs_of(ballot->value);

    (void)ret_within_ms;
    /* an inverter that only follows takes another one's island for the grid */
    if (pcs == PCS_ON_GRID)
        return ballot->view->any_island ? SAYS_NOTHING : SAYS_IN_BAND;
    return pcs == PCS_ISLANDED && !ballot->view->may_island ? SAYS_ABSENT : SAYS_NOTHING;
}

/* A closed tie proves nothing about the lines behind it. */
static enum evidence_says vote_switch(const struct ballot *ballot,
                                      uint32_t *ret_within_ms)
{
    (void)ret_within_ms;
    return ballot->value == 0 && !ballot->view->may_island ? SAYS_ABSENT
                                                               : SAYS_NOTHING;
}

static enum evidence_says vote_ups(const struct ballot *ballot, uint32_t *ret_within_ms)
{
    (void)ret_within_ms;
    return ballot->value != 0 ? SAYS_ABSENT : SAYS_IN_BAND;
}

static enum evidence_says vote_neighbour(const struct ballot *ballot,
                                         uint32_t *ret_within_ms)
{
    (void)ret_within_ms;
    return ballot->value != 0 ? SAYS_PRESENT : SAYS_ABSENT;
}

struct kind {
    const char *name;
    vote_fn *vote;    /* NULL: never votes */
    bool has_side;    /* its home's side is the island's */
    bool is_advisory; /* shown, never counted */
};

static const struct kind kinds[EVIDENCE_KINDS] = {
    [EVIDENCE_CONTACT] = {"contact",   vote_contact,   true,  false},
    [EVIDENCE_VOLTAGE] = {"voltage",   vote_voltage,   true,  false},
    [EVIDENCE_FREQUENCY] = {"frequency", vote_frequency, true,  false},
    [EVIDENCE_PCS] = {"pcs",       vote_pcs,       false, false},
    [EVIDENCE_SWITCH] = {"switch",    vote_switch,    false, false},
    [EVIDENCE_UPS] = {"ups",       vote_ups,       true,  false},
    [EVIDENCE_BATTERY] = {"battery",   NULL,           false, false},
    [EVIDENCE_NEIGHBOUR] = {"neighbour", vote_neighbour, false, true },
};

const char *evidence_kind_name(enum evidence_kind kind)
{
    return (unsigned)kind < EVIDENCE_KINDS ? kinds[kind].name : "unknown";
}

static bool is_home_side(const struct evidence *evidence, uint32_t i)
{
    const struct evidence_source *source = &evidence->sources[i];

    if (source->kind == EVIDENCE_PCS)
        return evidence->island == ISLAND_COMMUNITY;
    return kinds[source->kind].has_side && !source->is_grid_side;
}

static bool is_loss(enum evidence_says says)
{
    return says == SAYS_ABSENT || says == SAYS_OUT_OF_BAND;
}

/* The home's side may be an island, lit by itself. Behind a tie that has just closed,
 * what was read before is the island's still. */
static bool may_count(const struct evidence *evidence, uint32_t i,
                      const struct view *view, enum evidence_says says)
{
    if (view->may_island)
        return evidence->island == ISLAND_OWN &&
               evidence->memory[i].t_ms > evidence->tie_ms;
    return is_loss(says) || view->is_home_lit_by_grid;
}

static enum evidence_says vote(const struct evidence *evidence, uint32_t i,
                               const struct view *view, double value,
                               uint32_t *ret_within_ms)
{
    const struct ballot ballot = {evidence, &evidence->sources[i], view, value};
    const struct kind *kind = &kinds[ballot.source->kind];
    enum evidence_says says;

    *ret_within_ms = 0;
    if (!evidence->memory[i].is_fresh || !kind->vote || isnan(value))
        return SAYS_NOTHING;
    says = kind->vote(&ballot, ret_within_ms);
    return is_home_side(evidence, i) && !may_count(evidence, i, view, says) ? SAYS_NOTHING
                                                                            : says;
}

static void count(const struct evidence *evidence, uint32_t i,
                  struct evidence_verdict *ret)
{
    const struct evidence_memory *memory = &evidence->memory[i];
    uint32_t bit = 1U << i;

    if (!memory->is_fresh) {
        ret->silent |= bit;
        if (!evidence->sources[i].is_own_supply)
            ret->weak |= bit;
    }
    if (kinds[evidence->sources[i].kind].is_advisory || memory->says == SAYS_NOTHING)
        return;
    if (!is_loss(memory->says)) {
        ret->present |= bit;
    } else if (!(evidence->distrusted & bit)) {
        ret->loss |= bit;
        if (memory->says == SAYS_ABSENT)
            ret->absent |= bit;
    }
}

static void take_votes(struct evidence *evidence, int64_t t_boot_ms,
                       const struct view *view, struct evidence_verdict *ret)
{
    for (uint32_t i = 0; i < evidence->n; i++) {
        struct evidence_memory *memory = &evidence->memory[i];
        uint32_t within_ms;
        enum evidence_says said = vote(evidence, i, view, memory->before, &within_ms);
        enum evidence_says says =
            vote(evidence, i, view, memory->value, &memory->within_ms);

        if (says != memory->says)
            memory->since_ms = memory->is_fresh ? memory->t_ms : t_boot_ms;
        memory->says = says;
        memory->is_said_twice = said != SAYS_NOTHING && is_loss(said) == is_loss(says);
        if (says == SAYS_PRESENT || says == SAYS_IN_BAND)
            evidence->distrusted &= ~(1U << i);
        count(evidence, i, ret);
    }
}

/* ---- OUTAGE 2.3 ---- */

static bool has_held(const struct evidence_memory *memory, int64_t t_boot_ms)
{
    return t_boot_ms - memory->since_ms >= (int64_t)memory->within_ms;
}

/* A hard-wired contact, or a certified PCS on two reads. */
static bool is_strong(const struct evidence *evidence, uint32_t i)
{
    const struct evidence_source *source = &evidence->sources[i];

    return (HARD_KINDS >> source->kind & 1) ||
           (source->kind == EVIDENCE_PCS && source->is_certified &&
            evidence->memory[i].n_reads >= PCS_READS);
}

/* One strong source, or two different kinds; none by one reading alone. */
static bool is_confirmed(const struct evidence *evidence, uint32_t set, int64_t t_boot_ms,
                         bool *ret_is_strong)
{
    uint32_t seen = 0;

    *ret_is_strong = false;
    for (uint32_t i = 0; i < evidence->n; i++) {
        if (!(set >> i & 1) || !evidence->memory[i].is_said_twice ||
            !has_held(&evidence->memory[i], t_boot_ms))
            continue;
        *ret_is_strong = *ret_is_strong || is_strong(evidence, i);
        seen |= 1U << evidence->sources[i].kind;
    }
    return *ret_is_strong || (seen & (seen - 1)) != 0;
}

static bool is_any_out_of_enter_band(const struct evidence *evidence)
{
    for (uint32_t i = 0; i < evidence->n; i++) {
        enum evidence_kind kind = evidence->sources[i].kind;
        enum evidence_says says = evidence->memory[i].says;

        if ((kind == EVIDENCE_VOLTAGE || kind == EVIDENCE_FREQUENCY) &&
            !(evidence->distrusted >> i & 1) && says != SAYS_NOTHING &&
            says != SAYS_IN_BAND)
            return true;
    }
    return false;
}

static bool has_hard_sign(const struct evidence *evidence, uint32_t set)
{
    for (uint32_t i = 0; i < evidence->n; i++) {
        if ((set >> i & 1) &&
            ((HARD_KINDS | 1U << EVIDENCE_PCS) >> evidence->sources[i].kind & 1))
            return true;
    }
    return false;
}

static void conclude(const struct evidence *evidence, struct evidence_verdict *ret)
{
    bool is_loss_strong, is_present_strong, is_present;

    ret->has_sign = ret->loss != 0;
    ret->has_hard_sign = has_hard_sign(evidence, ret->loss);
    ret->is_loss_confirmed =
        is_confirmed(evidence, ret->loss, ret->t_ms, &is_loss_strong);
    ret->is_absent = ret->absent != 0;
    is_present = is_confirmed(evidence, ret->present, ret->t_ms, &is_present_strong);
    ret->is_present_confirmed =
        is_present && !is_loss_strong && (is_present_strong || !ret->is_loss_confirmed);
    ret->is_return_confirmed =
        ret->is_present_confirmed && !is_any_out_of_enter_band(evidence);
}

static bool has_tie_source(const struct evidence *evidence)
{
    for (uint32_t i = 0; i < evidence->n; i++) {
        if (evidence->sources[i].kind == EVIDENCE_SWITCH ||
            evidence->sources[i].kind == EVIDENCE_PCS)
            return true;
    }
    return false;
}

static enum evidence_tri read_tie(const struct evidence *evidence, enum evidence_pcs pcs,
                                  bool *ret_any_open)
{
    enum evidence_tri closed = read_switch(evidence, ret_any_open);

    if (closed != TRI_UNKNOWN)
        return closed;
    if (pcs == PCS_ON_GRID)
        return TRI_YES;
    return pcs == PCS_ISLANDED ? TRI_NO : TRI_UNKNOWN;
}

void evidence_step(struct evidence *evidence, int64_t t_boot_ms,
                   const struct evidence_reading *readings, bool may_island,
                   struct evidence_verdict *ret)
{
    struct view view = {.may_island = may_island};

    *ret = (struct evidence_verdict){.t_ms = t_boot_ms, .home_hz = (double)NAN};
    for (uint32_t i = 0; i < evidence->n; i++)
        remember(&evidence->sources[i], &evidence->memory[i], &readings[i], t_boot_ms);
    ret->pcs = read_pcs(evidence, &view.any_island);
    ret->tie_closed = read_tie(evidence, ret->pcs, &view.any_open);
    view.is_home_lit_by_grid =
        !view.any_island && !view.any_open && ret->tie_closed != TRI_NO;
    if (!view.is_home_lit_by_grid || ret->tie_closed != TRI_YES)
        evidence->tie_ms = INT64_MAX;
    else if (evidence->tie_ms == INT64_MAX)
        evidence->tie_ms = t_boot_ms;
    read_home(evidence, ret);
    take_votes(evidence, t_boot_ms, &view, ret);
    conclude(evidence, ret);
    /* without a switch and a PCS: a home that is supplied while the grid is proven
     * gone */
    if (!has_tie_source(evidence) && ret->is_loss_confirmed && ret->vf_good == TRI_YES)
        ret->tie_closed = TRI_NO;
}

void evidence_distrust(struct evidence *evidence, const struct evidence_verdict *verdict)
{
    evidence->distrusted |= verdict->loss;
}
