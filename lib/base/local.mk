# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/base/cleanup.h \
	lib/base/clock.c lib/base/clock.h \
	lib/base/decimal.c lib/base/decimal.h \
	lib/base/err.c lib/base/err.h \
	lib/base/log.c lib/base/log.h \
	lib/base/sha256.c lib/base/sha256.h \
	lib/base/strbuf.c lib/base/strbuf.h \
	lib/base/tar.c lib/base/tar.h \
	lib/base/thread.c lib/base/thread.h \
	lib/base/varint.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_base
TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c tests/unit/suite.h
tests_unit_test_base_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_base_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif
