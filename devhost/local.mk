# SPDX-License-Identifier: Apache-2.0
pkglibexec_PROGRAMS += devhost/gateway-devhost
devhost_gateway_devhost_SOURCES = \
	devhost/ask.c devhost/ask.h \
	devhost/lockdown.c devhost/lockdown.h \
	devhost/main.c \
	devhost/signals.c devhost/signals.h
devhost_gateway_devhost_LDADD = lib/libgateway.la $(LIBM)
