# SPDX-License-Identifier: Apache-2.0
lib_libgateway_la_SOURCES += \
	lib/sqlite/count_vfs.c lib/sqlite/count_vfs.h \
	lib/sqlite/db.c lib/sqlite/db.h \
	lib/sqlite/image.c lib/sqlite/image.h \
	lib/sqlite/stmt.c lib/sqlite/stmt.h
