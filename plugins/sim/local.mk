# SPDX-License-Identifier: Apache-2.0
sim_home_sources = \
	plugins/sim/home.c plugins/sim/home.h \
	plugins/sim/home_script.c plugins/sim/home_script.h \
	plugins/sim/home_signal.c plugins/sim/home_signal.h

pkgplugin_LTLIBRARIES += plugins/sim/sim.la
plugins_sim_sim_la_SOURCES = plugins/sim/plugin.c $(sim_home_sources)
plugins_sim_sim_la_CFLAGS = $(AM_CFLAGS)
plugins_sim_sim_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version
plugins_sim_sim_la_LIBADD = $(LIBM)
EXTRA_DIST += plugins/sim/README.md

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_sim
TESTS += tests/unit/test_sim
tests_unit_test_sim_SOURCES = tests/unit/test_sim.c tests/unit/suite.h \
	plugins/sim/plugin.c $(sim_home_sources)
tests_unit_test_sim_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_sim_LDADD = lib/libgateway.la $(SYSTEMD_LIBS) $(CUNIT_LIBS) $(LIBM)
endif
