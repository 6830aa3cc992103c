# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += bench/run bench/drain bench/flash bench/grid_loss bench/README.md
EXTRA_PROGRAMS = bench/floor bench/libraries bench/paho_loop bench/store_load bench/gpio_loop \
	bench/modbus_loop
bench_gpio_loop_SOURCES = bench/gpio_loop.c $(gpio_lines_sources)
bench_gpio_loop_CFLAGS = $(AM_CFLAGS) $(GPIOD_CFLAGS)
bench_gpio_loop_LDADD = plugins/gpio/libparts.la lib/libgateway.la $(GPIOD_LIBS) $(LIBM)
bench_modbus_loop_SOURCES = bench/modbus_loop.c
bench_modbus_loop_CFLAGS = -std=gnu17 $(MODBUS_CFLAGS)
bench_modbus_loop_LDADD = $(MODBUS_LIBS)
bench_floor_SOURCES = bench/floor.c
bench_floor_CFLAGS = -std=gnu17 $(MODBUS_CFLAGS)
bench_floor_LDADD = $(MODBUS_LIBS) $(PAHO_LIBS)
bench_libraries_SOURCES = bench/libraries.c
bench_libraries_CFLAGS = -std=gnu17 $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(YAML_CFLAGS) $(JANSSON_CFLAGS) $(MHD_CFLAGS)
bench_libraries_LDADD = $(SYSTEMD_LIBS) $(SQLITE_LIBS) $(YAML_LIBS) $(JANSSON_LIBS) $(MHD_LIBS) $(PAHO_LIBS)
bench_paho_loop_SOURCES = bench/paho_loop.c
bench_paho_loop_LDADD = $(PAHO_LIBS)
bench_store_load_SOURCES = bench/store_load.c tests/unit/home_load.c tests/unit/home_load.h
bench_store_load_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
bench_store_load_LDADD = gatewayd/store/libstore.la lib/libgateway.la $(SQLITE_LIBS) $(LIBM)

.PHONY: bench bench-drain bench-flash bench-grid-loss
bench: all bench/floor bench/libraries
	$(PYTHON3) $(srcdir)/bench/run --build $(abs_top_builddir) $(BENCH_OPTIONS)
bench-drain: all bench/store_load bench/paho_loop
	$(PYTHON3) $(srcdir)/bench/drain --build $(abs_top_builddir) $(BENCH_OPTIONS)
bench-grid-loss: all bench/modbus_loop tools/devicesim/gateway-devicesim
	$(PYTHON3) $(srcdir)/bench/grid_loss --build $(abs_top_builddir) $(BENCH_OPTIONS)
bench-flash: bench/store_load
	$(PYTHON3) $(srcdir)/bench/flash --build $(abs_top_builddir) $(BENCH_OPTIONS)
