# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/model/catalog.c lib/model/catalog.h \
	lib/model/options.c lib/model/options.h \
	lib/model/record.c lib/model/record.h \
	lib/model/value.c lib/model/value.h
