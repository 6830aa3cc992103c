# SPDX-License-Identifier: Apache-2.0
# For tests: built by `make`, never installed. -rpath is what makes libtool build a .so.
noinst_LTLIBRARIES += plugins/faulty/faulty.la
plugins_faulty_faulty_la_SOURCES = plugins/faulty/plugin.c
plugins_faulty_faulty_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-rpath $(abs_builddir)/plugins/faulty
EXTRA_DIST += plugins/faulty/README.md
