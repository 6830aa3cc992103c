/* SPDX-License-Identifier: Apache-2.0 */
/* Names of circuits; the loader is community_load.c. */
#include "gatewayctl/simulate/community.h"

const char *circuit_name(enum sim_circuit circuit)
{
    static const char *const names[N_CIRCUITS] = {"critical", "essential", "comfort",
                                                  "deferrable", "heavy"};

    return (unsigned)circuit < N_CIRCUITS ? names[circuit] : "pv";
}
