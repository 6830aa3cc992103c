# SPDX-License-Identifier: Apache-2.0
# Power cuts: the store on a logged disk, opened in the states a cut could have left.
# `make check-power` alone; it needs root, loop devices, FUSE and qemu-storage-daemon.
power_tests = tests/power/test_power_cut.py

check_PROGRAMS += tests/power/dump_store
tests_power_dump_store_SOURCES = tests/power/dump_store.c
tests_power_dump_store_LDADD = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) $(LIBM)

EXTRA_DIST += $(power_tests) tests/power/judge.py tests/power/rig.py

.PHONY: check-power
check-power:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(power_tests)"
