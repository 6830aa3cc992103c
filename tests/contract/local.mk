# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/contract/modbus_probe
tests_contract_modbus_probe_SOURCES = tests/contract/modbus_probe.c \
	tests/contract/modbus_host.c tests/contract/modbus_host.h
dist_check_SCRIPTS += tests/contract/modbus-pymodbus
TESTS += tests/contract/modbus-pymodbus
EXTRA_DIST += tests/contract/modbus_cases.py tests/contract/modbus_pymodbus.py
