# SPDX-License-Identifier: Apache-2.0
pkglibexec_PROGRAMS += route/gateway-route
route_gateway_route_SOURCES = route/main.c \
	route/outbox.c route/outbox.h \
	route/route.c route/route.h \
	route/route_config.c route/route_config.h
route_gateway_route_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) $(LIBM)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_route tests/unit/test_route_traps
TESTS += tests/unit/test_route tests/unit/test_route_traps
tests_unit_test_route_traps_SOURCES = tests/unit/test_route_traps.c tests/unit/suite.h \
	tests/unit/fake_broker.c tests/unit/route_rig.c tests/unit/route_rig.h
tests_unit_test_route_traps_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_route_traps_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/unit/suite.h \
	tests/unit/fake_broker.c \
	tests/unit/mqtt_peer.c tests/unit/mqtt_peer.h \
	tests/unit/route_rig.c tests/unit/route_rig.h
tests_unit_test_route_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_route_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
endif
