# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/http/http_client.c lib/http/http_client.h \
	lib/http/http_listen.c lib/http/http_listen.h \
	lib/http/http_server.c lib/http/http_server.h \
	lib/http/json_in.c lib/http/json_in.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_http
TESTS += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c tests/unit/suite.h
tests_unit_test_http_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_http_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(MHD_LIBS) $(JANSSON_LIBS) $(LIBM)
endif
