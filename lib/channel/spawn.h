/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a child with nothing inherited but what is listed: posix_spawn with signal
 * mask and dispositions reset and every other descriptor closed. */
#ifndef GATEWAYD_CHANNEL_SPAWN_H
#define GATEWAYD_CHANNEL_SPAWN_H

#include <sys/types.h>

#define SPAWN_FDS_MAX 5

/* fds[i] becomes descriptor i of the child (-1: /dev/null); n_fds of them, the rest
 * closed. argv[0] is the path. The environment is the caller's plus "KEY=VALUE" in
 * extra_env (may be NULL). 0 and *ret_pid, or -errno. */
int spawn_process(const char *const argv[], const int *fds, int n_fds,
                  const char *extra_env, pid_t *ret_pid);

#endif
