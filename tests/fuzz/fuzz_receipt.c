/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts from outside: whatever the bytes, what is accepted keeps its promises. */
#include <stdlib.h>

#include "gatewayd/forward/cursor.h"
#include "gatewayd/forward/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct forward_cursor cursor = {.low = 5};
    struct receipt receipt;
    uint64_t before = 0;

    if (receipt_parse((const char *)data, size, &receipt) < 0)
        return 0;
    for (uint32_t i = 0; i < receipt.n_missing; i++) {
        if (receipt.missing[i].first <= before ||
            receipt.missing[i].last < receipt.missing[i].first ||
            receipt.missing[i].last > receipt.upto)
            abort();
        cursor_add(&cursor, before + 1, receipt.missing[i].first - 1);
        before = receipt.missing[i].last;
    }
    cursor_add(&cursor, before + 1, receipt.upto);
    if (cursor.n_ranges > FORWARD_CURSOR_RANGES)
        abort();
    return 0;
}
