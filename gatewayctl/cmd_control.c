/* SPDX-License-Identifier: Apache-2.0 */
/* grid, circuits, why, override, hold, storm, island, drill: outage control. */
#include "gatewayctl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/human.h"
#include "gatewayctl/table.h"

#define STORM_MS (INT64_C(24) * 3600 * 1000)
#define ISLAND_MS (INT64_C(2) * 3600 * 1000)
#define DRILL_MS (INT64_C(5) * 60 * 1000)

/* ---- grid -------------------------------------------------------------------------- */

static enum tint state_tint(const char *state)
{
    if (strcmp(state, "GRID_OK") == 0)
        return TINT_GOOD;
    return strcmp(state, "BLACK") == 0 || strcmp(state, "FAULT") == 0 ? TINT_BAD
                                                                      : TINT_WARN;
}

static void add_line(struct table *table, const char *what, const char *text,
                     enum tint tint)
{
    table_add(table, what, TINT_DIM);
    table_add(table, text, tint);
}

static void add_energy(struct table *table, const json_t *grid)
{
    const json_t *usable = json_object_get(grid, "usable_permille");
    const json_t *runtime = json_object_get(grid, "runtime_s");
    char lasts[HUMAN_MAX] = "", text[160];

    if (!json_is_number(usable)) {
        add_line(table, "stored", "not known", TINT_WARN);
        return;
    }
    if (json_is_number(runtime))
        human_duration((int64_t)(json_number_value(runtime) * 1e3), lasts);
    snprintf(text, sizeof text, "%.0f %% usable, reserve %.0f %%%s%s",
             json_number_value(usable) / 10,
             json_number_value(json_object_get(grid, "reserve_percent")),
             *lasts ? ", about " : "", lasts);
    add_line(table, "stored", text, TINT_NONE);
}

static void put_power(char *text, size_t size, const json_t *grid, const char *key)
{
    const json_t *power = json_object_get(grid, key);

    if (json_is_number(power))
        snprintf(text, size, "%.0f W", json_number_value(power));
    else
        snprintf(text, size, "?");
}

static void add_powers(struct table *table, const json_t *grid)
{
    char from_grid[32], pv[32], battery[32], load[32], text[200];

    put_power(from_grid, sizeof from_grid, grid, "grid_w");
    put_power(pv, sizeof pv, grid, "pv_w");
    put_power(battery, sizeof battery, grid, "battery_w");
    put_power(load, sizeof load, grid, "load_w");
    snprintf(text, sizeof text, "load %s: grid %s, sun %s, battery %s", load, from_grid,
             pv, battery);
    add_line(table, "power", text, TINT_NONE);
}

static void add_shed(struct table *table, const char *what, const json_t *shed,
                     enum tint tint)
{
    char text[400] = "";
    size_t len = 0;

    for (size_t i = 0; i < json_array_size(shed) && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? ", " : "",
                                json_string_value(json_array_get(shed, i)));
    add_line(table, what, *text ? text : "nothing", *text ? tint : TINT_NONE);
}

static void add_evidence(struct table *table, const json_t *evidence)
{
    const char *says = ctl_text(evidence, "says");
    char text[200];

    snprintf(text, sizeof text, "%s (%s): %s", ctl_text(evidence, "point"),
             ctl_text(evidence, "kind"), says);
    add_line(table, "evidence", text,
             strcmp(says, "absent") == 0 || strcmp(says, "out-of-band") == 0 ? TINT_WARN
             : strcmp(says, "unknown") == 0                                  ? TINT_DIM
                                                                             : TINT_NONE);
}

/* What is left to itself is not worth a line. */
static void add_output(struct table *table, const json_t *output)
{
    const json_t *wanted = json_object_get(output, "wanted");
    bool is_missing = json_is_true(json_object_get(output, "refused"));
    bool follows = !json_is_false(json_object_get(output, "follows"));
    char text[400];

    if (is_missing)
        snprintf(text, sizeof text, "%s", ctl_text(output, "why"));
    else if (json_is_number(wanted))
        snprintf(text, sizeof text, "%s %.0f%s: %s", ctl_text(output, "point"),
                 json_number_value(wanted), follows ? "" : ", does not follow",
                 ctl_text(output, "why"));
    else
        return;
    add_line(table, ctl_text(output, "name"), text,
             is_missing || !follows ? TINT_WARN : TINT_NONE);
}

static void add_medical(struct table *table, const json_t *grid)
{
    const json_t *hours = json_object_get(grid, "medical_h");
    const char *how =
        json_is_true(json_object_get(grid, "medical_at_most")) ? "at most" : "about";
    char text[80];

    if (!json_is_number(hours))
        return;
    snprintf(text, sizeof text, "the device runs for %s %.1f h", how,
             json_number_value(hours));
    add_line(table, "medical", text,
             json_number_value(hours) <= 8 ? TINT_WARN : TINT_NONE);
}

static void print_grid(const struct ctl *ctl, const json_t *grid)
{
    struct table *table = table_new("|", ctl->has_colour);
    const json_t *evidence = json_object_get(grid, "evidence"), *drill;
    const json_t *outputs = json_object_get(grid, "outputs");
    char since[HUMAN_MAX], text[200];

    human_time(ctl_number(grid, "since"), since);
    snprintf(text, sizeof text, "%s since %s", ctl_text(grid, "state"), since);
    add_line(table, "grid", text, state_tint(ctl_text(grid, "state")));
    if (json_is_true(json_object_get(grid, "hold")))
        add_line(table, "hold", "nothing is switched by itself", TINT_WARN);
    if (json_is_true(json_object_get(grid, "saving")))
        add_line(table, "saving",
                 "other devices are read three times slower, sent once a minute",
                 TINT_WARN);
    add_energy(table, grid);
    add_powers(table, grid);
    add_shed(table, "off by us", json_object_get(grid, "shed"), TINT_WARN);
    if (json_is_array(json_object_get(grid, "if_lost")))
        add_shed(table, "off if lost", json_object_get(grid, "if_lost"), TINT_NONE);
    add_medical(table, grid);
    for (size_t i = 0; i < json_array_size(outputs); i++)
        add_output(table, json_array_get(outputs, i));
    if (json_is_true(json_object_get(grid, "storm")))
        add_line(table, "storm", "the reserve is raised", TINT_WARN);
    if (json_is_false(json_object_get(grid, "grid_code_confirmed")))
        add_line(table, "grid code", "unconfirmed: enter the operator's letter",
                 TINT_DIM);
    drill = json_object_get(grid, "drill");
    if (json_is_object(drill))
        add_line(table, "drill",
                 json_is_true(json_object_get(drill, "running"))
                     ? "running"
                     : ctl_text(drill, "report"),
                 TINT_NONE);
    for (size_t i = 0; i < json_array_size(evidence); i++)
        add_evidence(table, json_array_get(evidence, i));
    table_print(table);
    table_free(table);
}

static int show_grid(const struct ctl *ctl)
{
    json_t *grid;
    char *body;
    int rc = ctl_get(ctl, "/api/v1/grid", &grid, &body);

    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json)
        fputs(body, stdout);
    else if (json_is_true(json_object_get(grid, "configured")))
        print_grid(ctl, grid);
    else
        puts("no 'outage' is configured: nothing is switched");
    if (json_is_true(json_object_get(grid, "configured")) &&
        state_tint(ctl_text(grid, "state")) == TINT_BAD)
        rc = EXIT_BAD_NEWS;
    free(body);
    json_decref(grid);
    return rc;
}

/* ---- circuits ---------------------------------------------------------------------- */

static void add_circuit(struct table *table, const json_t *circuit)
{
    bool is_on = json_is_true(json_object_get(circuit, "on"));
    bool follows = json_is_true(json_object_get(circuit, "follows"));
    const json_t *power = json_object_get(circuit, "power_w");
    const char *override = ctl_text(circuit, "override");

    table_add(table, ctl_text(circuit, "name"), TINT_NONE);
    table_add(table, ctl_text(circuit, "class"), TINT_NONE);
    table_addf(table, !follows ? TINT_BAD : is_on ? TINT_GOOD : TINT_WARN, "%s%s",
               is_on ? "on" : "off", follows ? "" : " (does not follow)");
    if (json_is_number(power))
        table_addf(table, TINT_NONE, "%.0f W", json_number_value(power));
    else
        table_add(table, "", TINT_NONE);
    table_add(table, strcmp(override, "auto") == 0 ? "" : override, TINT_NONE);
    table_add(table, ctl_text(circuit, "why"), TINT_NONE);
}

int cmd_circuits(const struct ctl *ctl)
{
    struct table *table;
    const json_t *circuits;
    json_t *root;
    char *body;
    int rc = ctl_get(ctl, "/api/v1/circuits", &root, &body);

    if (rc != EXIT_OK)
        return rc;
    circuits = json_object_get(root, "circuits");
    table = table_new("circuit|class|is|>power|override|why", ctl->has_colour);
    for (size_t i = 0; i < json_array_size(circuits); i++)
        add_circuit(table, json_array_get(circuits, i));
    if (ctl->is_json)
        fputs(body, stdout);
    else if (json_array_size(circuits))
        table_print(table);
    else
        puts("no circuits are configured");
    table_free(table);
    free(body);
    json_decref(root);
    return EXIT_OK;
}

static bool is_circuit_name(const char *name)
{
    if (*name && strlen(name) < 64 && !strpbrk(name, "/?#% "))
        return true;
    fprintf(stderr, "gatewayctl: '%s': expected the name of a circuit\n", name);
    return false;
}

int cmd_why(const struct ctl *ctl)
{
    char target[128];
    json_t *circuit;
    char *body;
    int rc;

    if (!is_circuit_name(ctl->args[0]))
        return EXIT_USAGE;
    snprintf(target, sizeof target, "/api/v1/why/%s", ctl->args[0]);
    rc = ctl_get(ctl, target, &circuit, &body);
    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json)
        fputs(body, stdout);
    else
        puts(ctl_text(circuit, "why"));
    free(body);
    json_decref(circuit);
    return EXIT_OK;
}

/* ---- what people ask for ----------------------------------------------------------- */

/* Takes body. */
static int ask(const struct ctl *ctl, const char *target, json_t *body)
{
    json_t *answer = NULL;
    int rc = ctl_post(ctl, target, body, &answer);

    if (!answer)
        return rc;
    if (ctl->is_json)
        ctl_print_json(answer);
    else
        fprintf(rc == EXIT_OK ? stdout : stderr, "%s\n", ctl_text(answer, "reason"));
    json_decref(answer);
    return rc;
}

static bool take_on_off(const char *text, bool *ret)
{
    *ret = strcmp(text, "on") == 0;
    if (*ret || strcmp(text, "off") == 0)
        return true;
    fprintf(stderr, "gatewayctl: '%s': expected on or off\n", text);
    return false;
}

int cmd_override(const struct ctl *ctl)
{
    const char *to = ctl->args[1];
    char target[128];

    if (!is_circuit_name(ctl->args[0]))
        return EXIT_USAGE;
    if (strcmp(to, "on") != 0 && strcmp(to, "off") != 0 && strcmp(to, "auto") != 0) {
        fprintf(stderr, "gatewayctl: '%s': expected on, off or auto\n", to);
        return EXIT_USAGE;
    }
    snprintf(target, sizeof target, "/api/v1/circuits/%s/override", ctl->args[0]);
    return ask(ctl, target,
               json_pack("{s:s,s:f}", "to", to, "for_s", (double)ctl->for_ms / 1e3));
}

int cmd_hold(const struct ctl *ctl)
{
    bool is_held;

    if (!take_on_off(ctl->args[0], &is_held))
        return EXIT_USAGE;
    return ask(ctl, "/api/v1/hold", json_pack("{s:b}", "on", is_held));
}

static int confirm_grid(const struct ctl *ctl)
{
    bool is_present = ctl->n_args == 2 && strcmp(ctl->args[1], "present") == 0;

    if (ctl->n_args != 2 || strcmp(ctl->args[0], "confirm") != 0 ||
        (!is_present && strcmp(ctl->args[1], "absent") != 0)) {
        fprintf(stderr, "gatewayctl: expected grid confirm present|absent\n");
        return EXIT_USAGE;
    }
    return ask(ctl, "/api/v1/grid/confirm", json_pack("{s:b}", "present", is_present));
}

int cmd_grid(const struct ctl *ctl)
{
    if (ctl->n_args)
        return confirm_grid(ctl);
    return show_grid(ctl);
}

static int ask_span(const struct ctl *ctl, const char *target, bool is_on,
                    int64_t usual_ms)
{
    int64_t for_ms = !is_on ? 0 : ctl->for_ms ? ctl->for_ms : usual_ms;

    return ask(ctl, target, json_pack("{s:f}", "for_s", (double)for_ms / 1e3));
}

int cmd_storm(const struct ctl *ctl)
{
    bool is_on;

    if (!take_on_off(ctl->args[0], &is_on))
        return EXIT_USAGE;
    return ask_span(ctl, "/api/v1/storm", is_on, STORM_MS);
}

int cmd_island(const struct ctl *ctl)
{
    bool is_on;

    if (!take_on_off(ctl->args[0], &is_on))
        return EXIT_USAGE;
    return ask_span(ctl, "/api/v1/island", is_on, ISLAND_MS);
}

int cmd_drill(const struct ctl *ctl)
{
    bool is_on = true;

    if (ctl->n_args && !take_on_off(ctl->args[0], &is_on))
        return EXIT_USAGE;
    return ask_span(ctl, "/api/v1/drill", is_on, DRILL_MS);
}
