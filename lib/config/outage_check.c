/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an outage's evidence, sources and departures say together; see outage_check.h.
 * From the trees and what was built of them into the report.
 */
#include "lib/config/outage_check.h"

#include <string.h>

static bool is_on_or_off(enum config_evidence_kind kind)
{
    return kind == CONFIG_EVIDENCE_CONTACT || kind == CONFIG_EVIDENCE_SWITCH ||
           kind == CONFIG_EVIDENCE_UPS;
}

/* A register of 0 and 1 may be meant; a quantity never. */
void outage_check_evidence(struct load *load, const struct tree_node *node,
                           const struct config_evidence *evidence,
                           const struct config_point *point)
{
    struct place place = yaml_tree_place(node, "point");
    const char *kind = config_evidence_name(evidence->kind);

    if (!point || !point->is_number || !is_on_or_off(evidence->kind))
        return;
    if (*point->unit)
        report_error(
            load->report, place, "config-evidence-kind",
            "'%s' is a quantity in %s, expected a point that is on or off for 'kind: "
            "%s'%s",
            evidence->point, point->unit, kind,
            strcmp(point->unit, "V") == 0 ? "; a voltage is 'kind: voltage'" : "");
    else
        report_warning(
            load->report, place, "config-evidence-kind",
            "'%s' is a number, and any but 0 counts as on, expected a boolean point "
            "for 'kind: %s'",
            evidence->point, kind);
}

/* Where a relay of ours stands says what we did, not what the grid does. */
void outage_check_witness(struct load *load, const struct tree_node *node,
                          const struct config_evidence *evidence,
                          const struct config_outage *outage)
{
    for (uint32_t i = 0; *evidence->point && i < outage->n_circuits; i++) {
        if (strcmp(outage->circuits[i].sw, evidence->point) != 0)
            continue;
        report_error(
            load->report, yaml_tree_place(node, "point"), "config-circuit",
            "'%s' is the switch of '%s' and stands where control put it, expected an "
            "input that the grid moves",
            evidence->point, outage->circuits[i].name);
        return;
    }
}

void outage_check_floor(struct load *load, const struct tree_node *node,
                        const struct config_source *source)
{
    struct place place = yaml_tree_place(node, "departure_floor");

    if (!yaml_tree_get(node, "departure_floor"))
        return;
    if (!source->is_ev)
        report_error(
            load->report, place, "config-departure",
            "'departure_floor' of '%s', which is no car and leaves nobody without "
            "charge, expected it of role ev; what a battery keeps is 'reserve'",
            source->battery);
    else if (source->departure_floor >= 100)
        report_warning(load->report, place, "config-departure",
                       "'%s' keeps all it has and never feeds the home, expected a "
                       "'departure_floor' below 100 %%",
                       source->battery);
}

void outage_check_departure(struct load *load, const struct tree_node *node,
                            const struct config_departure *departure,
                            const struct config_outage *outage)
{
    for (uint32_t i = 0; i < outage->n_sources; i++)
        if (strcmp(outage->sources[i].battery, departure->ev) == 0)
            return;
    report_error(
        load->report, yaml_tree_place(node, "ev"), "config-departure",
        "'%s' is none of the 'sources', so nothing charges or spares it, expected it "
        "there too",
        departure->ev);
}
