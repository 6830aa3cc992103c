# SPDX-License-Identifier: Apache-2.0
# The parts know lines.h alone; what stands behind it is linked last.
noinst_LTLIBRARIES += plugins/gpio/libpure.la plugins/gpio/libparts.la
plugins_gpio_libpure_la_SOURCES = \
	plugins/gpio/event_time.c plugins/gpio/event_time.h \
	plugins/gpio/input.c plugins/gpio/input.h
plugins_gpio_libparts_la_LIBADD = plugins/gpio/libpure.la
plugins_gpio_libparts_la_SOURCES = \
	plugins/gpio/bus.c plugins/gpio/bus.h \
	plugins/gpio/chip.c plugins/gpio/chip.h \
	plugins/gpio/edges.c plugins/gpio/edges.h \
	plugins/gpio/lines.h plugins/gpio/plugin.c \
	plugins/gpio/scan.c plugins/gpio/scan.h \
	plugins/gpio/settings.c plugins/gpio/settings.h

pkgplugin_LTLIBRARIES += plugins/gpio/gpio.la
gpio_lines_sources = plugins/gpio/lines_dev.c plugins/gpio/lines_dev.h
if GPIOD_V2
gpio_lines_sources += plugins/gpio/lines_v2.c
EXTRA_DIST += plugins/gpio/lines_v1.c
else
gpio_lines_sources += plugins/gpio/lines_v1.c
EXTRA_DIST += plugins/gpio/lines_v2.c
endif
plugins_gpio_gpio_la_SOURCES = $(gpio_lines_sources)
plugins_gpio_gpio_la_CFLAGS = $(AM_CFLAGS) $(GPIOD_CFLAGS)
plugins_gpio_gpio_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
plugins_gpio_gpio_la_LIBADD = plugins/gpio/libparts.la $(GPIOD_LIBS)
EXTRA_DIST += plugins/gpio/README.md

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_gpio tests/unit/test_gpio_input
TESTS += tests/unit/test_gpio tests/unit/test_gpio_input
tests_unit_test_gpio_input_SOURCES = tests/unit/test_gpio_input.c tests/unit/suite.h
tests_unit_test_gpio_input_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_gpio_input_LDADD = plugins/gpio/libpure.la $(CUNIT_LIBS)
tests_unit_test_gpio_SOURCES = tests/unit/test_gpio.c tests/unit/suite.h \
	tests/unit/gpio_fake.c tests/unit/gpio_fake.h \
	tests/contract/modbus_host.c tests/contract/modbus_host.h
tests_unit_test_gpio_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_gpio_LDADD = plugins/gpio/libparts.la $(CUNIT_LIBS)
endif

# For tests of the whole daemon: chips from a socket, never installed. -rpath is what makes
# libtool build a .so; the folder of its own keeps it away from the real one.
noinst_LTLIBRARIES += plugins/gpio/fake/gpio.la
plugins_gpio_fake_gpio_la_SOURCES = plugins/gpio/lines_socket.c
plugins_gpio_fake_gpio_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-rpath $(abs_builddir)/plugins/gpio/fake
plugins_gpio_fake_gpio_la_LIBADD = plugins/gpio/libparts.la
