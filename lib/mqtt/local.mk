# SPDX-License-Identifier: Apache-2.0
# Apart from libgateway: interpose.c defines recv, which no other program may get.
noinst_LTLIBRARIES += lib/mqtt/libmqtt.la
lib_mqtt_libmqtt_la_SOURCES = \
	lib/mqtt/backoff.c lib/mqtt/backoff.h \
	lib/mqtt/interpose.c lib/mqtt/interpose.h \
	lib/mqtt/mqtt.c lib/mqtt/mqtt.h \
	lib/mqtt/resolver.c lib/mqtt/resolver.h \
	lib/mqtt/session.c lib/mqtt/session.h
lib_mqtt_libmqtt_la_CFLAGS = $(AM_CFLAGS)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_mqtt
TESTS += tests/unit/test_mqtt
tests_unit_test_mqtt_SOURCES = tests/unit/test_mqtt.c tests/unit/suite.h
tests_unit_test_mqtt_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_mqtt_LDADD = lib/mqtt/libmqtt.la lib/libgateway.la $(PAHO_LIBS) \
	$(CUNIT_LIBS) $(LIBM)
endif
