/* SPDX-License-Identifier: Apache-2.0 */
/* Values and qualities: the plain data that travels from plugin to broker. */
#ifndef GATEWAYD_MODEL_VALUE_H
#define GATEWAYD_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/plugin.h"
#include "lib/base/strbuf.h"

#define VALUE_STRING_MAX 255 /* bytes; longer ones are cut at a character's end */

/* The names of CONTRACT: "good", "uncertain", "stale", "timeout", "link-down",
 * "device-error", "out-of-range", "substituted"; unknown numbers give "uncertain". */
const char *quality_name(enum gw_quality quality);
/* -1 when the name is unknown. */
int quality_from_name(const char *name);

/* Names for logs and APIs: "timeout", "link", "protocol", ... */
const char *result_name(enum gw_result result);
/* The quality of points that a failed attempt should have yielded. */
enum gw_quality quality_from_result(enum gw_result result);

/* As a double; false for strings and none. Bools are 0 and 1. */
bool value_to_double(const struct gw_value *value, double *ret_number);
bool value_equal(const struct gw_value *a, const struct gw_value *b);
/* As JSON: numbers shortest round-trip, integers beyond +/-2^53 as decimal strings, NaN
 * and infinities null. */
void value_put_json(const struct gw_value *value, struct strbuf *buf);
/* For people: "234.1", "on"/"off", text. */
void value_put_text(const struct gw_value *value, struct strbuf *buf);

/* physical = raw * scale + offset. Strings and booleans pass through. Integers stay
 * integers when scale is whole and offset 0; 1/scale whole (0.1, 0.01) divides, so that
 * 2301 at 0.1 is 230.1 and not 230.10000000000002. */
struct gw_value value_scale(struct gw_value raw, double scale, double offset);
/* The raw value to write for a physical one: rounded to an integer unless is_float. */
struct gw_value value_unscale(double physical, double scale, double offset,
                              bool is_float);

#endif
