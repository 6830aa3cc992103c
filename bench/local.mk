# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += bench/run bench/README.md
EXTRA_PROGRAMS = bench/floor bench/libraries
bench_floor_SOURCES = bench/floor.c
bench_floor_CFLAGS = -std=gnu17 $(MODBUS_CFLAGS)
bench_floor_LDADD = $(MODBUS_LIBS) $(PAHO_LIBS)
bench_libraries_SOURCES = bench/libraries.c
bench_libraries_CFLAGS = -std=gnu17 $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS) $(YAML_CFLAGS) $(JANSSON_CFLAGS) $(MHD_CFLAGS)
bench_libraries_LDADD = $(SYSTEMD_LIBS) $(SQLITE_LIBS) $(YAML_LIBS) $(JANSSON_LIBS) $(MHD_LIBS) $(PAHO_LIBS)

.PHONY: bench
bench: all bench/floor bench/libraries
	$(PYTHON3) $(srcdir)/bench/run --build $(abs_top_builddir) $(BENCH_OPTIONS)
