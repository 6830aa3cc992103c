/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes for locals: `_cleanup_free_ char *p = NULL;`. */
#ifndef GATEWAYD_BASE_CLEANUP_H
#define GATEWAYD_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_p(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close_p(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free_p)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close_p)))

#endif
