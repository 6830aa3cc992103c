/* SPDX-License-Identifier: Apache-2.0 */
/* How far something long is, in per cent; only when standard error is a terminal. */
#ifndef GATEWAYCTL_PROGRESS_H
#define GATEWAYCTL_PROGRESS_H

#include "gatewayctl/ctl.h"

struct progress {
    const char *what;
    bool is_shown;
    uint64_t total;
    int permille;
};

struct progress progress_of(const struct ctl *ctl, const char *what, uint64_t total);
/* ctx: the progress. */
void progress_show(void *ctx, uint64_t at);
/* Takes the line away. */
void progress_end(const struct progress *progress);

#endif
