# SPDX-License-Identifier: Apache-2.0
# A town of real daemons: `make check-town` alone runs it, three to four minutes and 160 processes.
check_PROGRAMS += tests/town/coordinator
tests_town_coordinator_SOURCES = tests/town/coordinator.c
tests_town_coordinator_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_town_coordinator_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) \
	$(JANSSON_LIBS) $(LIBM)

town_tests = tests/town/test_town.py
TOWN_LIMIT = 360
EXTRA_DIST += $(town_tests) tests/town/town.py tests/town/judge_town.py

.PHONY: check-town
check-town:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(town_tests)" \
	  PY_LOG_COMPILER="env TEST_TIMEOUT=$(TOWN_LIMIT) $(SHELL) $(top_srcdir)/tests/run-test $(PYTHON3)"
