# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += tools/devicesim/gateway-devicesim
tools_devicesim_gateway_devicesim_SOURCES = \
	tools/devicesim/control.c tools/devicesim/control.h \
	tools/devicesim/device.c tools/devicesim/device.h \
	tools/devicesim/fault.c tools/devicesim/fault.h \
	tools/devicesim/frame.c tools/devicesim/frame.h \
	tools/devicesim/image.c tools/devicesim/image.h \
	tools/devicesim/loop.c tools/devicesim/loop.h \
	tools/devicesim/main.c \
	tools/devicesim/model.c tools/devicesim/model.h \
	tools/devicesim/outbox.c tools/devicesim/outbox.h \
	tools/devicesim/pdu.c tools/devicesim/pdu.h \
	tools/devicesim/rtu.c tools/devicesim/rtu.h \
	tools/devicesim/sim.c tools/devicesim/sim.h \
	tools/devicesim/spec.c tools/devicesim/spec.h \
	tools/devicesim/tcp.c tools/devicesim/tcp.h \
	$(sim_home_sources)
tools_devicesim_gateway_devicesim_LDADD = lib/libgateway.la $(SYSTEMD_LIBS) -lutil $(LIBM)

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test_devicesim
TESTS += tests/unit/test_devicesim
tests_unit_test_devicesim_SOURCES = tests/unit/test_devicesim.c tests/unit/suite.h \
	tools/devicesim/fault.c tools/devicesim/fault.h \
	tools/devicesim/frame.c tools/devicesim/frame.h \
	tools/devicesim/image.c tools/devicesim/image.h \
	tools/devicesim/pdu.c tools/devicesim/pdu.h
tests_unit_test_devicesim_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_devicesim_LDADD = lib/libgateway.la $(SYSTEMD_LIBS) $(CUNIT_LIBS) $(LIBM)
endif
EXTRA_DIST += tools/devicesim/README.md
