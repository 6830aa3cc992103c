/* SPDX-License-Identifier: Apache-2.0 */
/* See fullness.h. From the store's statistics to the views of the API. */
#include "gatewayd/fullness.h"

#define USABLE 0.95 /* of max_bytes: the store begins to trim there */

double fullness_hours(const struct store_stats *stats, uint64_t backlog,
                      double hours_since_start)
{
    double n_kept, bytes_per_record, bytes_per_hour, left;

    if (hours_since_start < 1.0 / 60 || stats->last_seq < stats->first_seq ||
        stats->n_records == 0 || stats->size_bytes == 0)
        return -1;
    n_kept = (double)(stats->last_seq - stats->first_seq + 1);
    bytes_per_record = (double)stats->size_bytes / n_kept;
    bytes_per_hour = bytes_per_record * (double)stats->n_records / hours_since_start;
    left = USABLE * (double)stats->max_bytes - bytes_per_record * (double)backlog;
    return left > 0 ? left / bytes_per_hour : 0;
}
