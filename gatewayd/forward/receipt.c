/* SPDX-License-Identifier: Apache-2.0 */
/* Reads receipts from the receiver; see receipt.h. For forward.c, on the store's thread.
 */
#include "gatewayd/forward/receipt.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static int get_seq(const json_t *value, uint64_t *ret_seq)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return -EINVAL;
    *ret_seq = (uint64_t)json_integer_value(value);
    return 0;
}

static int get_range(const json_t *pair, uint64_t *ret_first, uint64_t *ret_last)
{
    if (json_array_size(pair) != 2 || get_seq(json_array_get(pair, 0), ret_first) < 0 ||
        get_seq(json_array_get(pair, 1), ret_last) < 0 || *ret_first > *ret_last)
        return -EINVAL;
    return 0;
}

static int get_missing(const json_t *list, struct receipt *receipt)
{
    uint64_t before = 0;
    const json_t *pair;
    size_t i;

    if (!list)
        return 0;
    if (!json_is_array(list))
        return -EINVAL;
    json_array_foreach(list, i, pair)
    {
        uint64_t first, last;

        if (get_range(pair, &first, &last) < 0 || first <= before || last > receipt->upto)
            return -EINVAL;
        if (receipt->n_missing == RECEIPT_MISSING_MAX) {
            receipt->upto = first - 1;
            return 0;
        }
        receipt->missing[receipt->n_missing].first = first;
        receipt->missing[receipt->n_missing++].last = last;
        before = last;
    }
    return 0;
}

static int read_receipt(const json_t *root, struct receipt *ret_receipt)
{
    const char *epoch = json_string_value(json_object_get(root, "epoch"));
    uint64_t version;

    memset(ret_receipt, 0, sizeof *ret_receipt);
    if (get_seq(json_object_get(root, "v"), &version) < 0 || version != 1)
        return -EINVAL;
    if (!epoch || strlen(epoch) >= sizeof ret_receipt->epoch)
        return -EINVAL;
    strcpy(ret_receipt->epoch, epoch);
    if (get_seq(json_object_get(root, "upto"), &ret_receipt->upto) < 0)
        return -EINVAL;
    return get_missing(json_object_get(root, "missing"), ret_receipt);
}

int receipt_parse(const char *json, size_t len, struct receipt *ret_receipt)
{
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    if (!root)
        return -EINVAL;
    rc = read_receipt(root, ret_receipt);
    json_decref(root);
    return rc;
}
