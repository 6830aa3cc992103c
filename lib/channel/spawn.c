/* SPDX-License-Identifier: Apache-2.0 */
/* Starting children; see spawn.h. Never a bare fork: the core has threads. */
#include "lib/channel/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static int set_fds(posix_spawn_file_actions_t *actions, const int *fds, int n_fds,
                   int *parked)
{
    int rc = 0;

    /* park above the target range first, so that no dup2 overwrites a source */
    for (int i = 0; i < n_fds && rc == 0; i++) {
        int source = fds[i] >= 0 ? fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

        parked[i] = source >= 0 ? fcntl(source, F_DUPFD_CLOEXEC, 64) : -1;
        rc = parked[i] < 0 ? errno : 0;
        if (fds[i] < 0 && source >= 0)
            close(source);
        if (rc == 0)
            rc = posix_spawn_file_actions_adddup2(actions, parked[i], i);
    }
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, n_fds);
    return rc;
}

static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr,
                                      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return rc;
}

static char **make_environment(const char *extra)
{
    size_t n = 0;
    char **env;

    while (environ[n])
        n++;
    env = calloc(n + 2, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        env[i] = environ[i];
    env[n] = (char *)(uintptr_t)extra;
    return env;
}

int spawn_process(const char *const argv[], const int *fds, int n_fds,
                  const char *extra_env, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int parked[SPAWN_FDS_MAX] = {-1, -1, -1, -1, -1};
    char **env = make_environment(extra_env);
    int rc = env ? 0 : ENOMEM;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    if (rc == 0)
        rc = set_fds(&actions, fds, n_fds, parked);
    if (rc == 0)
        rc = set_signals(&attr);
    if (rc == 0)
        rc = posix_spawn(ret_pid, argv[0], &actions, &attr,
                         (char *const *)(uintptr_t)argv, env);
    for (int i = 0; i < n_fds; i++)
        if (parked[i] >= 0)
            close(parked[i]);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    return -rc;
}
