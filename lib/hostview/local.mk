# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/hostview/host_view.c lib/hostview/host_view.h
