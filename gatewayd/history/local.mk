# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += gatewayd/history/libhistory.la
gatewayd_history_libhistory_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
gatewayd_history_libhistory_la_SOURCES = \
	gatewayd/history/query.c gatewayd/history/query.h
