# SPDX-License-Identifier: Apache-2.0
api_sources = \
	gatewayd/api/api.c gatewayd/api/api.h \
	gatewayd/api/api_backup.c gatewayd/api/api_backup.h \
	gatewayd/api/api_control.c gatewayd/api/api_control.h \
	gatewayd/api/api_change.c gatewayd/api/api_change.h \
	gatewayd/api/api_get.c gatewayd/api/api_get.h \
	gatewayd/api/api_health.c gatewayd/api/api_health.h \
	gatewayd/api/api_history.c gatewayd/api/api_history.h \
	gatewayd/api/api_json.c gatewayd/api/api_json.h \
	gatewayd/api/api_metrics.c gatewayd/api/api_metrics.h \
	gatewayd/api/api_history_model.h gatewayd/api/api_model.h \
	gatewayd/api/api_post.c gatewayd/api/api_post.h
gatewayd_gatewayd_SOURCES += $(api_sources)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_api
TESTS += tests/unit/test_api
tests_unit_test_api_SOURCES = tests/unit/test_api.c tests/unit/suite.h \
	tests/unit/fake_ports.c tests/unit/fake_ports.h $(api_sources)
tests_unit_test_api_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_api_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(MHD_LIBS) $(JANSSON_LIBS) $(LIBM)
endif
