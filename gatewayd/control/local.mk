# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/control/libcontrol.la
gatewayd_control_libcontrol_la_SOURCES = \
	gatewayd/control/absence.c gatewayd/control/absence.h \
	gatewayd/control/actuate.c gatewayd/control/actuate.h \
	gatewayd/control/asks.c gatewayd/control/asks.h \
	gatewayd/control/cars.c gatewayd/control/cars.h \
	gatewayd/control/charge.c gatewayd/control/charge.h \
	gatewayd/control/control.c gatewayd/control/control.h gatewayd/control/control_state.h \
	gatewayd/control/control_inputs.c \
	gatewayd/control/control_outputs.c gatewayd/control/control_outputs.h \
	gatewayd/control/control_people.c \
	gatewayd/control/decide.c gatewayd/control/decide.h \
	gatewayd/control/drill.c gatewayd/control/drill.h \
	gatewayd/control/ending.c gatewayd/control/ending.h \
	gatewayd/control/journal.c gatewayd/control/journal.h \
	gatewayd/control/modes.c gatewayd/control/modes.h \
	gatewayd/control/notices.c gatewayd/control/notices.h \
	gatewayd/control/outlook.c gatewayd/control/outlook.h \
	gatewayd/control/past.c gatewayd/control/past.h \
	gatewayd/control/plan_in.c gatewayd/control/plan_in.h \
	gatewayd/control/planned.c gatewayd/control/planned.h \
	gatewayd/control/policy.c gatewayd/control/policy.h gatewayd/control/ports.h \
	gatewayd/control/pv_limit.c gatewayd/control/pv_limit.h \
	gatewayd/control/programme.c gatewayd/control/programme.h \
	gatewayd/control/report.c gatewayd/control/report.h \
	gatewayd/control/saving.c gatewayd/control/saving.h \
	gatewayd/control/sense.c gatewayd/control/sense.h \
	gatewayd/control/setpoints.c gatewayd/control/setpoints.h \
	gatewayd/control/shed_table.c gatewayd/control/shed_table.h \
	gatewayd/control/site_map.c gatewayd/control/site_map.h \
	gatewayd/control/tie.c gatewayd/control/tie.h \
	gatewayd/control/wishes.c gatewayd/control/wishes.h
gatewayd_control_libcontrol_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

# All play one home: its sources and what it links.
if HAVE_CUNIT
control_tests = tests/unit/test_control tests/unit/test_control_acts tests/unit/test_control_faults \
	tests/unit/test_control_inputs tests/unit/test_control_islands tests/unit/test_control_past \
	tests/unit/test_control_plans
check_PROGRAMS += $(control_tests)
TESTS += $(control_tests)
control_test_home = tests/unit/suite.h tests/unit/control_home.c tests/unit/control_home.h \
	tests/unit/config_plugins.h
control_test_cflags = $(AM_CFLAGS) $(CUNIT_CFLAGS)
control_test_libs = gatewayd/control/libcontrol.la lib/libgateway.la $(YAML_LIBS) $(JANSSON_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
tests_unit_test_control_SOURCES = tests/unit/test_control.c $(control_test_home)
tests_unit_test_control_CFLAGS = $(control_test_cflags)
tests_unit_test_control_LDADD = $(control_test_libs)
tests_unit_test_control_acts_SOURCES = tests/unit/test_control_acts.c $(control_test_home)
tests_unit_test_control_acts_CFLAGS = $(control_test_cflags)
tests_unit_test_control_acts_LDADD = $(control_test_libs)
tests_unit_test_control_faults_SOURCES = tests/unit/test_control_faults.c $(control_test_home)
tests_unit_test_control_faults_CFLAGS = $(control_test_cflags)
tests_unit_test_control_faults_LDADD = $(control_test_libs)
tests_unit_test_control_inputs_SOURCES = tests/unit/test_control_inputs.c $(control_test_home)
tests_unit_test_control_inputs_CFLAGS = $(control_test_cflags)
tests_unit_test_control_inputs_LDADD = $(control_test_libs)
tests_unit_test_control_islands_SOURCES = tests/unit/test_control_islands.c $(control_test_home)
tests_unit_test_control_islands_CFLAGS = $(control_test_cflags)
tests_unit_test_control_islands_LDADD = $(control_test_libs)
tests_unit_test_control_past_SOURCES = tests/unit/test_control_past.c $(control_test_home)
tests_unit_test_control_past_CFLAGS = $(control_test_cflags)
tests_unit_test_control_past_LDADD = $(control_test_libs)
tests_unit_test_control_plans_SOURCES = tests/unit/test_control_plans.c $(control_test_home)
tests_unit_test_control_plans_CFLAGS = $(control_test_cflags)
tests_unit_test_control_plans_LDADD = $(control_test_libs)
endif
