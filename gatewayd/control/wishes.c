/* SPDX-License-Identifier: Apache-2.0 */
/* Hold, overrides and storm notices that outlive a restart; see wishes.h. */
#include "gatewayd/control/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

#define HOLD_KEY WISHES_PREFIX "hold"
#define STORM_KEY WISHES_PREFIX "storm"
#define ISLAND_KEY WISHES_PREFIX "island"
#define OVERRIDE_KEY WISHES_PREFIX "override."

static int64_t now_ms(void)
{
    return clock_boot_ns() / CLOCK_NS_PER_MS;
}

static const char *word_of(enum circuit_override override)
{
    return override == OVERRIDE_ON ? "on" : override == OVERRIDE_OFF ? "off" : "auto";
}

/* An end as it is kept: exact within this boot, by the clock after it, and when there is
 * no clock to be trusted, by what was left. */
static void put_end(int64_t until_ms, char *text, size_t size)
{
    int64_t left_ms = until_ms - now_ms();

    if (until_ms == WISHES_FOR_EVER)
        snprintf(text, size, "%s -1 -1 -1", clock_boot_id());
    else
        snprintf(text, size, "%s %" PRId64 " %" PRId64 " %" PRId64, clock_boot_id(),
                 until_ms, clock_wall_ms() + left_ms, left_ms);
}

static bool get_end(const char *text, int64_t *ret_until_ms)
{
    char boot[40];
    int64_t until_ms, wall_ms, left_ms;

    if (sscanf(text, "%39s %" SCNd64 " %" SCNd64 " %" SCNd64, boot, &until_ms, &wall_ms,
               &left_ms) != 4)
        return false;
    if (until_ms < 0)
        *ret_until_ms = WISHES_FOR_EVER;
    else if (strcmp(boot, clock_boot_id()) == 0)
        *ret_until_ms = until_ms;
    else if (clock_trust_now() == CLOCK_SYNCED)
        *ret_until_ms = now_ms() + wall_ms - clock_wall_ms();
    else
        *ret_until_ms = now_ms() + left_ms;
    return true;
}

static struct wishes_override *find(struct wishes *wishes, const char *circuit)
{
    for (unsigned i = 0; i < WISHES_CIRCUITS_MAX; i++)
        if (strcmp(wishes->overrides[i].circuit, circuit) == 0)
            return &wishes->overrides[i];
    return NULL;
}

bool wishes_override(struct wishes *wishes, const struct control_ports *ports,
                     const char *circuit, enum circuit_override override,
                     int64_t until_ms)
{
    struct wishes_override *one = find(wishes, circuit);
    char key[100], value[160], end[120];

    snprintf(key, sizeof key, OVERRIDE_KEY "%s", circuit);
    if (override == OVERRIDE_AUTO) {
        if (one) {
            *one = (struct wishes_override){.circuit = ""};
            ports->keep(ports->ctx, key, NULL);
        }
        return true;
    }
    if (!one)
        one = find(wishes, "");
    if (!one)
        return false;
    *one = (struct wishes_override){.override = override, .until_ms = until_ms};
    snprintf(one->circuit, sizeof one->circuit, "%s", circuit);
    put_end(until_ms, end, sizeof end);
    snprintf(value, sizeof value, "%s %s", word_of(override), end);
    ports->keep(ports->ctx, key, value);
    return true;
}

void wishes_hold(struct wishes *wishes, const struct control_ports *ports, bool is_held)
{
    wishes->is_held = is_held;
    ports->keep(ports->ctx, HOLD_KEY, is_held ? "on" : NULL);
}

void wishes_storm(struct wishes *wishes, const struct control_ports *ports,
                  int64_t until_ms)
{
    char end[120];

    wishes->storm_until_ms = until_ms;
    put_end(until_ms, end, sizeof end);
    ports->keep(ports->ctx, STORM_KEY, until_ms ? end : NULL);
}

void wishes_island(struct wishes *wishes, const struct control_ports *ports,
                   int64_t until_ms)
{
    char end[120];

    wishes->island_until_ms = until_ms;
    put_end(until_ms, end, sizeof end);
    ports->keep(ports->ctx, ISLAND_KEY, until_ms ? end : NULL);
}

static bool restore_override(struct wishes *wishes, const char *circuit,
                             const char *value)
{
    struct wishes_override *one = find(wishes, circuit);
    const char *end = strchr(value, ' ');
    int64_t until_ms;

    if (!one)
        one = find(wishes, "");
    if (!one || !end || strlen(circuit) >= sizeof one->circuit ||
        !get_end(end + 1, &until_ms))
        return false;
    *one = (struct wishes_override){
        .override = strncmp(value, "on ", 3) == 0 ? OVERRIDE_ON : OVERRIDE_OFF,
        .until_ms = until_ms};
    strcpy(one->circuit, circuit);
    return true;
}

bool wishes_restore(struct wishes *wishes, const char *key, const char *value)
{
    if (strcmp(key, HOLD_KEY) == 0)
        return wishes->is_held = true;
    if (strcmp(key, STORM_KEY) == 0)
        return get_end(value, &wishes->storm_until_ms);
    if (strcmp(key, ISLAND_KEY) == 0)
        return get_end(value, &wishes->island_until_ms);
    if (strncmp(key, OVERRIDE_KEY, strlen(OVERRIDE_KEY)) == 0)
        return restore_override(wishes, key + strlen(OVERRIDE_KEY), value);
    return false;
}

void wishes_apply(struct wishes *wishes, const struct control_ports *ports,
                  const char *name, int64_t t_boot_ms, struct circuit *circuit)
{
    struct wishes_override *one = find(wishes, name);
    char text[160];

    circuit->override = OVERRIDE_AUTO;
    circuit->override_until_ms = 0;
    if (!one)
        return;
    if (t_boot_ms < one->until_ms) {
        circuit->override = one->override;
        circuit->override_until_ms = one->until_ms;
        return;
    }
    wishes_override(wishes, ports, name, OVERRIDE_AUTO, 0);
    snprintf(text, sizeof text, "the owner's override of %s has ended", name);
    ports->event(ports->ctx, "override", "info", text);
}
