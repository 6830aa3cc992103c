# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/contract/modbus_probe
tests_contract_modbus_probe_SOURCES = tests/contract/modbus_probe.c \
	tests/contract/modbus_host.c tests/contract/modbus_host.h
dist_check_SCRIPTS += tests/contract/modbus-pymodbus tests/contract/modbus-npm
TESTS += tests/contract/modbus-pymodbus tests/contract/modbus-npm
EXTRA_DIST += tests/contract/modbus_cases.py tests/contract/modbus_run.py \
	tests/contract/modbus_pymodbus.py tests/contract/modbus_npm.py \
	tests/contract/modbus_npm_server.js

if HAVE_CUNIT
check_PROGRAMS += tests/contract/test_maps
TESTS += tests/contract/test_maps
tests_contract_test_maps_SOURCES = tests/contract/test_maps.c tests/unit/suite.h \
	plugins/modbus/codec.c plugins/modbus/codec.h \
	plugins/modbus/ranges.c plugins/modbus/ranges.h \
	plugins/modbus/settings.c plugins/modbus/settings.h \
	plugins/sim/home_signal.c plugins/sim/home_signal.h \
	plugins/sim/home.c plugins/sim/home.h \
	tools/devicesim/image.c tools/devicesim/image.h
tests_contract_test_maps_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_contract_test_maps_LDADD = lib/libgateway.la $(YAML_LIBS) $(SYSTEMD_LIBS) $(CUNIT_LIBS) $(LIBM)
endif
EXTRA_DIST += \
	tests/contract/maps/carlo-gavazzi-em340.txt \
	tests/contract/maps/eastron-sdm120.txt \
	tests/contract/maps/eastron-sdm630.txt \
	tests/contract/maps/huawei-sun2000-battery.txt \
	tests/contract/maps/huawei-sun2000-meter.txt \
	tests/contract/maps/huawei-sun2000.txt \
	tests/contract/maps/victron-gx-battery.txt
dist_check_SCRIPTS += tests/contract/devicesim-clients
TESTS += tests/contract/devicesim-clients
EXTRA_DIST += tests/contract/devicesim_clients.py

clean-local:
	rm -rf tests/contract/npm
dist_check_SCRIPTS += tests/contract/schemas
TESTS += tests/contract/schemas
EXTRA_DIST += tests/contract/schemas.py
TESTS += tests/contract/test_docs.py tests/contract/test_messages.py \
	tests/contract/test_openapi.py
EXTRA_DIST += tests/contract/strict.py tests/contract/test_docs.py tests/contract/test_messages.py \
	tests/contract/test_openapi.py
