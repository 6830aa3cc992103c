/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of gatewayd/control at its bounds: as many circuits as fit, readings that no device
 * should give, configurations that change in an outage, clocks that lie.
 */
#include <string.h>

#include "gatewayd/control/control.h"
#include "gatewayd/control/control_state.h"
#include "tests/unit/control_home.h"
#include "tests/unit/suite.h"

/* ---- bounds ----------------------------------------------------------------------------- */

static void the_last_circuit_of_a_full_site_is_shed_as_any_other(void)
{
    static char yaml[CIRCUIT_MAX * 40];
    size_t len = 0;

    for (int i = 5; i < CIRCUIT_MAX - 1; i++)
        len += (size_t)snprintf(yaml + len, sizeof yaml - len, "  - {name: c%d, class: P2}\n", i);
    snprintf(yaml + len, sizeof yaml - len,
             "  - {name: pool, switch: panel.generator, class: P4, drops_out: no}\n");
    home_circuits = yaml;
    home_begin(NULL);
    home_circuits = NULL;
    home_pass(1000);
    CU_ASSERT_EQUAL(home.control->map.n_circuits, CIRCUIT_MAX);
    CU_ASSERT_TRUE(home_is_on("generator"));
    home_set(HOME_CONTACT, 0);
    home_pass(250);
    CU_ASSERT_FALSE(home_is_on("generator"));
    CU_ASSERT_FALSE(home_is_on("heater"));
    home_end();
}

static CU_TestInfo bounds[] = {
    TEST(the_last_circuit_of_a_full_site_is_shed_as_any_other),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"bounds", NULL, NULL, NULL, NULL, bounds},
        CU_SUITE_INFO_NULL,
    };

    return suite_run(suites);
}
