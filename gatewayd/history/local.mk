# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/history/libhistory.la
gatewayd_history_libhistory_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
gatewayd_history_libhistory_la_SOURCES = \
	gatewayd/history/energy.c \
	gatewayd/history/history_state.h \
	gatewayd/history/query.c gatewayd/history/query.h \
	gatewayd/history/values.c

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_history tests/unit/test_history_faults \
	tests/unit/test_history_pages
TESTS += tests/unit/test_history tests/unit/test_history_faults \
	tests/unit/test_history_pages
tests_unit_test_history_SOURCES = tests/unit/test_history.c tests/unit/history_fixture.c \
	tests/unit/history_fixture.h $(store_fixture)
tests_unit_test_history_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_history_LDADD = gatewayd/history/libhistory.la $(store_test_libs)
tests_unit_test_history_faults_SOURCES = tests/unit/test_history_faults.c \
	tests/unit/history_fixture.c tests/unit/history_fixture.h $(store_fixture)
tests_unit_test_history_faults_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_history_faults_LDADD = gatewayd/history/libhistory.la $(store_test_libs)
tests_unit_test_history_pages_SOURCES = tests/unit/test_history_pages.c \
	tests/unit/history_fixture.c tests/unit/history_fixture.h $(store_fixture)
tests_unit_test_history_pages_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_history_pages_LDADD = gatewayd/history/libhistory.la $(store_test_libs)
endif
