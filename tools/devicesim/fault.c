/* SPDX-License-Identifier: Apache-2.0 */
/* Fault injection of the device simulator: parsing, choosing, spoiling. */
#include "tools/devicesim/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/devicesim/frame.h"

static const struct {
    const char *name;
    bool needs_value;
} faults[FAULT_KINDS] = {
    [FAULT_NONE] = {"ok",             false},
    [FAULT_SILENT] = {"silent",         false},
    [FAULT_LATE] = {"late",           true },
    [FAULT_SLOW] = {"slow",           true },
    [FAULT_GARBAGE] = {"garbage",        false},
    [FAULT_TRUNCATE] = {"truncate",       false},
    [FAULT_WRONG_UNIT] = {"wrong-unit",     false},
    [FAULT_WRONG_FUNCTION] = {"wrong-function", false},
    [FAULT_WRONG_COUNT] = {"wrong-count",    false},
    [FAULT_CRC] = {"crc",            false},
    [FAULT_EXCEPTION] = {"exception",      true },
    [FAULT_TWICE] = {"twice",          false},
    [FAULT_FUZZ] = {"fuzz",           true },
};

const char *fault_name(enum fault_kind kind)
{
    return faults[kind].name;
}

static int parse_number(const char *text, unsigned *ret_number)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (end == text || *end || number > 1000000)
        return -EINVAL;
    *ret_number = (unsigned)number;
    return 0;
}

int fault_parse(char *const *words, unsigned n_words, struct fault *ret_fault)
{
    struct fault fault = {0};
    unsigned at = 1;
    int kind = 0;

    while (n_words && kind < FAULT_KINDS && strcmp(words[0], faults[kind].name) != 0)
        kind++;
    if (!n_words || kind == FAULT_KINDS)
        return -EINVAL;
    fault.kind = (enum fault_kind)kind;
    if (faults[kind].needs_value &&
        (at >= n_words || parse_number(words[at++], &fault.value) < 0))
        return -EINVAL;
    if (at < n_words && words[at][0] == 'x' &&
        parse_number(words[at++] + 1, &fault.left) < 0)
        return -EINVAL;
    if (at != n_words)
        return -EINVAL;
    *ret_fault = fault;
    return 0;
}

static enum fault_kind choose(unsigned permille)
{
    static const enum fault_kind choice[] = {
        FAULT_SILENT,     FAULT_GARBAGE,        FAULT_TRUNCATE,
        FAULT_WRONG_UNIT, FAULT_WRONG_FUNCTION, FAULT_WRONG_COUNT,
        FAULT_CRC,        FAULT_EXCEPTION,      FAULT_TWICE,
    };

    if ((unsigned)(random() % 1000) >= permille)
        return FAULT_NONE;
    return choice[(size_t)random() % (sizeof choice / sizeof choice[0])];
}

enum fault_kind fault_next(struct fault *fault, unsigned *ret_value)
{
    enum fault_kind kind = fault->kind;

    *ret_value = fault->value;
    if (kind == FAULT_FUZZ) {
        kind = choose(fault->value);
        *ret_value = (unsigned)(random() % 4) + 1; /* exceptions 1..4 */
    }
    if (fault->left && --fault->left == 0)
        *fault = (struct fault){0};
    return kind;
}

static size_t change_count(uint8_t *pdu, size_t len)
{
    if (len < 4)
        return len;
    /* Either the count lies, or everything is sound but one register is missing. */
    if (random() % 2) {
        pdu[1] = (uint8_t)(pdu[1] + 2);
        return len;
    }
    pdu[1] = (uint8_t)(pdu[1] - 2);
    return len - 2;
}

size_t fault_spoil_pdu(enum fault_kind kind, uint8_t *pdu, size_t len)
{
    if (kind == FAULT_WRONG_FUNCTION)
        pdu[0] = pdu[0] == 3 ? 4 : (uint8_t)(pdu[0] ^ 7);
    return kind == FAULT_WRONG_COUNT ? change_count(pdu, len) : len;
}

static size_t put_garbage(uint8_t *bytes, size_t len)
{
    size_t n = 1 + (size_t)random() % len;

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)random();
    return n;
}

static void refresh_crc_for_unit(uint8_t *bytes, size_t len)
{
    uint16_t crc = frame_crc(bytes, len - 2);

    bytes[len - 2] = (uint8_t)crc;
    bytes[len - 1] = (uint8_t)(crc >> 8);
}

size_t fault_spoil_frame(enum fault_kind kind, uint8_t *bytes, size_t len, bool is_rtu)
{
    if (kind == FAULT_GARBAGE)
        return put_garbage(bytes, len);
    if (kind == FAULT_TRUNCATE)
        return 1 + (size_t)random() % (len - 1);
    if (kind == FAULT_CRC)
        bytes[is_rtu ? len - 1 : 1] ^= 0x55;
    if (kind == FAULT_TWICE) {
        memcpy(bytes + len, bytes, len);
        return 2 * len;
    }
    if (kind != FAULT_WRONG_UNIT)
        return len;
    bytes[is_rtu ? 0 : 6]++;
    if (is_rtu)
        refresh_crc_for_unit(bytes, len);
    return len;
}
