/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people ask of control: overrides, hold, storm watch, drills. The wish is kept,
 * told, and the next decision has it. On the loop.
 */
#include "gatewayd/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gatewayd/control/control_state.h"
#include "lib/base/clock.h"
#include "lib/microgrid/grid_table.h"

static int64_t now_ms(void)
{
    return clock_boot_ns() / CLOCK_NS_PER_MS;
}

static int64_t end_of(int64_t for_ms)
{
    return for_ms > 0 ? now_ms() + for_ms : WISHES_FOR_EVER;
}

int control_override(struct control *control, const char *circuit, const char *to,
                     int64_t for_ms, char *ret_text, size_t size)
{
    enum circuit_override override = strcmp(to, "on") == 0    ? OVERRIDE_ON
                                     : strcmp(to, "off") == 0 ? OVERRIDE_OFF
                                                              : OVERRIDE_AUTO;
    char text[200];
    int index, rc = 0;

    pthread_mutex_lock(&control->lock);
    index = site_map_find_circuit(&control->map, circuit);
    if (index < 0)
        rc = -ENOENT;
    else if (!control->map.circuits[index].has_switch)
        rc = -EPERM;
    else if (!wishes_override(&control->wishes, &control->ports, circuit, override,
                              end_of(for_ms)))
        rc = -ENOSPC;
    pthread_mutex_unlock(&control->lock);
    snprintf(text, sizeof text, "%s %s%s", circuit,
             override == OVERRIDE_AUTO ? "is left to control again" : "is kept ",
             override == OVERRIDE_AUTO ? "" : to);
    snprintf(ret_text, size, "%s",
             rc == -ENOENT  ? "there is no such circuit"
             : rc == -EPERM ? "this circuit has no switch in our hands"
             : rc < 0       ? "too many overrides"
                            : text);
    if (rc == 0) {
        control->ports.event(control->ports.ctx, "override", "info", text);
        control->ports.wake(control->ports.ctx);
    }
    return rc;
}

int control_hold(struct control *control, bool is_held, char *ret_text, size_t size)
{
    pthread_mutex_lock(&control->lock);
    wishes_hold(&control->wishes, &control->ports, is_held);
    if (!is_held)
        control->person = PERSON_CLEAR;
    pthread_mutex_unlock(&control->lock);
    snprintf(ret_text, size, "%s",
             is_held ? "held: nothing is switched by itself" : "control decides again");
    control->ports.event(control->ports.ctx, "hold", "info", ret_text);
    control->ports.wake(control->ports.ctx);
    return 0;
}

/* Why what a person says has no row in the table of this site now. */
static const char *why_deaf(enum grid_island island, enum grid_state_id state,
                            bool is_present)
{
    if (state == MANUAL || state == FAULT)
        return ": end the hold first";
    if (state == GRID_OK)
        return is_present ? ": it is taken for there already"
                          : ": without any sign of a loss it is taken for there";
    if (state == TRANSFERRING)
        return ": the transfer ends by itself";
    if (!is_present)
        return ": it is taken for lost already";
    if (island == ISLAND_COMMUNITY)
        return ": the home is dark, and goes on by itself once the community feeds it "
               "again";
    return "";
}

int control_confirm(struct control *control, bool is_present, char *ret_text, size_t size)
{
    const enum grid_person person = is_present ? PERSON_GRID_OK : PERSON_OUTAGE;
    enum grid_state_id state;
    enum grid_island island;
    int rc = -EPERM;

    pthread_mutex_lock(&control->lock);
    state = control->grid.state;
    island = control->map.config.island;
    if (control->map.is_active && grid_table_asks(island, state, person)) {
        control->person = person;
        rc = 0;
    }
    pthread_mutex_unlock(&control->lock);
    if (rc < 0) {
        snprintf(ret_text, size, "in %s nobody is asked whether the grid is there%s",
                 grid_state_name(state), why_deaf(island, state, is_present));
        return rc;
    }
    snprintf(ret_text, size, "a person says that the grid is %s",
             is_present ? "there" : "lost");
    control->ports.event(control->ports.ctx, "grid-confirmed", "info", ret_text);
    control->ports.wake(control->ports.ctx);
    return 0;
}

int control_storm(struct control *control, int64_t for_ms, char *ret_text, size_t size)
{
    pthread_mutex_lock(&control->lock);
    wishes_storm(&control->wishes, &control->ports, for_ms > 0 ? now_ms() + for_ms : 0);
    pthread_mutex_unlock(&control->lock);
    if (for_ms > 0)
        snprintf(ret_text, size, "storm watch for %.1f h: the reserve is raised",
                 (double)for_ms / 3.6e6);
    else
        snprintf(ret_text, size, "storm watch ended");
    control->ports.event(control->ports.ctx, "storm", "info", ret_text);
    control->ports.wake(control->ports.ctx);
    return 0;
}

int control_island(struct control *control, int64_t for_ms, char *ret_text, size_t size)
{
    bool has_tie;

    pthread_mutex_lock(&control->lock);
    has_tie = control->map.tie.sw.is_there;
    if (has_tie)
        wishes_island(&control->wishes, &control->ports,
                      for_ms > 0 ? now_ms() + for_ms : 0);
    pthread_mutex_unlock(&control->lock);
    if (!has_tie) {
        snprintf(ret_text, size,
                 "no switch of the tie to the grid is in our hands (outage.tie)");
        return -EPERM;
    }
    if (for_ms > 0)
        snprintf(ret_text, size,
                 "the home leaves the grid for %.1f h, while its reserve lasts",
                 (double)for_ms / 3.6e6);
    else
        snprintf(ret_text, size, "the home goes back to the grid");
    control->ports.event(control->ports.ctx, "island", "info", ret_text);
    control->ports.wake(control->ports.ctx);
    return 0;
}

int control_drill(struct control *control, int64_t for_ms, char *ret_text, size_t size)
{
    int rc = 0;

    pthread_mutex_lock(&control->lock);
    if (control->grid.state != GRID_OK || !control->map.is_active)
        rc = -EPERM;
    else if (for_ms > 0)
        drill_begin(&control->drill, now_ms(), for_ms);
    else
        control->drill.until_ms = now_ms();
    pthread_mutex_unlock(&control->lock);
    if (rc < 0)
        snprintf(ret_text, size, "a drill needs the grid and a configured outage");
    else if (for_ms > 0)
        snprintf(ret_text, size, "drill for %.0f s; nothing is switched",
                 (double)for_ms / 1000);
    else
        snprintf(ret_text, size, "the drill ends");
    if (rc == 0) {
        control->ports.event(control->ports.ctx, "drill", "info", ret_text);
        control->ports.wake(control->ports.ctx);
    }
    return rc;
}

bool control_owns(struct control *control, uint32_t device, uint32_t point,
                  char *ret_text, size_t size)
{
    const char *circuit, *request;
    const struct control_ref *tie = &control->map.tie.sw;
    bool is_tie = tie->is_there && tie->device == device && tie->point == point;
    int index;

    if (!control->map.is_active)
        return false;
    index = site_map_switch_of(&control->map, device, point);
    request = site_map_request_of(&control->map, device, point);
    if (index >= 0) {
        circuit = site_map_circuit_name(&control->map, (uint32_t)index);
        snprintf(ret_text, size,
                 "it is the switch of circuit '%s', which outage control moves; use "
                 "'gatewayctl override %s on|off|auto'",
                 circuit, circuit);
    } else if (is_tie) {
        snprintf(ret_text, size,
                 "it is the tie to the grid, which outage control alone moves");
    } else if (request) {
        snprintf(ret_text, size, "outage control alone asks for it (%s)", request);
    }
    return index >= 0 || is_tie || request;
}
