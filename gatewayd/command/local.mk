# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/command/libcommand.la
gatewayd_command_libcommand_la_SOURCES = \
	gatewayd/command/command.c gatewayd/command/command.h
gatewayd_command_libcommand_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_command
TESTS += tests/unit/test_command
tests_unit_test_command_SOURCES = tests/unit/test_command.c tests/unit/suite.h
tests_unit_test_command_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_command_LDADD = gatewayd/command/libcommand.la lib/libgateway.la \
	$(CUNIT_LIBS) $(JANSSON_LIBS) $(LIBM)
endif

EXTRA_DIST += tests/fuzz/corpus/command/bool tests/fuzz/corpus/command/number \
	tests/fuzz/corpus/command/wrong
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_command
tests_fuzz_fuzz_command_SOURCES = tests/fuzz/fuzz_command.c
tests_fuzz_fuzz_command_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_command_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_command_LDADD = gatewayd/command/libcommand.la lib/libgateway.la \
	$(JANSSON_LIBS) $(LIBM)
fuzzers += tests/fuzz/fuzz_command
endif
