/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days of a time zone, from the system's zoneinfo files and without the process-wide TZ
 * (other threads format times meanwhile).
 */
#ifndef GATEWAYD_CONFIG_ZONE_H
#define GATEWAYD_CONFIG_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* UTC always exists; others when /usr/share/zoneinfo (or $TZDIR) has them. */
bool zone_exists(const char *name);

/* Minutes after midnight of a day (YYYYMMDD) in the zone, as its clocks show them; false:
 * the zone cannot be read. */
bool zone_wall_ms(const char *name, int64_t yyyymmdd, int32_t minutes,
                  int64_t *ret_wall_ms);
/* What local clocks are ahead of UTC at that time; 0 and false: the zone cannot be
 * read. */
bool zone_offset_ms(const char *name, int64_t t_wall_ms, int64_t *ret_ms);
/* The midnight at or before t_wall_ms and the next one, 23 to 25 hours on; where clocks
 * skip midnight, the day begins with the hour that follows. False: the zone cannot be
 * read, and they are those of UTC. */
bool zone_day_bounds_ms(const char *name, int64_t t_wall_ms, int64_t *ret_start_ms,
                        int64_t *ret_end_ms);
/* The last millisecond of a day (YYYYMMDD) in the zone; false: the zone cannot be
 * read. */
bool zone_day_end_ms(const char *name, int64_t yyyymmdd, int64_t *ret_wall_ms);

#endif
