# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/config/actors.c lib/config/actors.h \
	lib/config/arena.c lib/config/arena.h \
	lib/config/basics.c lib/config/basics.h \
	lib/config/buses.c lib/config/buses.h \
	lib/config/circuits.c lib/config/circuits.h \
	lib/config/config.c lib/config/config.h \
	lib/config/devices.c lib/config/devices.h \
	lib/config/endpoint.c lib/config/endpoint.h \
	lib/config/grants.c lib/config/grants.h \
	lib/config/int_list.c lib/config/int_list.h \
	lib/config/load.c lib/config/load.h \
	lib/config/map.c lib/config/map.h \
	lib/config/map_find.c lib/config/map_find.h \
	lib/config/merge.c lib/config/merge.h \
	lib/config/outage.c lib/config/outage.h \
	lib/config/outage_check.c lib/config/outage_check.h \
	lib/config/outage_data.c lib/config/outage_data.h \
	lib/config/plugin_keys.c lib/config/plugin_keys.h \
	lib/config/points.c lib/config/points.h \
	lib/config/policies.c lib/config/policies.h \
	lib/config/report.c lib/config/report.h \
	lib/config/routes.c lib/config/routes.h \
	lib/config/schema.c lib/config/schema.h \
	lib/config/schema_value.c lib/config/schema_value.h \
	lib/config/suggest.c lib/config/suggest.h \
	lib/config/text_check.c lib/config/text_check.h \
	lib/config/units.c lib/config/units.h \
	lib/config/yaml_tree.c lib/config/yaml_tree.h \
	lib/config/zone.c lib/config/zone.h \
	lib/config/zone_rule.c lib/config/zone_rule.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_config tests/unit/test_units
TESTS += tests/unit/test_config tests/unit/test_units
tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/config_plugins.h \
	tests/unit/suite.h
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_config_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(YAML_LIBS) $(LIBM)
tests_unit_test_units_SOURCES = tests/unit/test_units.c tests/unit/suite.h
tests_unit_test_units_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_units_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(YAML_LIBS) $(LIBM)
endif
EXTRA_DIST += tests/config tests/fuzz/corpus/yaml tests/fuzz/corpus/map

if FUZZERS
fuzzers += tests/fuzz/fuzz_yaml tests/fuzz/fuzz_map
check_PROGRAMS += tests/fuzz/fuzz_yaml tests/fuzz/fuzz_map
endif
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c tests/fuzz/config_input.h \
	tests/unit/config_plugins.h
tests_fuzz_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_yaml_LDADD = lib/libgateway.la $(YAML_LIBS) $(LIBM)
tests_fuzz_fuzz_map_SOURCES = tests/fuzz/fuzz_map.c tests/fuzz/config_input.h \
	tests/unit/config_plugins.h
tests_fuzz_fuzz_map_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_map_LDADD = lib/libgateway.la $(YAML_LIBS) $(LIBM)
