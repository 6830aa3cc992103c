# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/microgrid/circuit.c lib/microgrid/circuit.h
