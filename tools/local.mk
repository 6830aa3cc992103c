# SPDX-License-Identifier: Apache-2.0
include $(srcdir)/tools/devicesim/local.mk

noinst_PROGRAMS += tools/gateway-subscribe
tools_gateway_subscribe_SOURCES = tools/subscribe.c tools/ledger.c tools/ledger.h
tools_gateway_subscribe_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tools_gateway_subscribe_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) \
	$(JANSSON_LIBS) $(LIBM)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_ledger
TESTS += tests/unit/test_ledger
tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c tests/unit/suite.h \
	tools/ledger.c tools/ledger.h
tests_unit_test_ledger_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ledger_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(JANSSON_LIBS) $(LIBM)
endif
EXTRA_DIST += tools/demo tools/demo_day.py README.md README.ja.md
