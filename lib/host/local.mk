# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/host/ask_process.c lib/host/ask_process.h \
	lib/host/breaker.c lib/host/breaker.h \
	lib/host/bus.c lib/host/bus.h \
	lib/host/bus_command.c lib/host/bus_command.h \
	lib/host/bus_runner.c lib/host/bus_runner.h \
	lib/host/bus_stats.c lib/host/bus_stats.h \
	lib/host/config_view.c lib/host/config_view.h \
	lib/host/host.c lib/host/host.h \
	lib/host/host_config.c lib/host/host_config.h \
	lib/host/host_msg.h \
	lib/host/host_order.c lib/host/host_order.h \
	lib/host/lease.c lib/host/lease.h \
	lib/host/outbox.c lib/host/outbox.h \
	lib/host/plan.c lib/host/plan.h \
	lib/host/plugin_load.c lib/host/plugin_load.h \
	lib/host/plugin_options.c lib/host/plugin_options.h \
	lib/host/plugin_query.c lib/host/plugin_query.h \
	lib/host/resolver.c lib/host/resolver.h \
	lib/host/services.c lib/host/services.h \
	lib/host/sink.c lib/host/sink.h

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_breaker tests/unit/test_host tests/unit/test_host_config \
	tests/unit/test_host_faults tests/unit/test_plugin_query tests/unit/test_sink
TESTS += tests/unit/test_breaker tests/unit/test_host tests/unit/test_host_config \
	tests/unit/test_host_faults tests/unit/test_plugin_query tests/unit/test_sink
tests_unit_test_breaker_SOURCES = tests/unit/test_breaker.c tests/unit/suite.h
tests_unit_test_breaker_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_breaker_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_plugin_query_SOURCES = tests/unit/test_plugin_query.c tests/unit/suite.h
tests_unit_test_plugin_query_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_plugin_query_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_sink_SOURCES = tests/unit/test_sink.c tests/unit/suite.h \
	tests/unit/host_peer.c tests/unit/host_peer.h
tests_unit_test_sink_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_sink_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_host_SOURCES = tests/unit/test_host.c tests/unit/suite.h \
	tests/unit/host_peer.c tests/unit/host_peer.h tests/unit/host_rig.c tests/unit/host_rig.h
tests_unit_test_host_faults_SOURCES = tests/unit/test_host_faults.c tests/unit/suite.h \
	tests/unit/host_peer.c tests/unit/host_peer.h tests/unit/host_rig.c tests/unit/host_rig.h
tests_unit_test_host_faults_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_host_faults_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_host_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
tests_unit_test_host_config_SOURCES = tests/unit/test_host_config.c tests/unit/suite.h \
	tests/unit/host_peer.c tests/unit/host_peer.h
tests_unit_test_host_config_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_host_config_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(LIBM)
endif

EXTRA_DIST += tests/fuzz/corpus/channel lib/host/README.md
if FUZZERS
check_PROGRAMS += tests/fuzz/fuzz_channel
fuzzers += tests/fuzz/fuzz_channel
tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c
tests_fuzz_fuzz_channel_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_channel_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_channel_LDADD = gatewayd/device/libdevice.la lib/libgateway.la \
	$(SYSTEMD_LIBS) $(YAML_LIBS) $(LIBM)
endif
