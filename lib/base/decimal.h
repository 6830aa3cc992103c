/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short decimals: most measured values are an integer over a power of ten (230.1).
 * Finding that pair makes both printing and storing them cheap.
 */
#ifndef GATEWAYD_BASE_DECIMAL_H
#define GATEWAYD_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_MAX_EXPONENT 9

/* True and *ret_digits, *ret_exponent (0..9) when value == digits / 10^exponent exactly
 * as a reader would compute it, with the smallest such exponent and |digits| < 2^53.
 * Negative zero is no such value. */
bool decimal_from_double(double value, int64_t *ret_digits, unsigned *ret_exponent);
/* Same, where equality is that of single precision. */
bool decimal_from_float(float value, int64_t *ret_digits, unsigned *ret_exponent);
double decimal_to_double(int64_t digits, unsigned exponent);

#endif
