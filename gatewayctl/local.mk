# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += gatewayctl/gatewayctl
gatewayctl_gatewayctl_SOURCES = \
	gatewayctl/main.c gatewayctl/commands.h \
	gatewayctl/backup_file.c gatewayctl/backup_file.h \
	gatewayctl/check_plan.c gatewayctl/check_plan.h \
	gatewayctl/cmd_backup.c gatewayctl/cmd_energy.c gatewayctl/cmd_export.c \
	gatewayctl/cmd_history.c \
	gatewayctl/progress.c gatewayctl/progress.h \
	gatewayctl/cmd_buses.c gatewayctl/cmd_check.c gatewayctl/cmd_routes.c \
	gatewayctl/cmd_scan.c \
	gatewayctl/cmd_control.c \
	gatewayctl/cmd_status.c gatewayctl/cmd_watch.c \
	gatewayctl/ctl.c gatewayctl/ctl.h \
	gatewayctl/human.c gatewayctl/human.h \
	gatewayctl/points.c gatewayctl/points.h \
	gatewayctl/table.c gatewayctl/table.h \
	$(simulate_sources)
gatewayctl_gatewayctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
gatewayctl_gatewayctl_LDADD = gatewayctl/simulate/libsimulate.la lib/libgateway.la $(JANSSON_LIBS) $(YAML_LIBS) $(LIBM)

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = gatewayctl/completions/gatewayctl

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_ctl tests/unit/test_check
TESTS += tests/unit/test_ctl tests/unit/test_check
tests_unit_test_check_SOURCES = tests/unit/test_check.c tests/unit/suite.h
tests_unit_test_check_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_check_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(JANSSON_LIBS)
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c tests/unit/suite.h \
	tests/unit/fake_ports.c tests/unit/fake_ports.h $(api_sources) \
	gatewayctl/human.c gatewayctl/human.h
tests_unit_test_ctl_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_ctl_LDADD = lib/libgateway.la $(CUNIT_LIBS) $(MHD_LIBS) $(JANSSON_LIBS) $(LIBM)
endif
