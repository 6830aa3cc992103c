# SPDX-License-Identifier: Apache-2.0
# The parts are a library of their own so that tests reach them without the plugin's edge.
noinst_LTLIBRARIES += plugins/modbus/libparts.la
plugins_modbus_libparts_la_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS)
plugins_modbus_libparts_la_LIBADD = $(MODBUS_LIBS) $(LIBM)
plugins_modbus_libparts_la_SOURCES = \
	plugins/modbus/bus.c plugins/modbus/bus.h \
	plugins/modbus/codec.c plugins/modbus/codec.h \
	plugins/modbus/frame.c plugins/modbus/frame.h \
	plugins/modbus/guard.c plugins/modbus/guard.h \
	plugins/modbus/link.c plugins/modbus/link.h \
	plugins/modbus/link_rtu.c plugins/modbus/link_rtu.h \
	plugins/modbus/link_tcp.c plugins/modbus/link_tcp.h \
	plugins/modbus/plan.c plugins/modbus/plan.h \
	plugins/modbus/ranges.c plugins/modbus/ranges.h \
	plugins/modbus/read.c plugins/modbus/read.h \
	plugins/modbus/serial.c plugins/modbus/serial.h \
	plugins/modbus/settings.c plugins/modbus/settings.h \
	plugins/modbus/write.c plugins/modbus/write.h

pkgplugin_LTLIBRARIES += plugins/modbus/modbus.la
plugins_modbus_modbus_la_SOURCES = plugins/modbus/plugin.c
plugins_modbus_modbus_la_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS)
plugins_modbus_modbus_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
plugins_modbus_modbus_la_LIBADD = plugins/modbus/libparts.la
