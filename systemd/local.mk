# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += systemd/gatewayd.service.in systemd/gatewayd-clock.service.in \
	systemd/gatewayd-halt.path systemd/gatewayd-halt.service
if HAVE_SYSTEMD_UNIT
systemdsystemunit_DATA = systemd/gatewayd.service systemd/gatewayd-clock.service
CLEANFILES += $(systemdsystemunit_DATA)
systemdsystemunit_DATA += systemd/gatewayd-halt.path systemd/gatewayd-halt.service
unit_paths = $(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g'
systemd/gatewayd.service: systemd/gatewayd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(unit_paths) $(srcdir)/systemd/gatewayd.service.in > $@.tmp && mv $@.tmp $@
systemd/gatewayd-clock.service: systemd/gatewayd-clock.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(unit_paths) $(srcdir)/systemd/gatewayd-clock.service.in > $@.tmp && mv $@.tmp $@
endif
