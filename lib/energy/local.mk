# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/energy/flows.c lib/energy/flows.h \
	lib/energy/meter.c lib/energy/meter.h \
	lib/energy/meter_state.c lib/energy/meter_state.h \
	lib/energy/minutes.c lib/energy/minutes.h \
	lib/energy/slots.c lib/energy/slots.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_energy tests/unit/test_energy_kept
TESTS += tests/unit/test_energy tests/unit/test_energy_kept
tests_unit_test_energy_kept_SOURCES = tests/unit/test_energy_kept.c tests/unit/suite.h
tests_unit_test_energy_kept_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_energy_kept_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_energy_SOURCES = tests/unit/test_energy.c tests/unit/suite.h
tests_unit_test_energy_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_energy_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif
