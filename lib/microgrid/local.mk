# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/microgrid/circuit.c lib/microgrid/circuit.h \
	lib/microgrid/evidence.h \
	lib/microgrid/grid_code.h \
	lib/microgrid/grid_state.h \
	lib/microgrid/interlock.h \
	lib/microgrid/restore.h
