/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on standard error; see progress.h. */
#include "gatewayctl/progress.h"

#include <stdio.h>
#include <unistd.h>

struct progress progress_of(const struct ctl *ctl, const char *what, uint64_t total)
{
    return (struct progress){.what = what,
                             .is_shown = isatty(STDERR_FILENO) && !ctl->is_json,
                             .total = total,
                             .permille = -1};
}

void progress_show(void *ctx, uint64_t at)
{
    struct progress *progress = ctx;
    int permille = progress->total ? (int)(at * 1000 / progress->total) : 0;

    if (!progress->is_shown || permille == progress->permille)
        return;
    progress->permille = permille;
    fprintf(stderr, "\r%s %3d.%d %%", progress->what, permille / 10, permille % 10);
}

void progress_end(const struct progress *progress)
{
    if (progress->is_shown && progress->permille >= 0)
        fputs("\r\033[K", stderr);
}
