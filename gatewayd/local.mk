# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += gatewayd/README.md
sbin_PROGRAMS += gatewayd/gatewayd
pkglibexec_PROGRAMS += gatewayd/gateway-clock
gatewayd_gateway_clock_SOURCES = gatewayd/clock_watch.c
gatewayd_gateway_clock_LDADD = lib/libgateway.la $(LIBM)
gatewayd_gatewayd_SOURCES = \
	gatewayd/alarms.c gatewayd/alarms.h \
	gatewayd/backup.c gatewayd/backup.h \
	gatewayd/configure.c \
	gatewayd/controlling.c gatewayd/controlling.h \
	gatewayd/own_past.c gatewayd/own_past.h \
	gatewayd/forward/route_process.c gatewayd/forward/route_process.h \
	gatewayd/forwarding.c gatewayd/forwarding.h \
	gatewayd/fullness.c gatewayd/fullness.h \
	gatewayd/gateway.c gatewayd/gateway.h gatewayd/gateway_options.h \
	gatewayd/grants.c gatewayd/grants.h \
	gatewayd/loader.c gatewayd/loader.h \
	gatewayd/locality.c gatewayd/locality.h \
	gatewayd/loop_calls.c gatewayd/loop_calls.h \
	gatewayd/main.c \
	gatewayd/requests.c \
	gatewayd/route_begin.c gatewayd/route_begin.h \
	gatewayd/route_link.c gatewayd/route_link.h \
	gatewayd/route_note.c gatewayd/route_note.h \
	gatewayd/views.c \
	gatewayd/views_history.c gatewayd/views_history.h \
	gatewayd/watch.c \
	gatewayd/writes.c gatewayd/writes.h
gatewayd_gatewayd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
gatewayd_gatewayd_LDADD = gatewayd/device/libdevice.la \
	gatewayd/forward/libforward.la gatewayd/history/libhistory.la gatewayd/store/libstore.la \
	gatewayd/command/libcommand.la \
	gatewayd/control/libcontrol.la \
	lib/libgateway.la $(SYSTEMD_LIBS) $(SQLITE_LIBS) $(YAML_LIBS) $(JANSSON_LIBS) $(MHD_LIBS) $(LIBM)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_outage
TESTS += tests/unit/test_outage
tests_unit_test_outage_SOURCES = tests/unit/test_outage.c gatewayd/fullness.c gatewayd/fullness.h \
	tests/unit/home_load.c tests/unit/home_load.h $(store_fixture)
tests_unit_test_outage_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_outage_LDADD = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
check_PROGRAMS += tests/unit/test_own_past
TESTS += tests/unit/test_own_past
tests_unit_test_own_past_SOURCES = tests/unit/test_own_past.c gatewayd/own_past.c \
	gatewayd/own_past.h gatewayd/loop_calls.c gatewayd/loop_calls.h \
	tests/unit/history_fixture.c tests/unit/history_fixture.h $(store_fixture)
tests_unit_test_own_past_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_own_past_LDADD = gatewayd/control/libcontrol.la gatewayd/history/libhistory.la \
	$(store_test_libs) $(SYSTEMD_LIBS) $(YAML_LIBS) $(JANSSON_LIBS)
check_PROGRAMS += tests/unit/test_route_link
TESTS += tests/unit/test_route_link
tests_unit_test_route_link_SOURCES = tests/unit/test_route_link.c tests/unit/store_fixture.c \
	tests/unit/store_fixture.h tests/unit/suite.h gatewayd/route_link.c gatewayd/route_link.h \
	gatewayd/route_begin.c gatewayd/route_begin.h gatewayd/route_note.c gatewayd/route_note.h \
	gatewayd/grants.c gatewayd/grants.h
tests_unit_test_route_link_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_route_link_LDADD = gatewayd/forward/libforward.la gatewayd/store/libstore.la \
	lib/libgateway.la $(SYSTEMD_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CUNIT_LIBS) $(LIBM)
endif
