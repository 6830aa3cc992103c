# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/channel/channel.c lib/channel/channel.h \
	lib/channel/child.c lib/channel/child.h \
	lib/channel/route_msg.h \
	lib/channel/spawn.c lib/channel/spawn.h \
	lib/channel/wire.c lib/channel/wire.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_channel tests/unit/test_child
TESTS += tests/unit/test_channel tests/unit/test_child
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c tests/unit/suite.h
tests_unit_test_channel_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_channel_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_child_SOURCES = tests/unit/test_child.c tests/unit/suite.h
tests_unit_test_child_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_child_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(SYSTEMD_LIBS) $(LIBM)
endif
