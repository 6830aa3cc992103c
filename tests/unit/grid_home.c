/* SPDX-License-Identifier: Apache-2.0 */
/* The home of grid_home.h. */
#include "tests/unit/grid_home.h"

#include <string.h>

#define POLL_MS 1000
#define START_MS INT64_C(5000000)

static const struct evidence_source all_sources[SRC_COUNT] = {
    [SRC_CONTACT] = {"panel.grid_present", EVIDENCE_CONTACT, true, true, false, 0, 100},
    [SRC_GRID_V] = {"grid-meter.voltage_v", EVIDENCE_VOLTAGE, false, true, false, 101,
                    POLL_MS},
    [SRC_GRID_HZ] = {"grid-meter.frequency_hz", EVIDENCE_FREQUENCY, false, true, false, 0,
                     POLL_MS},
    [SRC_PCS] = {"battery.grid_status", EVIDENCE_PCS, true, true, true, 0, POLL_MS},
    [SRC_SWITCH] = {"ats.closed", EVIDENCE_SWITCH, true, true, false, 0, 100},
    [SRC_UPS] = {"ups.on_battery", EVIDENCE_UPS, true, false, false, 0, POLL_MS},
    [SRC_HOME_V] = {"home-meter.voltage_v", EVIDENCE_VOLTAGE, true, false, false, 101,
                    POLL_MS},
    [SRC_HOME_HZ] = {"home-meter.frequency_hz", EVIDENCE_FREQUENCY, true, false, false, 0,
                     POLL_MS},
    [SRC_BATTERY] = {"battery.usable", EVIDENCE_BATTERY, true, false, false, 0, POLL_MS},
    [SRC_NEIGHBOUR] = {"home-018", EVIDENCE_NEIGHBOUR, true, true, false, 0, POLL_MS},
};

void grid_home_grid_is(struct grid_home *home, bool is_there)
{
    home->world[SRC_CONTACT] = is_there;
    home->world[SRC_GRID_V] = is_there ? 101.5 : 0.4;
    home->world[SRC_GRID_HZ] = is_there ? 50.01 : 0;
    home->world[SRC_NEIGHBOUR] = is_there;
}

/* The home's side behind an open tie: an island as Victron runs it, at 52 Hz. */
void grid_home_island_is(struct grid_home *home, bool is_there)
{
    home->world[SRC_PCS] = is_there ? PCS_ISLANDED : PCS_OFF;
    home->world[SRC_SWITCH] = 0;
    home->world[SRC_UPS] = !is_there;
    home->world[SRC_HOME_V] = is_there ? 101 : 0;
    home->world[SRC_HOME_HZ] = is_there ? 52 : 0;
}

static void tie_is_closed(struct grid_home *home)
{
    home->world[SRC_PCS] = PCS_ON_GRID;
    home->world[SRC_SWITCH] = 1;
    home->world[SRC_UPS] = 0;
    home->world[SRC_HOME_V] = 101;
    home->world[SRC_HOME_HZ] = 50.01;
}

void grid_home_pcs_is(struct grid_home *home, enum evidence_pcs pcs)
{
    home->world[SRC_PCS] = pcs;
}

static void world_of(struct grid_home *home, enum grid_state_id state)
{
    bool is_island = state >= TRANSFERRING && state <= CRITICAL;

    grid_home_grid_is(home, !is_island && state != BLACK);
    if (is_island || state == BLACK ||
        (state == RECONNECTING && home->config.island == ISLAND_OWN))
        grid_home_island_is(home, state != BLACK);
    else
        tie_is_closed(home);
    home->world[SRC_BATTERY] = 600;
    if (state == LOW_RESERVE)
        home->world[SRC_BATTERY] = 250;
    if (state == CRITICAL)
        home->world[SRC_BATTERY] = 120;
    if (state == BLACK)
        home->world[SRC_BATTERY] = 60;
}

void grid_home_restart(struct grid_home *home, enum grid_state_id state)
{
    evidence_init(&home->evidence, &home->config.code, home->config.island, home->sources,
                  SRC_COUNT);
    grid_state_init(&home->grid, &home->config, state, home->now_ms);
    home->input = (struct grid_input){.verdict = &home->verdict};
    home->n_log = 0;
    world_of(home, state);
    for (int i = 0; i < SRC_COUNT; i++)
        home->readings[i] = (struct evidence_reading){.t_ms = home->now_ms - POLL_MS};
}

void grid_home_init(struct grid_home *home, enum grid_island island, uint32_t has,
                    enum grid_state_id state)
{
    *home = (struct grid_home){.has = has, .now_ms = START_MS};
    memcpy(home->sources, all_sources, sizeof all_sources);
    home->config = grid_config_default(grid_code_find("japan-tepco-50hz"),
                                       grid_config_seed("home-017"));
    home->config.island = island;
    grid_home_restart(home, state);
}

static void poll(struct grid_home *home)
{
    for (uint32_t i = 0; i < SRC_COUNT; i++) {
        if (!(home->has >> i & 1) || (home->cut >> i & 1))
            continue;
        if (home->now_ms % home->sources[i].poll_ms != 0)
            continue;
        home->readings[i] = (struct evidence_reading){
            .is_good = true, .value = home->world[i], .t_ms = home->now_ms, .session = 1};
    }
}

void grid_home_step(struct grid_home *home)
{
    home->now_ms += GRID_HOME_STEP_MS;
    poll(home);
    evidence_step(&home->evidence, home->now_ms, home->readings,
                  grid_state_may_island(&home->grid), &home->verdict);
    grid_state_step(&home->grid, home->now_ms, &home->input, &home->evidence, &home->out);
    home->input.person = PERSON_NONE;
    for (uint32_t i = 0; i < home->out.n_transitions; i++) {
        if (home->out.transitions[i].distrust)
            evidence_distrust(&home->evidence, &home->verdict);
        if (home->n_log < GRID_HOME_LOG)
            home->log[home->n_log++] = home->out.transitions[i];
    }
}

void grid_home_run(struct grid_home *home, int64_t ms)
{
    for (int64_t done = 0; done < ms; done += GRID_HOME_STEP_MS)
        grid_home_step(home);
}

bool grid_home_reaches(struct grid_home *home, enum grid_state_id state, int64_t ms)
{
    for (int64_t done = 0; home->grid.state != state && done < ms;
         done += GRID_HOME_STEP_MS)
        grid_home_step(home);
    return home->grid.state == state;
}

const struct grid_transition *grid_home_find(const struct grid_home *home,
                                             const char *row)
{
    for (uint32_t i = 0; i < home->n_log; i++) {
        if (strcmp(home->log[i].row, row) == 0)
            return &home->log[i];
    }
    return NULL;
}
