# SPDX-License-Identifier: Apache-2.0
# Shared with the unit tests: everything but the command itself.
simulate_core = \
	gatewayctl/simulate/balance.c gatewayctl/simulate/balance.h \
	gatewayctl/simulate/baseline.c gatewayctl/simulate/baseline.h \
	gatewayctl/simulate/community.c gatewayctl/simulate/community.h \
	gatewayctl/simulate/community_load.c gatewayctl/simulate/community_load.h \
	gatewayctl/simulate/controllers.c gatewayctl/simulate/controllers.h \
	gatewayctl/simulate/csv.c gatewayctl/simulate/csv.h \
	gatewayctl/simulate/drive.c gatewayctl/simulate/drive.h \
	gatewayctl/simulate/metrics.c gatewayctl/simulate/metrics.h \
	gatewayctl/simulate/plant.c gatewayctl/simulate/plant.h \
	gatewayctl/simulate/post.c gatewayctl/simulate/post.h \
	gatewayctl/simulate/promise.c gatewayctl/simulate/promise.h \
	gatewayctl/simulate/promise_bound.c gatewayctl/simulate/promise_bound.h \
	gatewayctl/simulate/promise_slice.c gatewayctl/simulate/promise_slice.h \
	gatewayctl/simulate/report.c gatewayctl/simulate/report.h \
	gatewayctl/simulate/report_chart.c gatewayctl/simulate/report_chart.h \
	gatewayctl/simulate/report_data.c gatewayctl/simulate/report_data.h \
	gatewayctl/simulate/report_tables.c gatewayctl/simulate/report_tables.h \
	gatewayctl/simulate/report_words.c gatewayctl/simulate/report_words.h \
	gatewayctl/simulate/result.c gatewayctl/simulate/result.h \
	gatewayctl/simulate/run.c gatewayctl/simulate/run.h \
	gatewayctl/simulate/scenario.c gatewayctl/simulate/scenario.h \
	gatewayctl/simulate/scenario_lists.c gatewayctl/simulate/scenario_lists.h \
	gatewayctl/simulate/sensors.c gatewayctl/simulate/sensors.h \
	gatewayctl/simulate/view.h
noinst_LTLIBRARIES += gatewayctl/simulate/libsimulate.la
gatewayctl_simulate_libsimulate_la_SOURCES = $(simulate_core)
gatewayctl_simulate_libsimulate_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
simulate_sources = \
	gatewayctl/simulate/settings.c gatewayctl/simulate/settings.h \
	gatewayctl/simulate/simulate.c \
	gatewayctl/simulate/summary.c gatewayctl/simulate/summary.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_simulate_files tests/unit/test_simulate_plant \
	tests/unit/test_simulate_run
TESTS += tests/unit/test_simulate_files tests/unit/test_simulate_plant \
	tests/unit/test_simulate_run
simulate_test_libs = gatewayctl/simulate/libsimulate.la lib/libgateway.la $(CUNIT_LIBS) \
	$(JANSSON_LIBS) $(YAML_LIBS) $(LIBM)
tests_unit_test_simulate_files_SOURCES = tests/unit/test_simulate_files.c tests/unit/suite.h
tests_unit_test_simulate_files_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_simulate_files_LDADD = $(simulate_test_libs)
tests_unit_test_simulate_plant_SOURCES = tests/unit/test_simulate_plant.c \
	tests/unit/small_island.c tests/unit/small_island.h tests/unit/suite.h
tests_unit_test_simulate_plant_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_simulate_plant_LDADD = $(simulate_test_libs)
tests_unit_test_simulate_run_SOURCES = tests/unit/test_simulate_run.c \
	tests/unit/small_island.c tests/unit/small_island.h tests/unit/suite.h
tests_unit_test_simulate_run_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_simulate_run_LDADD = $(simulate_test_libs)
endif

# The second implementation of the plant and the metrics, and what compares both.
TESTS += tests/scenario/test_simulate.py tests/scenario/test_dispatch.py \
	tests/scenario/test_worst.py
EXTRA_DIST += tests/scenario/test_simulate.py tests/scenario/test_dispatch.py \
	tests/scenario/test_worst.py \
	tests/scenario/evaluate.py tests/scenario/synthetic.py tests/scenario/vary.py \
	tests/scenario/sweep tests/scenario/bound.py
scenariodir = $(exampledir)/scenario
dist_scenario_DATA = \
	conf/examples/scenario/bounds.csv \
	conf/examples/scenario/community-a.yaml \
	conf/examples/scenario/community-b.yaml \
	conf/examples/scenario/scenario-storm30.yaml \
	conf/examples/scenario/profiles-storm30.csv \
	conf/examples/scenario/history-storm30.csv \
	conf/examples/scenario/forecast-storm30.csv

EXTRA_DIST += tests/fuzz/corpus/scenario
if FUZZERS
fuzzers += tests/fuzz/fuzz_scenario
check_PROGRAMS += tests/fuzz/fuzz_scenario
tests_fuzz_fuzz_scenario_SOURCES = tests/fuzz/fuzz_scenario.c
tests_fuzz_fuzz_scenario_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_scenario_LDADD = gatewayctl/simulate/libsimulate.la lib/libgateway.la \
	$(YAML_LIBS) $(LIBM)
endif
