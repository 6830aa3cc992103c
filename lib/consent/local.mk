# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/consent/consent.c lib/consent/consent.h \
	lib/consent/consent_address.c lib/consent/consent_address.h \
	lib/consent/consent_json.c lib/consent/consent_json.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_consent
TESTS += tests/unit/test_consent
tests_unit_test_consent_SOURCES = tests/unit/test_consent.c tests/unit/suite.h
tests_unit_test_consent_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_consent_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(JANSSON_LIBS) $(YAML_LIBS) $(LIBM)
endif
