/* SPDX-License-Identifier: Apache-2.0 */
/* The starred values of OUTAGE 4 and a site's seed. */
#include "lib/microgrid/grid_config.h"

#define S_MS 1000U
#define MIN_MS (60 * S_MS)

struct grid_timing grid_timing_default(void)
{
    return (struct grid_timing){
        .drop_p4_ms = 2 * S_MS,
        .clean_ms = 10 * S_MS,
        .unproven_ms = 60 * S_MS,
        .p4_return_ms = 10 * MIN_MS,
        .vf_good_ms = 5 * S_MS,
        .transfer_ms = 60 * S_MS,
        .tell_owner_ms = 60 * S_MS,
        .recover_ms = 10 * MIN_MS,
        .try_ms = 6 * MIN_MS,
        .try_every_ms = 60 * MIN_MS,
        .sync_ms = 60 * S_MS,
        .ask_ms = 30 * MIN_MS,
        .flap_span_ms = 60 * MIN_MS,
        .flap_max_ms = 30 * MIN_MS,
        .flap_outages = 3,
        .gap_ms = 60 * S_MS,
    };
}

struct grid_config grid_config_default(const struct grid_code *code, uint64_t site_seed)
{
    return (struct grid_config){
        .island = ISLAND_OWN,
        .code = *code,
        .timing = grid_timing_default(),
        .low_permille = 300,
        .critical_permille = 150,
        .black_permille = 80,
        .recover_permille = 50,
        .can_black_start = true,
        .site_seed = site_seed,
    };
}

uint64_t grid_config_seed(const char *gateway_id)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *p = gateway_id; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return hash;
}
