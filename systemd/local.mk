# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += systemd/gatewayd.service.in
if HAVE_SYSTEMD_UNIT
systemdsystemunit_DATA = systemd/gatewayd.service
CLEANFILES += systemd/gatewayd.service
systemd/gatewayd.service: systemd/gatewayd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(SED) -e 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/systemd/gatewayd.service.in > $@.tmp && mv $@.tmp $@
endif
