# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/store/libstore.la
gatewayd_store_libstore_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
gatewayd_store_libstore_la_SOURCES = \
	gatewayd/store/backup.c gatewayd/store/backup.h \
	gatewayd/store/block_get.c gatewayd/store/block_get.h \
	gatewayd/store/block_put.c gatewayd/store/block_put.h \
	gatewayd/store/block_state.c gatewayd/store/block_state.h \
	gatewayd/store/clockmap.c gatewayd/store/clockmap.h \
	gatewayd/store/correction.c gatewayd/store/correction.h \
	gatewayd/store/cursors.c gatewayd/store/cursors.h \
	gatewayd/store/disk.c gatewayd/store/disk.h \
	gatewayd/store/epochs.c gatewayd/store/epochs.h \
	gatewayd/store/events.c gatewayd/store/events.h \
	gatewayd/store/gap.c gatewayd/store/gap.h \
	gatewayd/store/layout.c gatewayd/store/layout.h \
	gatewayd/store/logbook.c gatewayd/store/logbook.h \
	gatewayd/store/logbook_open.c gatewayd/store/logbook_open.h \
	gatewayd/store/log_scan.c gatewayd/store/log_scan.h \
	gatewayd/store/off_grid.c gatewayd/store/off_grid.h \
	gatewayd/store/pending.c gatewayd/store/pending.h \
	gatewayd/store/queue.c gatewayd/store/queue.h \
	gatewayd/store/reader.c gatewayd/store/reader.h \
	gatewayd/store/restore.c gatewayd/store/restore.h \
	gatewayd/store/restore_check.c gatewayd/store/restore_check.h \
	gatewayd/store/restore_enter.c gatewayd/store/restore_enter.h \
	gatewayd/store/restore_merge.c gatewayd/store/restore_merge.h \
	gatewayd/store/salvage.c gatewayd/store/salvage.h \
	gatewayd/store/schema.c gatewayd/store/schema.h \
	gatewayd/store/store.c gatewayd/store/store.h \
	gatewayd/store/store_facts.c gatewayd/store/store_facts.h \
	gatewayd/store/store_read.c gatewayd/store/store_read.h \
	gatewayd/store/store_thread.c gatewayd/store/store_thread.h \
	gatewayd/store/tables.c gatewayd/store/tables.h \
	gatewayd/store/summary.c gatewayd/store/summary.h \
	gatewayd/store/summary_copy.c gatewayd/store/summary_copy.h \
	gatewayd/store/summary_names.c gatewayd/store/summary_names.h \
	gatewayd/store/summary_rows.c gatewayd/store/summary_rows.h \
	gatewayd/store/summing.c gatewayd/store/summing.h \
	gatewayd/store/thin.c gatewayd/store/thin.h \
	gatewayd/store/writer.c gatewayd/store/writer.h \
	gatewayd/store/writer_back.c gatewayd/store/writer_back.h \
	gatewayd/store/writer_lost.c gatewayd/store/writer_lost.h \
	gatewayd/store/writer_repair.c gatewayd/store/writer_repair.h

if HAVE_CUNIT
store_tests = tests/unit/test_store tests/unit/test_store_codec tests/unit/test_store_faults \
	tests/unit/test_store_back tests/unit/test_store_identity \
	tests/unit/test_store_clock tests/unit/test_store_bound \
	tests/unit/test_store_migrate tests/unit/test_store_restore
check_PROGRAMS += $(store_tests)
TESTS += $(store_tests)
store_fixture = tests/unit/suite.h tests/unit/store_fixture.c tests/unit/store_fixture.h \
	tests/unit/store_log.c tests/unit/store_log.h
store_test_libs = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) $(CUNIT_LIBS) $(LIBM)
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(store_fixture)
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_LDADD = $(store_test_libs)
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c $(store_fixture)
tests_unit_test_store_faults_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_faults_LDADD = $(store_test_libs)
tests_unit_test_store_back_SOURCES = tests/unit/test_store_back.c $(store_fixture)
tests_unit_test_store_back_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_back_LDADD = $(store_test_libs)
tests_unit_test_store_identity_SOURCES = tests/unit/test_store_identity.c $(store_fixture)
tests_unit_test_store_identity_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_identity_LDADD = $(store_test_libs)
tests_unit_test_store_clock_SOURCES = tests/unit/test_store_clock.c $(store_fixture)
tests_unit_test_store_clock_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_clock_LDADD = $(store_test_libs)
tests_unit_test_store_bound_SOURCES = tests/unit/test_store_bound.c $(store_fixture)
tests_unit_test_store_bound_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_bound_LDADD = $(store_test_libs)
tests_unit_test_store_restore_SOURCES = tests/unit/test_store_restore.c $(store_fixture)
tests_unit_test_store_restore_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_restore_LDADD = $(store_test_libs)
tests_unit_test_store_migrate_SOURCES = tests/unit/test_store_migrate.c $(store_fixture)
tests_unit_test_store_migrate_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_migrate_LDADD = $(store_test_libs)
tests_unit_test_store_codec_SOURCES = tests/unit/test_store_codec.c tests/unit/suite.h
tests_unit_test_store_codec_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_store_codec_LDADD = $(store_test_libs)
endif

if FUZZERS
fuzzers += tests/fuzz/fuzz_block
check_PROGRAMS += tests/fuzz/fuzz_block
tests_fuzz_fuzz_block_SOURCES = tests/fuzz/fuzz_block.c
tests_fuzz_fuzz_block_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_block_LDADD = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) $(LIBM)
endif
