# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/forward/libforward.la
gatewayd_forward_libforward_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
gatewayd_forward_libforward_la_SOURCES = \
	gatewayd/forward/cursor.c gatewayd/forward/cursor.h \
	gatewayd/forward/encode_json.c gatewayd/forward/encode_json.h \
	gatewayd/forward/flights.c gatewayd/forward/flights.h \
	gatewayd/forward/forward.c gatewayd/forward/forward.h \
	gatewayd/forward/forward_state.h \
	gatewayd/forward/means.c gatewayd/forward/means.h \
	gatewayd/forward/receipt.c gatewayd/forward/receipt.h \
	gatewayd/forward/rows.c gatewayd/forward/rows.h \
	gatewayd/forward/scan.c gatewayd/forward/scan.h \
	gatewayd/forward/send.c gatewayd/forward/send.h

if HAVE_CUNIT
forward_tests = tests/unit/test_encode tests/unit/test_forward tests/unit/test_forward_any
check_PROGRAMS += $(forward_tests)
TESTS += $(forward_tests)
forward_test_libs = gatewayd/forward/libforward.la lib/libgateway.la $(CUNIT_LIBS) \
	$(JANSSON_LIBS) $(LIBM)
forward_fakes = tests/unit/fake_home.c tests/unit/fake_home.h tests/unit/fake_log.c \
	tests/unit/fake_log.h tests/unit/suite.h
tests_unit_test_encode_SOURCES = tests/unit/test_encode.c tests/unit/suite.h
tests_unit_test_encode_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_encode_LDADD = $(forward_test_libs)
tests_unit_test_forward_SOURCES = tests/unit/test_forward.c $(forward_fakes)
tests_unit_test_forward_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_forward_LDADD = $(forward_test_libs)
tests_unit_test_forward_any_SOURCES = tests/unit/test_forward_any.c $(forward_fakes)
tests_unit_test_forward_any_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_forward_any_LDADD = $(forward_test_libs)
endif

if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_receipt
tests_fuzz_fuzz_receipt_SOURCES = tests/fuzz/fuzz_receipt.c
tests_fuzz_fuzz_receipt_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_receipt_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_receipt_LDADD = gatewayd/forward/libforward.la lib/libgateway.la \
	$(JANSSON_LIBS) $(LIBM)
fuzzers += tests/fuzz/fuzz_receipt
endif
