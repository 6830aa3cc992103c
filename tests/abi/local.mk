# SPDX-License-Identifier: Apache-2.0
# abi1.c and the example are compiled by the test itself, out of tree.
EXTRA_DIST += tests/abi/plugin-1.h tests/abi/abi1.c
AM_TESTS_ENVIRONMENT += ABI_CC='$(CC)'; export ABI_CC;

if HAVE_CUNIT
check_PROGRAMS += tests/abi/test_abi
TESTS += tests/abi/test_abi
tests_abi_test_abi_SOURCES = tests/abi/test_abi.c tests/unit/suite.h \
	tests/unit/host_peer.c tests/unit/host_peer.h
tests_abi_test_abi_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_abi_test_abi_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif
