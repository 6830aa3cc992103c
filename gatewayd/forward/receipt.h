/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver's receipt: {"v":1,"epoch":"...","upto":1260,"missing":[[1201,1210]]}. Bytes
 * from outside: every field is checked. Pure.
 */
#ifndef GATEWAYD_FORWARD_RECEIPT_H
#define GATEWAYD_FORWARD_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#define RECEIPT_MISSING_MAX 256

/* Everything <= upto is stored except the ranges missing, which are ascending, disjoint
 * and within 1..upto. */
struct receipt {
    char epoch[33];
    uint64_t upto;
    uint32_t n_missing;
    struct {
        uint64_t first, last;
    } missing[RECEIPT_MISSING_MAX];
};

/* 0, or -EINVAL: no such thing. With more ranges than we hold, upto is lowered to before
 * the first one left out: it claims less, never more. */
int receipt_parse(const char *json, size_t len, struct receipt *ret_receipt);

#endif
