/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of OUTAGE 4 as data. Rows of a state are in order of rank: a person and
 * faults first, then what ends the state downwards, then what ends it upwards, then
 * notices. */
#include "lib/microgrid/grid_table.h"

#define IN(state) (1U << (state))
#define ON_BATTERY (IN(ISLANDED) | IN(LOW_RESERVE) | IN(CRITICAL))
#define AUTOMATIC                                                                        \
    (IN(GRID_OK) | IN(OUTAGE_SUSPECTED) | IN(TRANSFERRING) | ON_BATTERY | IN(BLACK) |    \
     IN(RECONNECTING))

/* clang-format off */
#define ROWS_OF_PERSONS                                                                      \
    {"a fault stops switching", AUTOMATIC | IN(MANUAL), HOLD_ENTERED, SPAN_NONE,             \
     grid_guard_fault, FAULT, CITE_NOTHING, 0, 0,                                            \
     "a contactor does not follow or another controller writes what we own"},                \
    {"a lock stops switching", AUTOMATIC, HOLD_ENTERED, SPAN_NONE,                           \
     grid_guard_locked, MANUAL, CITE_NOTHING, ROW_PERSON, 0,                                 \
     "a person holds automatic switching"},                                                  \
    {"a person clears the fault on the grid", IN(FAULT), HOLD_ENTERED, SPAN_NONE,            \
     grid_guard_cleared_on_grid, GRID_OK, CITE_PRESENT, ROW_PERSON, 0,                       \
     "a person cleared the fault and the grid is there"},                                    \
    {"a person clears the fault", IN(FAULT), HOLD_ENTERED, SPAN_NONE,                        \
     grid_guard_cleared, OUTAGE_SUSPECTED, CITE_NOTHING, ROW_PERSON, 0,                      \
     "a person cleared the fault and the grid is not proven"},                               \
    {"a person unlocks on the grid", IN(MANUAL), HOLD_ENTERED, SPAN_NONE,                    \
     grid_guard_unlocked_on_grid, GRID_OK, CITE_PRESENT, ROW_PERSON, 0,                      \
     "a person ended the hold and the grid is there"},                                       \
    {"a person unlocks", IN(MANUAL), HOLD_ENTERED, SPAN_NONE,                                \
     grid_guard_unlocked, OUTAGE_SUSPECTED, CITE_NOTHING, ROW_PERSON, 0,                     \
     "a person ended the hold and the grid is not proven"},                                  \
    {"a sign of loss", IN(GRID_OK), HOLD_SIGN, SPAN_NONE,                                    \
     grid_guard_always, OUTAGE_SUSPECTED, CITE_LOSS, ROW_LOCAL, 0,                           \
     "a sign that the grid is lost"},                                                        \
    {"a person says the grid is there", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_NONE,       \
     grid_guard_person_ok, GRID_OK, CITE_NOTHING, ROW_PERSON | ROW_DISTRUST, 0,              \
     "a person says that the grid is there"}

#define ROWS_OF_DOUBT                                                                        \
    {"clean for 10 s", IN(OUTAGE_SUSPECTED), HOLD_CLEAN, SPAN_CLEAN,                         \
     grid_guard_always, GRID_OK, CITE_PRESENT, ROW_LOCAL, 0,                                 \
     "no sign of loss any more"},                                                            \
    {"no proof in 60 s", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_UNPROVEN,                  \
     grid_guard_always, GRID_TO_SAME, CITE_LOSS, 0, ALARM_GRID_UNKNOWN,                      \
     "grid state unknown: neither loss nor presence was proven in time"},                    \
    {"P4 returns one by one", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_P4_RETURN,            \
     grid_guard_always, GRID_TO_SAME, CITE_LOSS, 0, ALARM_GRID_UNKNOWN,                      \
     "grid state still unknown: bulk loads return one by one, exports stay frozen"},         \
    {"evidence contradicts itself", AUTOMATIC, HOLD_CONTRADICTION, SPAN_UNPROVEN,            \
     grid_guard_always, GRID_TO_SAME, CITE_LOSS, 0, ALARM_CONTRADICTION,                     \
     "some evidence says that the grid is lost, some that it is there"}

static const struct grid_row own_rows[] = {
    ROWS_OF_PERSONS,
    {"planned island", IN(GRID_OK), HOLD_ENTERED, SPAN_NONE,
     grid_guard_wanted, TRANSFERRING, CITE_NOTHING, ROW_PERSON | ROW_LOCAL, 0,
     "a person or a plan asks for an island"},
    {"confirmed below the black floor", IN(OUTAGE_SUSPECTED), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_at_black, BLACK, CITE_USABLE, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost and too little is stored: it is kept for the restart"},
    {"confirmed", IN(OUTAGE_SUSPECTED), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_always, TRANSFERRING, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost, confirmed"},
    {"a person says the grid is lost", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_outage, TRANSFERRING, CITE_NOTHING, ROW_PERSON | ROW_OUTAGE, 0,
     "a person says that the grid is lost"},
    ROWS_OF_DOUBT,
    {"below the black floor while transferring", IN(TRANSFERRING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_at_black, BLACK, CITE_USABLE, ROW_LOCAL, 0,
     "too little is stored for an island"},
    {"V/f good and tie open for 5 s", IN(TRANSFERRING), HOLD_VF_GOOD, SPAN_VF_GOOD,
     grid_guard_always, ISLANDED, CITE_ISLAND, ROW_LOCAL, 0,
     "the island is stable and the tie is open"},
    {"60 s and the grid is there", IN(TRANSFERRING), HOLD_ENTERED, SPAN_TRANSFER,
     grid_guard_back_on_tie, GRID_OK, CITE_PRESENT, ROW_LOCAL | ROW_DISTRUST, 0,
     "no island was formed and the grid is there"},
    {"60 s and no island", IN(TRANSFERRING), HOLD_ENTERED, SPAN_TRANSFER,
     grid_guard_transfer_failed, BLACK, CITE_ISLAND, ROW_LOCAL, 0,
     "no stable island was formed in time"},
    {"60 s and nothing known", IN(TRANSFERRING), HOLD_ENTERED, SPAN_TRANSFER,
     grid_guard_always, GRID_TO_SAME, CITE_LOSS, 0, ALARM_TRANSFER_FAILED,
     "nothing tells whether an island was formed"},
    {"island lost", ON_BATTERY, HOLD_LOST, SPAN_VF_GOOD,
     grid_guard_always, BLACK, CITE_ISLAND, ROW_LOCAL, 0,
     "the island is lost"},
    {"PCS off when critical", IN(CRITICAL), HOLD_LOST, SPAN_NONE,
     grid_guard_pcs_off, BLACK, CITE_ISLAND, ROW_LOCAL, 0,
     "the inverter is off"},
    {"a person says the grid is back", ON_BATTERY | IN(BLACK), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_ok, RECONNECTING, CITE_PRESENT, ROW_PERSON | ROW_DISTRUST, 0,
     "a person says that the grid is back"},
    {"grid back", ON_BATTERY | IN(BLACK), HOLD_IN_BAND, SPAN_NONE,
     grid_guard_unwanted, RECONNECTING, CITE_PRESENT, ROW_LOCAL, 0,
     "the grid is back, confirmed"},
    {"low reserve", IN(ISLANDED), HOLD_LOW, SPAN_NONE,
     grid_guard_always, LOW_RESERVE, CITE_USABLE, ROW_LOCAL, 0,
     "the reserve is low or will not last to the sun"},
    {"critical reserve", IN(LOW_RESERVE), HOLD_ENTERED, SPAN_NONE,
     grid_guard_at_critical, CRITICAL, CITE_USABLE, ROW_LOCAL, 0,
     "the reserve is at the critical floor"},
    {"black floor", IN(CRITICAL), HOLD_ENTERED, SPAN_NONE,
     grid_guard_at_black, BLACK, CITE_USABLE, ROW_LOCAL, 0,
     "the reserve is at the last floor"},
    {"low reserve recovered", IN(LOW_RESERVE), HOLD_ABOVE_LOW, SPAN_RECOVER,
     grid_guard_always, ISLANDED, CITE_USABLE, ROW_LOCAL, 0,
     "the reserve recovered"},
    {"critical reserve recovered", IN(CRITICAL), HOLD_ABOVE_CRITICAL, SPAN_RECOVER,
     grid_guard_always, LOW_RESERVE, CITE_USABLE, ROW_LOCAL, 0,
     "the reserve recovered above the critical floor"},
    {"restarted", IN(BLACK), HOLD_VF_GOOD, SPAN_VF_GOOD,
     grid_guard_restarted, CRITICAL, CITE_ISLAND, ROW_LOCAL, 0,
     "the island started again"},
    {"lost again", IN(RECONNECTING), HOLD_LOST_AGAIN, SPAN_CONFIRM,
     grid_guard_always, GRID_TO_CAME_FROM, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost again"},
    {"tie closed and stable", IN(RECONNECTING), HOLD_TIE_CLOSED, SPAN_WATCH,
     grid_guard_always, GRID_OK, CITE_PRESENT, ROW_LOCAL, 0,
     "the tie is closed and the grid is stable"},
    {"a person says the tie is closed", IN(RECONNECTING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_ok, GRID_OK, CITE_PRESENT, ROW_PERSON | ROW_DISTRUST, 0,
     "a person says that the home is on the grid"},
    {"the tie stays open", IN(RECONNECTING), HOLD_IN_BAND, SPAN_SYNC,
     grid_guard_tie_open, GRID_TO_SAME, CITE_PRESENT, 0, ALARM_SYNC_LATE,
     "the switch was asked to synchronise and did not close"},
};

static const struct grid_row community_rows[] = {
    ROWS_OF_PERSONS,
    {"plan says outage", IN(GRID_OK), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_outage, OUTAGE_SUSPECTED, CITE_NOTHING, 0, 0,
     "the community's plan says that the grid is lost"},
    {"plan suspects an outage", IN(GRID_OK), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_suspects, OUTAGE_SUSPECTED, CITE_NOTHING, 0, 0,
     "the community's plan suspects that the grid is lost"},
    {"frequency of an island", IN(GRID_OK), HOLD_ODD_HZ, SPAN_CLEAN,
     grid_guard_always, OUTAGE_SUSPECTED, CITE_ISLAND, ROW_LOCAL, 0,
     "no plan, and a frequency that no grid has"},
    {"supply gone", AUTOMATIC & ~(IN(GRID_OK) | IN(BLACK)), HOLD_SUPPLY_GONE, SPAN_CONFIRM,
     grid_guard_always, BLACK, CITE_ISLAND, ROW_LOCAL | ROW_OUTAGE, 0,
     "the home's own supply is gone"},
    {"plan says outage, suspected", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_outage, TRANSFERRING, CITE_NOTHING, ROW_OUTAGE, 0,
     "the community's plan says that the grid is lost"},
    {"confirmed", IN(OUTAGE_SUSPECTED), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_always, TRANSFERRING, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost, confirmed"},
    {"frequency confirms", IN(OUTAGE_SUSPECTED), HOLD_ODD_HZ, SPAN_CLEAN,
     grid_guard_always, TRANSFERRING, CITE_ISLAND, ROW_LOCAL | ROW_OUTAGE, 0,
     "no plan, and a frequency that no grid has"},
    {"a person says the grid is lost", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_outage, TRANSFERRING, CITE_NOTHING, ROW_PERSON | ROW_OUTAGE, 0,
     "a person says that the grid is lost"},
    {"plan says grid", IN(OUTAGE_SUSPECTED) | IN(TRANSFERRING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_grid, GRID_OK, CITE_NOTHING, ROW_DISTRUST, 0,
     "the community's plan says that the grid is there"},
    ROWS_OF_DOUBT,
    {"plan says islanded", IN(TRANSFERRING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_island, ISLANDED, CITE_NOTHING, 0, 0,
     "the community's plan says that its island runs"},
    {"supplied for 5 s", IN(TRANSFERRING), HOLD_SUPPLY_BACK, SPAN_VF_GOOD,
     grid_guard_is_planless, ISLANDED, CITE_ISLAND, ROW_LOCAL, 0,
     "the community feeds the home"},
    {"60 s and not dark", IN(TRANSFERRING), HOLD_ENTERED, SPAN_TRANSFER,
     grid_guard_supplied, ISLANDED, CITE_ISLAND, ROW_LOCAL, 0,
     "nothing says that the home is dark"},
    {"a person says the grid is back", ON_BATTERY | IN(RECONNECTING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_ok, GRID_OK, CITE_PRESENT, ROW_PERSON | ROW_LOCAL | ROW_DISTRUST, 0,
     "a person says that the grid is back"},
    {"plan says grid is back", ON_BATTERY, HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_return, RECONNECTING, CITE_NOTHING, 0, 0,
     "the community's plan says that the grid is back"},
    {"grid back", ON_BATTERY, HOLD_IN_BAND, SPAN_NONE,
     grid_guard_is_planless, RECONNECTING, CITE_PRESENT, ROW_LOCAL, 0,
     "the grid is back, confirmed"},
    {"a person is asked", ON_BATTERY | IN(RECONNECTING), HOLD_UNTOLD, SPAN_ASK,
     grid_guard_always, GRID_TO_SAME, CITE_NOTHING, 0, ALARM_ASK,
     "no plan for long, and nothing else tells whether the grid is back: a person has to"},
    {"plan says low reserve", IN(ISLANDED), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_low, LOW_RESERVE, CITE_NOTHING, 0, 0,
     "the community's reserve is low"},
    {"low reserve by frequency", IN(ISLANDED), HOLD_LOW, SPAN_VF_GOOD,
     grid_guard_is_planless, LOW_RESERVE, CITE_USABLE, ROW_LOCAL, 0,
     "no plan, and the island's frequency says that the reserve is low"},
    {"plan says critical", IN(LOW_RESERVE), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_critical, CRITICAL, CITE_NOTHING, 0, 0,
     "the community's reserve is critical"},
    {"critical by frequency", IN(LOW_RESERVE), HOLD_CRITICAL, SPAN_VF_GOOD,
     grid_guard_is_planless, CRITICAL, CITE_USABLE, ROW_LOCAL, 0,
     "no plan, and the island's frequency says that the reserve is critical"},
    {"plan says recovered", IN(LOW_RESERVE), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_islanded, ISLANDED, CITE_NOTHING, 0, 0,
     "the community's reserve recovered"},
    {"recovered by frequency", IN(LOW_RESERVE), HOLD_ABOVE_LOW, SPAN_RECOVER,
     grid_guard_is_planless, ISLANDED, CITE_USABLE, ROW_LOCAL, 0,
     "no plan, and the island's frequency says that the reserve recovered"},
    {"plan says above critical", IN(CRITICAL), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_above_critical, LOW_RESERVE, CITE_NOTHING, 0, 0,
     "the community's reserve recovered above the critical floor"},
    {"above critical by frequency", IN(CRITICAL), HOLD_ABOVE_CRITICAL, SPAN_RECOVER,
     grid_guard_is_planless, LOW_RESERVE, CITE_USABLE, ROW_LOCAL, 0,
     "no plan, and the island's frequency says that the reserve recovered"},
    {"supply back on the grid", IN(BLACK), HOLD_SUPPLY_BACK, SPAN_VF_GOOD,
     grid_guard_supply_is_grid, RECONNECTING, CITE_ISLAND, ROW_LOCAL, 0,
     "the home is supplied again and the grid is back"},
    {"supply back on the island", IN(BLACK), HOLD_SUPPLY_BACK, SPAN_VF_GOOD,
     grid_guard_always, CRITICAL, CITE_ISLAND, ROW_LOCAL, 0,
     "the home is supplied again"},
    {"plan says lost again", IN(RECONNECTING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_outage, GRID_TO_CAME_FROM, CITE_NOTHING, ROW_OUTAGE, 0,
     "the community's plan says that the grid is lost again"},
    {"lost again", IN(RECONNECTING), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_is_planless, GRID_TO_CAME_FROM, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost again"},
    {"plan says tie closed", IN(RECONNECTING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_plan_grid, GRID_OK, CITE_NOTHING, ROW_DISTRUST, 0,
     "the community is on the grid again"},
    {"in band without a plan", IN(RECONNECTING), HOLD_IN_BAND, SPAN_ENTER,
     grid_guard_is_planless, GRID_OK, CITE_PRESENT, ROW_LOCAL, 0,
     "no plan, and the grid is stable"},
};

static const struct grid_row none_rows[] = {
    ROWS_OF_PERSONS,
    {"confirmed", IN(OUTAGE_SUSPECTED), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_always, BLACK, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost, confirmed"},
    {"a person says the grid is lost", IN(OUTAGE_SUSPECTED), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_outage, BLACK, CITE_NOTHING, ROW_PERSON | ROW_OUTAGE, 0,
     "a person says that the grid is lost"},
    ROWS_OF_DOUBT,
    {"a person says the grid is back", IN(BLACK) | IN(RECONNECTING), HOLD_ENTERED, SPAN_NONE,
     grid_guard_person_ok, GRID_OK, CITE_PRESENT, ROW_PERSON | ROW_DISTRUST, 0,
     "a person says that the grid is back"},
    {"grid back", IN(BLACK), HOLD_IN_BAND, SPAN_NONE,
     grid_guard_always, RECONNECTING, CITE_PRESENT, ROW_LOCAL, 0,
     "the grid is back, confirmed"},
    {"lost again", IN(RECONNECTING), HOLD_CONFIRMED, SPAN_CONFIRM,
     grid_guard_always, BLACK, CITE_LOSS, ROW_LOCAL | ROW_OUTAGE, 0,
     "the grid is lost again"},
    {"in band for long enough", IN(RECONNECTING), HOLD_IN_BAND, SPAN_ENTER,
     grid_guard_always, GRID_OK, CITE_PRESENT, ROW_LOCAL, 0,
     "the grid is stable"},
};
/* clang-format on */

struct table {
    const struct grid_row *rows;
    uint32_t n;
};

#define TABLE(rows)                                                                      \
    {                                                                                    \
        rows, sizeof rows / sizeof rows[0]                                               \
    }

/* grid_state remembers notices as bits */
_Static_assert(sizeof own_rows / sizeof own_rows[0] <= 64 &&
                   sizeof community_rows / sizeof community_rows[0] <= 64 &&
                   sizeof none_rows / sizeof none_rows[0] <= 64,
               "a table has at most 64 rows");

static const struct table tables[] = {
    [ISLAND_OWN] = TABLE(own_rows),
    [ISLAND_COMMUNITY] = TABLE(community_rows),
    [ISLAND_NONE] = TABLE(none_rows),
};

bool grid_table_asks(enum grid_island island, enum grid_state_id state,
                     enum grid_person person)
{
    uint32_t n;
    const struct grid_row *rows = grid_table_rows(island, &n);
    grid_guard_fn *const when = person == PERSON_GRID_OK  ? grid_guard_person_ok
                                : person == PERSON_OUTAGE ? grid_guard_person_outage
                                                          : NULL;

    for (uint32_t i = 0; when && i < n; i++)
        if ((rows[i].from >> state & 1) && rows[i].when == when)
            return true;
    return false;
}

const struct grid_row *grid_table_rows(enum grid_island island, uint32_t *ret_n)
{
    *ret_n = tables[island].n;
    return tables[island].rows;
}
