# SPDX-License-Identifier: Apache-2.0
sbin_PROGRAMS += gatewayd/gatewayd
gatewayd_gatewayd_SOURCES = gatewayd/main.c
gatewayd_gatewayd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(SQLITE_CFLAGS)
gatewayd_gatewayd_LDADD = lib/libgateway.la $(SYSTEMD_LIBS) $(SQLITE_LIBS) $(YAML_LIBS) \
	$(JANSSON_LIBS) $(MHD_LIBS) $(LIBM)
