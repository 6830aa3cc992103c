/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short decimals; see decimal.h. Both digits < 2^53 and 10^9 are exact doubles, so their
 * quotient is the correctly rounded value of the decimal text: what strtod() would give.
 */
#include "lib/base/decimal.h"

#include <math.h>

static const double powers[DECIMAL_MAX_EXPONENT + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                        1e5, 1e6, 1e7, 1e8, 1e9};
#define EXACT_LIMIT 9007199254740992.0

double decimal_to_double(int64_t digits, unsigned exponent)
{
    return (double)digits / powers[exponent];
}

bool decimal_from_double(double value, int64_t *ret_digits, unsigned *ret_exponent)
{
    for (unsigned k = 0; k <= DECIMAL_MAX_EXPONENT; k++) {
        double scaled = value * powers[k];
        int64_t digits;

        if (!(fabs(scaled) < EXACT_LIMIT))
            return false;
        digits = llrint(scaled);
        if ((double)digits / powers[k] == value) {
            if (digits == 0 && signbit(value))
                return false;
            *ret_digits = digits;
            *ret_exponent = k;
            return true;
        }
    }
    return false;
}

bool decimal_from_float(float value, int64_t *ret_digits, unsigned *ret_exponent)
{
    for (unsigned k = 0; k <= DECIMAL_MAX_EXPONENT; k++) {
        double scaled = (double)value * powers[k];
        int64_t digits;

        /* 9 significant digits always identify a single; beyond them printf is shorter */
        if (!(fabs(scaled) < 1e9))
            return false;
        digits = llrint(scaled);
        if ((float)((double)digits / powers[k]) == value) {
            if (digits == 0 && signbit(value))
                return false;
            *ret_digits = digits;
            *ret_exponent = k;
            return true;
        }
    }
    return false;
}
