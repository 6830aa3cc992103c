/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people write and read them: ages, sizes, durations, local times. */
#ifndef GATEWAYCTL_HUMAN_H
#define GATEWAYCTL_HUMAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define HUMAN_MAX 64

/* "0.4 s", "3 s", "12 min", "5 h", "3 d". */
void human_duration(int64_t ms, char ret[HUMAN_MAX]);
/* "512 MiB", "900 B". */
void human_bytes(uint64_t bytes, char ret[HUMAN_MAX]);
/* "2026-11-21 10:02:33" in the caller's time zone; "-" for 0. */
void human_time(int64_t t_wall_ms, char ret[HUMAN_MAX]);
/* A JSON scalar: "234.1", "on", text; "-" for null. malloc'ed. */
char *human_value(const json_t *value);

/* "60s", "1.5 min", "200 ms", "1 h", "2 d"; a bare number is refused. */
bool human_parse_duration(const char *text, int64_t *ret_ms);
/* "10 min" (ago), "2026-11-21", "2026-11-21 10:02[:33]" (or with T), or ms since 1970. */
bool human_parse_time(const char *text, int64_t now_wall_ms, int64_t *ret_wall_ms);
/* The JSON for a value given on the command line: number, true, false (also on, off),
 * else a string. New reference. */
json_t *human_parse_value(const char *text);

#endif
