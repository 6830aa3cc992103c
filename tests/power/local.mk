# SPDX-License-Identifier: Apache-2.0
# Power cuts: the store on a logged disk, opened in the states a cut could have left.
# And the daemon killed 50 times. `make check-power` alone runs them: cuts need root, loop
# devices, FUSE and qemu-storage-daemon, and all of it takes minutes.
power_tests = tests/power/test_kills.py tests/power/test_power_cut.py tests/power/test_control_cut.py
POWER_LIMIT = 400

check_PROGRAMS += tests/power/dump_store
tests_power_dump_store_SOURCES = tests/power/dump_store.c
tests_power_dump_store_LDADD = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) $(LIBM)

EXTRA_DIST += $(power_tests) tests/power/judge.py tests/power/receiver.py tests/power/rig.py \
	tests/power/vm-init tests/power/vm_cut.py

.PHONY: check-power
check-power:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(power_tests)" \
	  PY_LOG_COMPILER="env TEST_TIMEOUT=$(POWER_LIMIT) $(SHELL) $(top_srcdir)/tests/run-test $(PYTHON3)"
