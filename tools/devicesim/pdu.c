/* SPDX-License-Identifier: Apache-2.0 */
/* The function codes of a Modbus server, one handler each, over an image. */
#include "tools/devicesim/pdu.h"

#include <string.h>

/* One request being served; handlers return the reply's length or a negative exception.
 */
struct call {
    struct image *image;
    const uint8_t *in;
    size_t len;
    uint8_t *out;
    struct pdu_asked *asked;
};

static uint16_t u16(const uint8_t *bytes)
{
    return (uint16_t)((bytes[0] << 8) | bytes[1]);
}

static void put_u16(uint8_t *bytes, unsigned word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

size_t pdu_exception(uint8_t function, uint8_t code, uint8_t *reply)
{
    reply[0] = (uint8_t)(function | 0x80);
    reply[1] = code;
    return 2;
}

static int check_span(struct call *call, enum image_table table, const uint8_t *at,
                      unsigned most)
{
    unsigned address = u16(at), count = u16(at + 2);

    call->asked->address = (uint16_t)address;
    call->asked->count = (uint16_t)count;
    if (count == 0 || count > most)
        return -PDU_ILLEGAL_VALUE;
    return image_covers(call->image, table, address, count) ? 0 : -PDU_ILLEGAL_ADDRESS;
}

static void note_read(struct call *call, enum image_table table, unsigned address,
                      unsigned count)
{
    call->asked->reads = true;
    call->asked->first = image_get(call->image, table, address);
    call->asked->second = count > 1 ? image_get(call->image, table, address + 1) : 0;
}

static int read_bits(struct call *call, enum image_table table)
{
    unsigned address, count;
    int rc =
        call->len == 5 ? check_span(call, table, call->in + 1, 2000) : -PDU_ILLEGAL_VALUE;

    if (rc < 0)
        return rc;
    address = call->asked->address;
    count = call->asked->count;
    image_poll(call->image, table, address, count);
    call->out[1] = (uint8_t)((count + 7) / 8);
    memset(call->out + 2, 0, call->out[1]);
    for (unsigned i = 0; i < count; i++)
        if (image_get(call->image, table, address + i))
            call->out[2 + i / 8] |= (uint8_t)(1u << (i % 8));
    note_read(call, table, address, count);
    return 2 + call->out[1];
}

static int read_words(struct call *call, enum image_table table, const uint8_t *at)
{
    unsigned most = call->image->max_words ? call->image->max_words : 125;
    unsigned address, count;
    int rc = check_span(call, table, at, most);

    if (rc < 0)
        return rc;
    address = call->asked->address;
    count = call->asked->count;
    image_poll(call->image, table, address, count);
    call->out[1] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++)
        put_u16(call->out + 2 + 2 * i, image_get(call->image, table, address + i));
    note_read(call, table, address, count);
    return (int)(2 + 2 * count);
}

static int read_coils(struct call *call)
{
    return read_bits(call, IMAGE_COIL);
}

static int read_discretes(struct call *call)
{
    return read_bits(call, IMAGE_DISCRETE);
}

static int read_holdings(struct call *call)
{
    return call->len == 5 ? read_words(call, IMAGE_HOLDING, call->in + 1)
                          : -PDU_ILLEGAL_VALUE;
}

static int read_inputs(struct call *call)
{
    return call->len == 5 ? read_words(call, IMAGE_INPUT, call->in + 1)
                          : -PDU_ILLEGAL_VALUE;
}

static void tell_written(struct call *call, enum image_table table)
{
    if (call->image->written)
        call->image->written(call->image->ctx, call->image, table, call->asked->address,
                             call->asked->count);
}

static int echo(struct call *call, size_t len)
{
    memcpy(call->out, call->in, len);
    return (int)len;
}

static int write_one(struct call *call, enum image_table table, uint16_t word)
{
    unsigned address = u16(call->in + 1);

    call->asked->address = (uint16_t)address;
    call->asked->count = 1;
    if (!image_covers(call->image, table, address, 1))
        return -PDU_ILLEGAL_ADDRESS;
    image_set(call->image, table, address, word);
    tell_written(call, table);
    return 0;
}

static int write_coil(struct call *call)
{
    unsigned word = call->len == 5 ? u16(call->in + 3) : 1;
    int rc;

    if (word != 0 && word != 0xff00)
        return -PDU_ILLEGAL_VALUE;
    rc = write_one(call, IMAGE_COIL, word != 0);
    return rc < 0 ? rc : echo(call, 5);
}

static int write_holding(struct call *call)
{
    int rc;

    if (call->len != 5)
        return -PDU_ILLEGAL_VALUE;
    rc = write_one(call, IMAGE_HOLDING, u16(call->in + 3));
    return rc < 0 ? rc : echo(call, 5);
}

static int write_coils(struct call *call)
{
    int rc = call->len >= 6 ? check_span(call, IMAGE_COIL, call->in + 1, 1968)
                            : -PDU_ILLEGAL_VALUE;
    unsigned count = call->asked->count;

    if (rc < 0)
        return rc;
    if (call->in[5] != (count + 7) / 8 || call->len != 6u + call->in[5])
        return -PDU_ILLEGAL_VALUE;
    for (unsigned i = 0; i < count; i++)
        image_set(call->image, IMAGE_COIL, call->asked->address + i,
                  (call->in[6 + i / 8] >> (i % 8)) & 1);
    tell_written(call, IMAGE_COIL);
    return echo(call, 5);
}

/* The common end of functions 16 and 23; `at` points to address, count, bytes, data. */
static int write_words(struct call *call, const uint8_t *at, size_t len, unsigned most)
{
    int rc = len >= 5 ? check_span(call, IMAGE_HOLDING, at, most) : -PDU_ILLEGAL_VALUE;
    unsigned count = call->asked->count;

    if (rc < 0)
        return rc;
    if (at[4] != 2 * count || len != 5 + 2 * count)
        return -PDU_ILLEGAL_VALUE;
    for (unsigned i = 0; i < count; i++)
        image_set(call->image, IMAGE_HOLDING, call->asked->address + i,
                  u16(at + 5 + 2 * i));
    tell_written(call, IMAGE_HOLDING);
    return 0;
}

static int write_holdings(struct call *call)
{
    int rc = write_words(call, call->in + 1, call->len - 1, 123);

    return rc < 0 ? rc : echo(call, 5);
}

static int mask_write(struct call *call)
{
    uint16_t old;
    int rc;

    if (call->len != 7)
        return -PDU_ILLEGAL_VALUE;
    old = image_get(call->image, IMAGE_HOLDING, u16(call->in + 1));
    rc = write_one(call, IMAGE_HOLDING,
                   (uint16_t)((old & u16(call->in + 3)) |
                              (u16(call->in + 5) & (uint16_t)~u16(call->in + 3))));
    return rc < 0 ? rc : echo(call, 7);
}

static int read_write(struct call *call)
{
    int rc;

    if (call->len < 10)
        return -PDU_ILLEGAL_VALUE;
    rc = check_span(call, IMAGE_HOLDING, call->in + 1, 125);
    if (rc == 0)
        rc = write_words(call, call->in + 5, call->len - 5, 121);
    return rc < 0 ? rc : read_words(call, IMAGE_HOLDING, call->in + 1);
}

static size_t put_object(struct call *call, size_t at, uint8_t id)
{
    size_t len = strlen(call->image->identity[id]);

    call->out[at] = id;
    call->out[at + 1] = (uint8_t)len;
    memcpy(call->out + at + 2, call->image->identity[id], len);
    return at + 2 + len;
}

static int identify(struct call *call)
{
    uint8_t first, n = 0;
    size_t at = 7;

    if (call->len != 4 || call->in[1] != 14)
        return -PDU_ILLEGAL_FUNCTION;
    if (call->in[2] < 1 || call->in[2] > 4)
        return -PDU_ILLEGAL_VALUE;
    first = call->in[3];
    if (call->in[2] == 4 && first >= call->image->n_identity)
        return -PDU_ILLEGAL_ADDRESS;
    if (first >= call->image->n_identity)
        first = 0;
    memcpy(call->out, (const uint8_t[]){0x2b, 14, call->in[2], 0x81, 0, 0}, 6);
    for (uint8_t id = first; id < call->image->n_identity; id++, n++) {
        at = put_object(call, at, id);
        if (call->in[2] == 4) {
            n++;
            break;
        }
    }
    call->out[6] = n;
    return (int)at;
}

size_t pdu_serve(struct image *image, const uint8_t *request, size_t len, uint8_t *reply,
                 struct pdu_asked *ret_asked)
{
    static const struct {
        uint8_t function;
        int (*serve)(struct call *call);
    } handlers[] = {
        {1,  read_coils    },
        {2,  read_discretes},
        {3,  read_holdings },
        {4,  read_inputs   },
        {5,  write_coil    },
        {6,  write_holding },
        {15, write_coils   },
        {16, write_holdings},
        {22, mask_write    },
        {23, read_write    },
        {43, identify      },
    };
    struct call call = {image, request, len, reply, ret_asked};
    int rc = -PDU_ILLEGAL_FUNCTION;

    *ret_asked = (struct pdu_asked){.function = request[0]};
    reply[0] = request[0];
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].function == request[0])
            rc = handlers[i].serve(&call);
    return rc < 0 ? pdu_exception(request[0], (uint8_t)-rc, reply) : (size_t)rc;
}
