/* SPDX-License-Identifier: Apache-2.0 */
/* Frees and names what outage_data.h holds. No I/O; any thread. */
#include "lib/config/outage_data.h"

#include <stdlib.h>

#define NAME_OF(list, i) ((unsigned)(i) < sizeof(list) / sizeof *(list) ? (list)[i] : "")

const char *config_evidence_name(enum config_evidence_kind kind)
{
    static const char *const names[] = {"contact", "voltage", "frequency",
                                        "pcs",     "switch",  "ups"};

    return NAME_OF(names, kind);
}

const char *config_island_name(enum config_island island)
{
    static const char *const names[] = {"own", "community", "none"};

    return NAME_OF(names, island);
}

const char *config_feeds_name(enum config_feeds feeds)
{
    static const char *const names[] = {"house", "panel", "socket", "none"};

    return NAME_OF(names, feeds);
}

const char *config_site_name(enum config_site site)
{
    static const char *const names[] = {"home", "station", "shelter", "mobility"};

    return NAME_OF(names, site);
}

static void free_circuits(struct config_outage *outage)
{
    for (uint32_t i = 0; i < outage->n_circuits; i++) {
        free(outage->circuits[i].name);
        free(outage->circuits[i].sw);
        free(outage->circuits[i].power);
    }
    free(outage->circuits);
}

void config_outage_free(struct config_outage *outage)
{
    if (!outage)
        return;
    free_circuits(outage);
    for (uint32_t i = 0; i < outage->n_evidence; i++)
        free(outage->evidence[i].point);
    for (uint32_t i = 0; i < outage->n_sources; i++)
        free(outage->sources[i].battery);
    free(outage->tie.sw);
    free(outage->tie.feedback);
    free(outage->tie.sync);
    for (uint32_t i = 0; i < outage->n_departures; i++) {
        free(outage->departures[i].ev);
        free(outage->departures[i].by);
    }
    for (uint32_t i = 0; i < outage->policies.n_surplus; i++)
        free(outage->policies.surplus[i]);
    free(outage->policies.surplus);
    free(outage->evidence);
    free(outage->sources);
    free(outage->planned);
    free(outage->departures);
    free(outage->grid_code);
    free(outage->operator_letter);
    free(outage->medical.power);
    free(outage->restart);
    free(outage->generator.sw);
    free(outage);
}
