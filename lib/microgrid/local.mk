# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/microgrid/circuit.c lib/microgrid/circuit.h \
	lib/microgrid/evidence.c lib/microgrid/evidence.h \
	lib/microgrid/evidence_text.c lib/microgrid/evidence_text.h \
	lib/microgrid/grid_code.c lib/microgrid/grid_code.h \
	lib/microgrid/grid_config.c lib/microgrid/grid_config.h \
	lib/microgrid/grid_demand.c lib/microgrid/grid_demand.h \
	lib/microgrid/grid_guard.c lib/microgrid/grid_guard.h \
	lib/microgrid/grid_state.c lib/microgrid/grid_state.h \
	lib/microgrid/grid_table.c lib/microgrid/grid_table.h \
	lib/microgrid/interlock.c lib/microgrid/interlock.h \
	lib/microgrid/restore.c lib/microgrid/restore.h

if HAVE_CUNIT
grid_tests = tests/unit/test_evidence tests/unit/test_grid_code tests/unit/test_grid_demand \
	tests/unit/test_grid_island tests/unit/test_grid_props tests/unit/test_grid_return \
	tests/unit/test_grid_state tests/unit/test_grid_table tests/unit/test_interlock \
	tests/unit/test_interlock_any tests/unit/test_restore
check_PROGRAMS += $(grid_tests)
TESTS += $(grid_tests)
grid_home = tests/unit/grid_home.c tests/unit/grid_home.h
tests_unit_test_evidence_SOURCES = tests/unit/test_evidence.c tests/unit/suite.h
tests_unit_test_evidence_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_evidence_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_code_SOURCES = tests/unit/test_grid_code.c tests/unit/suite.h
tests_unit_test_grid_code_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_code_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(YAML_LIBS) $(LIBM)
tests_unit_test_grid_demand_SOURCES = tests/unit/test_grid_demand.c tests/unit/suite.h \
	tests/unit/grid_story.h $(grid_home)
tests_unit_test_grid_demand_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_demand_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_island_SOURCES = tests/unit/test_grid_island.c tests/unit/suite.h \
	tests/unit/grid_story.h $(grid_home)
tests_unit_test_grid_island_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_island_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_props_SOURCES = tests/unit/test_grid_props.c tests/unit/suite.h $(grid_home)
tests_unit_test_grid_props_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_props_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_return_SOURCES = tests/unit/test_grid_return.c tests/unit/suite.h \
	tests/unit/grid_story.h $(grid_home)
tests_unit_test_grid_return_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_return_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_state_SOURCES = tests/unit/test_grid_state.c tests/unit/suite.h \
	tests/unit/grid_story.h $(grid_home)
tests_unit_test_grid_state_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_state_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_grid_table_SOURCES = tests/unit/test_grid_table.c tests/unit/suite.h $(grid_home)
tests_unit_test_grid_table_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_table_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_interlock_SOURCES = tests/unit/test_interlock.c tests/unit/suite.h \
	tests/unit/interlock_home.h
tests_unit_test_interlock_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_interlock_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_interlock_any_SOURCES = tests/unit/test_interlock_any.c tests/unit/suite.h \
	tests/unit/interlock_home.h
tests_unit_test_interlock_any_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_interlock_any_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_restore_SOURCES = tests/unit/test_restore.c tests/unit/suite.h
tests_unit_test_restore_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_restore_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif

EXTRA_DIST += lib/microgrid/README.md tests/fuzz/corpus/grid/community tests/fuzz/corpus/grid/none \
	tests/fuzz/corpus/grid/own
if FUZZERS
fuzzers += tests/fuzz/fuzz_grid
check_PROGRAMS += tests/fuzz/fuzz_grid
tests_fuzz_fuzz_grid_SOURCES = tests/fuzz/fuzz_grid.c
tests_fuzz_fuzz_grid_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_grid_LDADD = lib/libgateway.la $(LIBM)
endif
