/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that comes from outside, through jansson: strict, bounded depth, a message with
 * the place of the fault. Any thread. */
#ifndef GATEWAYD_HTTP_JSON_IN_H
#define GATEWAYD_HTTP_JSON_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define JSON_IN_DEPTH_MAX 32

/* The object of a request's body, or NULL and *ret_error ("line 1, column 7: ...").
 * Repeated keys, anything but an object, and nesting above JSON_IN_DEPTH_MAX are refused.
 * Free it with json_decref. */
json_t *json_in_object(const char *data, size_t len, char *ret_error, size_t error_size);

/* The first key of `object` that is not among `known` (NULL-terminated), or NULL. */
const char *json_in_unknown_key(json_t *object, const char *const *known);

#endif
