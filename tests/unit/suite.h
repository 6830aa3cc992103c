/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way a CUnit program ends: run the table of tests, check that no descriptor was
 * left open, return the number of failures as the exit code.
 */
#ifndef GATEWAYD_TESTS_UNIT_SUITE_H
#define GATEWAYD_TESTS_UNIT_SUITE_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <dirent.h>
#include <stdio.h>

#define TEST(function) {#function, function}

static inline int suite_count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static inline int suite_run(CU_SuiteInfo *suites)
{
    int before = suite_count_fds(), after;
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS ||
        CU_register_suites(suites) != CUE_SUCCESS)
        return 99;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    after = suite_count_fds();
    if (after != before) {
        fprintf(stderr, "descriptors: %d before, %d after\n", before, after);
        failures++;
    }
    return failures != 0;
}

#endif
