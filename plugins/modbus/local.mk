# SPDX-License-Identifier: Apache-2.0
# The parts are a library of their own so that tests reach them without the plugin's edge.
noinst_LTLIBRARIES += plugins/modbus/libparts.la
plugins_modbus_libparts_la_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS)
plugins_modbus_libparts_la_LIBADD = $(MODBUS_LIBS) $(LIBM)
plugins_modbus_libparts_la_SOURCES = \
	plugins/modbus/bus.c plugins/modbus/bus.h \
	plugins/modbus/codec.c plugins/modbus/codec.h \
	plugins/modbus/frame.c plugins/modbus/frame.h \
	plugins/modbus/guard.c plugins/modbus/guard.h \
	plugins/modbus/link.c plugins/modbus/link.h \
	plugins/modbus/link_rtu.c plugins/modbus/link_rtu.h \
	plugins/modbus/link_tcp.c plugins/modbus/link_tcp.h \
	plugins/modbus/plan.c plugins/modbus/plan.h \
	plugins/modbus/ranges.c plugins/modbus/ranges.h \
	plugins/modbus/read.c plugins/modbus/read.h \
	plugins/modbus/scan.c plugins/modbus/scan.h \
	plugins/modbus/serial.c plugins/modbus/serial.h \
	plugins/modbus/settings.c plugins/modbus/settings.h \
	plugins/modbus/write.c plugins/modbus/write.h

EXTRA_DIST += plugins/modbus/README.md
pkgplugin_LTLIBRARIES += plugins/modbus/modbus.la
plugins_modbus_modbus_la_SOURCES = plugins/modbus/plugin.c
plugins_modbus_modbus_la_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS)
plugins_modbus_modbus_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
plugins_modbus_modbus_la_LIBADD = plugins/modbus/libparts.la

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_modbus_plan tests/unit/test_modbus_codec
TESTS += tests/unit/test_modbus_plan tests/unit/test_modbus_codec
tests_unit_test_modbus_plan_SOURCES = tests/unit/test_modbus_plan.c tests/unit/suite.h
tests_unit_test_modbus_plan_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(MODBUS_CFLAGS)
tests_unit_test_modbus_plan_LDADD = plugins/modbus/libparts.la $(CUNIT_LIBS)
tests_unit_test_modbus_codec_SOURCES = tests/unit/test_modbus_codec.c tests/unit/suite.h
tests_unit_test_modbus_codec_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(MODBUS_CFLAGS)
tests_unit_test_modbus_codec_LDADD = plugins/modbus/libparts.la $(CUNIT_LIBS)
check_PROGRAMS += tests/unit/test_modbus_link
TESTS += tests/unit/test_modbus_link
tests_unit_test_modbus_link_SOURCES = tests/unit/test_modbus_link.c tests/unit/suite.h \
	tests/unit/modbus_fake.c tests/unit/modbus_fake.h plugins/modbus/plugin.c \
	tests/contract/modbus_host.c tests/contract/modbus_host.h
tests_unit_test_modbus_link_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(MODBUS_CFLAGS)
tests_unit_test_modbus_link_LDADD = plugins/modbus/libparts.la $(CUNIT_LIBS)
endif

EXTRA_DIST += \
	tests/fuzz/corpus/modbus_reply/rtu-exception-2 tests/fuzz/corpus/modbus_reply/rtu-good \
	tests/fuzz/corpus/modbus_reply/rtu-late tests/fuzz/corpus/modbus_reply/rtu-wrong-unit \
	tests/fuzz/corpus/modbus_reply/tcp-exception-2 tests/fuzz/corpus/modbus_reply/tcp-good \
	tests/fuzz/corpus/modbus_reply/tcp-raw
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_modbus_reply
tests_fuzz_fuzz_modbus_reply_SOURCES = tests/fuzz/fuzz_modbus_reply.c plugins/modbus/plugin.c \
	tests/contract/modbus_host.c tests/contract/modbus_host.h
tests_fuzz_fuzz_modbus_reply_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_modbus_reply_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_modbus_reply_LDADD = plugins/modbus/libparts.la
fuzzers += tests/fuzz/fuzz_modbus_reply
endif
