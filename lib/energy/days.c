/* SPDX-License-Identifier: Apache-2.0 */
/* The site's days; see days.h. */
#include "lib/energy/days.h"

#include <time.h>

/* Where midnight does not exist, the day begins with the hour that follows. */
static int64_t midnight_ms(struct tm tm, int days_on)
{
    tm.tm_mday += days_on;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000;
}

void days_bounds(int64_t t_ms, int64_t *ret_start_ms, int64_t *ret_end_ms)
{
    int64_t second = t_ms / 1000 - (t_ms % 1000 < 0);
    time_t t = (time_t)second;
    struct tm tm;

    localtime_r(&t, &tm);
    *ret_start_ms = midnight_ms(tm, 0);
    *ret_end_ms = midnight_ms(tm, 1);
}
