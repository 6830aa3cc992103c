# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/device/libdevice.la
gatewayd_device_libdevice_la_SOURCES = \
	gatewayd/device/host.c gatewayd/device/host.h \
	gatewayd/device/host_messages.c \
	gatewayd/device/hosts.c gatewayd/device/hosts.h \
	gatewayd/device/latest.c gatewayd/device/latest.h \
	gatewayd/device/pace.c gatewayd/device/pace.h \
	gatewayd/device/resource.c gatewayd/device/resource.h
gatewayd_device_libdevice_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_latest
TESTS += tests/unit/test_latest
tests_unit_test_latest_SOURCES = tests/unit/test_latest.c tests/unit/suite.h
tests_unit_test_latest_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_latest_LDADD = gatewayd/device/libdevice.la lib/libgateway.la $(SYSTEMD_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
endif
