/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people asked for and what must survive a restart: manual hold, overrides of
 * circuits with their end, a storm notice. Kept as facts of the store
 * ("control.override.heater" = "off BOOT-ID T_BOOT_MS T_WALL_MS LEFT_MS"), counted on
 * boot time. On the loop.
 */
#ifndef GATEWAYD_CONTROL_WISHES_H
#define GATEWAYD_CONTROL_WISHES_H

#include "gatewayd/control/ports.h"
#include "lib/microgrid/circuit.h"

#define WISHES_CIRCUITS_MAX CIRCUIT_MAX
#define WISHES_PREFIX "control."
#define WISHES_FOR_EVER INT64_MAX

struct wishes_override {
    char circuit[64]; /* "" free */
    enum circuit_override override;
    int64_t until_ms; /* boot time; WISHES_FOR_EVER: until changed */
};

struct wishes {
    bool is_held;
    int64_t storm_until_ms;  /* boot time; 0: none */
    int64_t island_until_ms; /* likewise: off the grid by the owner's wish */
    struct wishes_override overrides[WISHES_CIRCUITS_MAX];
};

/* OVERRIDE_AUTO ends one. False: the table is full. */
bool wishes_override(struct wishes *wishes, const struct control_ports *ports,
                     const char *circuit, enum circuit_override override,
                     int64_t until_ms);
void wishes_hold(struct wishes *wishes, const struct control_ports *ports, bool is_held);
/* for_ms 0: ends it. */
void wishes_storm(struct wishes *wishes, const struct control_ports *ports,
                  int64_t until_ms);
void wishes_island(struct wishes *wishes, const struct control_ports *ports,
                   int64_t until_ms);
/* A fact read at start; others than these are ignored. True when it was taken. */
bool wishes_restore(struct wishes *wishes, const char *key, const char *value);
/* The override in force, into the circuit; ended ones are forgotten. */
void wishes_apply(struct wishes *wishes, const struct control_ports *ports,
                  const char *name, int64_t t_boot_ms, struct circuit *circuit);

#endif
