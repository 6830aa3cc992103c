# SPDX-License-Identifier: Apache-2.0
# Flow tests: the real daemon, a real broker, simulated devices.
flow_tests = \
	tests/flow/test_abuse_broker.py \
	tests/flow/test_abuse_commands.py \
	tests/flow/test_backup.py \
	tests/flow/test_children.py \
	tests/flow/test_abuse_journal.py \
	tests/flow/test_abuse_routes.py \
	tests/flow/test_abuse_start.py \
	tests/flow/test_commands.py \
	tests/flow/test_consent.py \
	tests/flow/test_disk_faults.py \
	tests/flow/test_export.py \
	tests/flow/test_failsafe.py \
	tests/flow/test_gpio.py \
	tests/flow/test_history.py \
	tests/flow/test_isolation.py \
	tests/flow/test_ledger_broker.py \
	tests/flow/test_ledger_receiver.py \
	tests/flow/test_outage.py \
	tests/flow/test_outage_evidence.py \
	tests/flow/test_outage_gpio.py \
	tests/flow/test_outage_islands.py \
	tests/flow/test_outage_kills.py \
	tests/flow/test_outage_people.py \
	tests/flow/test_outage_saving.py \
	tests/flow/test_outage_setpoints.py \
	tests/flow/test_reload.py \
	tests/flow/test_restored_consent.py \
	tests/flow/test_restored_copy.py \
	tests/flow/test_rtu_faults.py \
	tests/flow/test_rtu_line.py \
	tests/flow/test_two_routes.py

TESTS += $(flow_tests)
EXTRA_DIST += $(flow_tests) tests/flow/gpio.py tests/flow/harness.py tests/flow/ledger.py tests/flow/outage.py tests/flow/rtu.py
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = env TEST_TIMEOUT=400 $(SHELL) $(top_srcdir)/tests/run-test $(PYTHON3)

check_PROGRAMS += tests/flow/dump_history
tests_flow_dump_history_SOURCES = tests/flow/dump_history.c
tests_flow_dump_history_LDADD = gatewayd/history/libhistory.la gatewayd/store/libstore.la \
	lib/libgateway.la $(SQLITE_LIBS) $(LIBM)
