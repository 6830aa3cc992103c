# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/microgrid/dispatch/area.c lib/microgrid/dispatch/area.h \
	lib/microgrid/dispatch/budget.c lib/microgrid/dispatch/budget.h \
	lib/microgrid/dispatch/community.c lib/microgrid/dispatch/community.h \
	lib/microgrid/dispatch/community_choose.c lib/microgrid/dispatch/community_state.h \
	lib/microgrid/dispatch/community_ration.c \
	lib/microgrid/dispatch/dispatch.h \
	lib/microgrid/dispatch/forecast_demand.c lib/microgrid/dispatch/forecast_demand.h \
	lib/microgrid/dispatch/forecast_pv.c lib/microgrid/dispatch/forecast_pv.h \
	lib/microgrid/dispatch/hazard.c lib/microgrid/dispatch/hazard.h \
	lib/microgrid/dispatch/horizon.c lib/microgrid/dispatch/horizon.h \
	lib/microgrid/dispatch/medical.c lib/microgrid/dispatch/medical.h \
	lib/microgrid/dispatch/ration.c lib/microgrid/dispatch/ration.h \
	lib/microgrid/dispatch/rotate.c lib/microgrid/dispatch/rotate.h \
	lib/microgrid/dispatch/shed.c lib/microgrid/dispatch/shed.h \
	lib/microgrid/dispatch/site.c lib/microgrid/dispatch/site.h \
	lib/microgrid/dispatch/solo.c lib/microgrid/dispatch/solo.h \
	lib/microgrid/dispatch/split.c lib/microgrid/dispatch/split.h \
	lib/microgrid/dispatch/value.c lib/microgrid/dispatch/value.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_dispatch_value tests/unit/test_dispatch \
	tests/unit/test_dispatch_reserve tests/unit/test_dispatch_worst
TESTS += tests/unit/test_dispatch_value tests/unit/test_dispatch tests/unit/test_dispatch_reserve \
	tests/unit/test_dispatch_worst
tests_unit_test_dispatch_value_SOURCES = tests/unit/test_dispatch_value.c tests/unit/suite.h
tests_unit_test_dispatch_value_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_dispatch_value_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_dispatch_SOURCES = tests/unit/test_dispatch.c tests/unit/suite.h \
	tests/unit/ten_homes.c tests/unit/ten_homes.h
tests_unit_test_dispatch_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_dispatch_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_dispatch_reserve_SOURCES = tests/unit/test_dispatch_reserve.c tests/unit/suite.h
tests_unit_test_dispatch_reserve_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_dispatch_reserve_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_dispatch_worst_SOURCES = tests/unit/test_dispatch_worst.c tests/unit/suite.h \
	tests/unit/ten_homes.c tests/unit/ten_homes.h
tests_unit_test_dispatch_worst_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_dispatch_worst_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif
