/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of a host process become counts on an eventfd (HOST_STOP_*). */
#ifndef GATEWAYD_DEVHOST_SIGNALS_H
#define GATEWAYD_DEVHOST_SIGNALS_H

/* SIGTERM, SIGINT and SIGABRT; SIGPIPE is ignored. Main thread, once. */
void signals_install(int stop_fd);

#endif
