# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/device/libdevice.la
gatewayd_device_libdevice_la_SOURCES = \
	gatewayd/device/host.c gatewayd/device/host.h \
	gatewayd/device/host_messages.c \
	gatewayd/device/hosts.c gatewayd/device/hosts.h \
	gatewayd/device/latest.c gatewayd/device/latest.h \
	gatewayd/device/resource.c gatewayd/device/resource.h
gatewayd_device_libdevice_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
