/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one visible place where a host process loses rights. Here join seccomp (by kind of
 * plugin) and Landlock (store, credentials and configuration out of reach): both need
 * no_new_privs, which is set already, and both are inherited by the bus threads. The
 * process stays dumpable: it holds no secret, and leak checkers and memory figures need
 * it.
 */
#include "devhost/lockdown.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/* A hundred TCP buses and their plugins' own descriptors; a leak is seen before it
 * hurts. */
#define MAX_DESCRIPTORS 1024

static void limit(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit old, now = {value, value};

    if (getrlimit(resource, &old) == 0 && old.rlim_max < value)
        now.rlim_cur = now.rlim_max = old.rlim_max;
    setrlimit(resource, &now);
}

void lockdown_host(void)
{
    limit(RLIMIT_CORE, 0); /* a core file would hold readings, on an SD card */
    limit(RLIMIT_NOFILE, MAX_DESCRIPTORS);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
