# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/run-test
EXTRA_DIST += tests/package/run
EXTRA_DIST += tools/check tools/check-rooms tools/count-tests .ci/run

# Only the quick programs: what a package build runs.
.PHONY: check-unit
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(filter tests/unit/%,$(TESTS))"
