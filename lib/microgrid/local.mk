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
	lib/microgrid/interlock.h \
	lib/microgrid/restore.h

if HAVE_CUNIT
grid_tests = tests/unit/test_grid_table
check_PROGRAMS += $(grid_tests)
TESTS += $(grid_tests)
tests_unit_test_grid_table_SOURCES = tests/unit/test_grid_table.c tests/unit/suite.h \
	tests/unit/grid_home.c tests/unit/grid_home.h
tests_unit_test_grid_table_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_grid_table_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif
