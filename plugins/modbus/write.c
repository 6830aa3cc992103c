/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coils by functions 5 and 15, registers by 6 and 16, bits of a register by mask write
 * (22) or, where a device lacks it, by reading and writing the register. libmodbus 3.1.6
 * does not compare the echo of a write; link.c does, and the value is read back.
 */
#include "plugins/modbus/write.h"

#include <stdio.h>
#include <string.h>

#include "plugins/modbus/read.h"

struct write_job {
    struct bus *bus;
    struct bus_device *device;
    const struct codec_point *point;
    int exception;
    uint8_t wanted[2 * CODEC_REGISTERS_MAX]; /* as it should be read back */
};

static bool is_field(const struct codec_point *point)
{
    return !codec_is_bit_table(point->table) &&
           (point->type == CODEC_BITS || (point->type == CODEC_BOOL && point->has_bit));
}

static int send_pdu(struct write_job *job, const uint8_t *pdu, size_t len)
{
    struct link *line = &job->bus->link;
    struct link_reply reply;
    int rc;

    if (bus_is_serial(job->bus) && !job->device->settings.unit)
        return link_broadcast(line, pdu, len);
    rc = link_exchange(line, job->device->settings.unit, pdu, len, &reply);
    job->exception = reply.exception;
    if (rc == GW_ERR_DEVICE && reply.exception == FRAME_BUSY)
        return GW_ERR_BUSY;
    if (rc == GW_ERR_DEVICE && reply.exception == FRAME_GATEWAY_NO_REPLY)
        return GW_ERR_TIMEOUT;
    return rc;
}

static int read_back(struct write_job *job, const uint8_t **ret_data)
{
    const struct codec_point *point = job->point;
    struct guard_read read = {frame_read_function(point->table), point->address,
                              point->count};
    int exception;

    return read_block(job->bus, job->device, &read, ret_data, &exception);
}

static int write_registers(struct write_job *job)
{
    const struct codec_point *point = job->point;
    uint8_t pdu[FRAME_PDU_MAX];
    size_t len;

    if (point->count == 1)
        len = frame_write_single(pdu, FRAME_WRITE_REGISTER, point->address,
                                 (uint16_t)(job->wanted[0] << 8 | job->wanted[1]));
    else
        len = frame_write_multiple(pdu, FRAME_WRITE_REGISTERS, point->address,
                                   point->count, job->wanted);
    return send_pdu(job, pdu, len);
}

static int write_coils(struct write_job *job, uint64_t bits)
{
    const struct codec_point *point = job->point;
    uint8_t pdu[FRAME_PDU_MAX];
    size_t len;

    for (unsigned i = 0; i < 8; i++)
        job->wanted[i] = (uint8_t)(bits >> 8 * i);
    if (point->count == 1)
        len =
            frame_write_single(pdu, FRAME_WRITE_COIL, point->address, bits ? 0xff00 : 0);
    else
        len = frame_write_multiple(pdu, FRAME_WRITE_COILS, point->address, point->count,
                                   job->wanted);
    return send_pdu(job, pdu, len);
}

/* Not atomic: a device that changes its own bits in between loses that change. */
static int modify_register(struct write_job *job, uint16_t mask, uint16_t field)
{
    const uint8_t *data;
    uint16_t value;
    int rc = read_back(job, &data);

    if (rc)
        return rc;
    value = (uint16_t)(((data[0] << 8 | data[1]) & ~mask) | field);
    job->wanted[0] = (uint8_t)(value >> 8);
    job->wanted[1] = (uint8_t)value;
    return write_registers(job);
}

static int write_field(struct write_job *job, uint64_t bits)
{
    uint16_t mask = codec_bit_mask(job->point);
    uint16_t field = codec_bits_in_register(job->point, bits);
    uint8_t pdu[7];
    size_t len = frame_mask_write(pdu, job->point->address, (uint16_t)~mask, field);
    int rc;

    job->wanted[0] = (uint8_t)(field >> 8);
    job->wanted[1] = (uint8_t)field;
    if (job->device->lacks_mask_write)
        return modify_register(job, mask, field);
    rc = send_pdu(job, pdu, len);
    if (rc == GW_ERR_DEVICE && job->exception == FRAME_ILLEGAL_FUNCTION) {
        job->device->lacks_mask_write = true;
        return modify_register(job, mask, field);
    }
    /* Some devices ignore what they do not know: the next attempt does without. */
    if (rc == GW_ERR_TIMEOUT)
        job->device->lacks_mask_write = true;
    return rc;
}

/* NULL, or why the value cannot be written; then *ret_rc is not touched. */
static const char *write_value(struct write_job *job, const struct gw_value *value,
                               int *ret_rc)
{
    const struct codec_point *point = job->point;
    const char *error;
    uint64_t bits;

    if (codec_is_bit_table(point->table) || is_field(point)) {
        error = codec_encode_bits(point, value, &bits);
        if (!error)
            *ret_rc = is_field(point) ? write_field(job, bits) : write_coils(job, bits);
        return error;
    }
    error = codec_encode(point, value, job->wanted);
    if (!error && point->count > 123)
        error = "is longer than one write can be";
    if (!error)
        *ret_rc = write_registers(job);
    return error;
}

/* Whether the device now holds what was wanted, outside of unused bits. */
static bool is_same(const struct write_job *job, const uint8_t *data)
{
    const struct codec_point *point = job->point;

    if (codec_is_bit_table(point->table)) {
        for (unsigned i = 0; i < point->count; i++)
            if ((data[i / 8] ^ job->wanted[i / 8]) >> (i % 8) & 1)
                return false;
        return true;
    }
    if (is_field(point)) {
        uint16_t mask = codec_bit_mask(point);

        return !(((data[0] ^ job->wanted[0]) & mask >> 8) |
                 ((data[1] ^ job->wanted[1]) & (mask & 0xff)));
    }
    return !memcmp(data, job->wanted, 2u * point->count);
}

static int confirm(struct write_job *job, char text[CODEC_STRING_SIZE],
                   struct gw_value *ret_readback, struct gw_sink *sink)
{
    const uint8_t *data;
    char why[SETTINGS_TEXT_SIZE + 40];

    if (bus_is_serial(job->bus) && !job->device->settings.unit)
        return GW_OK;
    job->bus->services->progress(job->bus->services->ctx);
    if (read_back(job, &data)) { /* accepted, but not confirmed: some are write-only */
        snprintf(why, sizeof(why), "written, not read back: %s", job->bus->link.text);
        job->bus->services->fail(sink, 0, why);
        return GW_OK;
    }
    codec_decode(job->point, data, 0, text, ret_readback);
    if (is_same(job, data))
        return GW_OK;
    job->bus->services->fail(sink, 0, "the device holds another value after the write");
    return GW_ERR_MISMATCH;
}

int write_point(struct bus *bus, struct bus_device *device, uint32_t point,
                const struct gw_value *value, char text[CODEC_STRING_SIZE],
                struct gw_value *ret_readback, struct gw_sink *sink)
{
    struct write_job job = {
        .bus = bus, .device = device, .point = &device->points[point]};
    char why[SETTINGS_TEXT_SIZE];
    const char *error = NULL;
    int rc = GW_ERR_UNSUPPORTED;

    *ret_readback = (struct gw_value){.type = GW_TYPE_NONE};
    if (job.point->table != CODEC_COIL && job.point->table != CODEC_HOLDING)
        error = "is in a table that cannot be written";
    else
        error = write_value(&job, value, &rc);
    if (error) {
        snprintf(why, sizeof(why), "the value %s", error);
        bus->services->fail(sink, 0, why);
        return GW_ERR_UNSUPPORTED;
    }
    if (rc) {
        bus->services->fail(sink, job.exception, bus->link.text);
        return rc;
    }
    return confirm(&job, text, ret_readback, sink);
}
