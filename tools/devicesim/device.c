/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to one unit: serve, spoil as the fault says, note what left. */
#include "tools/devicesim/device.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"

/* A request nobody answers costs its line the asker's timeout: worth a line too. */
static void note_silence(const struct device *device, const struct frame *request)
{
    const uint8_t *pdu = request->pdu;

    if (!device->ledger || request->len < 5)
        return;
    fprintf(device->ledger, "%" PRId64 " %u %u %u %d %d %" PRIu64 " 0 %s\n",
            clock_boot_ns(), device->index, request->unit, pdu[0], pdu[1] << 8 | pdu[2],
            pdu[3] << 8 | pdu[4], device->image.counter, fault_name(FAULT_SILENT));
}

static void note_written(const struct device *device, const struct device_reply *reply)
{
    static const enum image_table tables[] = {[5] = IMAGE_COIL,
                                              [6] = IMAGE_HOLDING,
                                              [15] = IMAGE_COIL,
                                              [16] = IMAGE_HOLDING,
                                              [22] = IMAGE_HOLDING};
    unsigned function = reply->asked.function;

    if (!device->writes || (function != 5 && function != 6 && function != 15 &&
                            function != 16 && function != 22))
        return;
    for (unsigned i = 0; i < reply->asked.count; i++)
        fprintf(device->writes, "%" PRId64 " %u %u %u %u %u\n", clock_boot_ns(),
                device->index, reply->unit, function, reply->asked.address + i,
                image_get(&device->image, tables[function], reply->asked.address + i));
}

bool device_answer(struct device *device, const struct frame *request,
                   struct device_reply *ret_reply)
{
    uint8_t pdu[PDU_MAX + 1];
    unsigned value;
    enum fault_kind kind = fault_next(&device->fault, &value);
    size_t len;

    device->n_requests++;
    if (kind == FAULT_SILENT) {
        note_silence(device, request);
        return false;
    }
    *ret_reply =
        (struct device_reply){.device = device, .unit = request->unit, .fault = kind};
    if (kind == FAULT_EXCEPTION)
        len = pdu_exception(request->pdu[0], (uint8_t)value, pdu);
    else
        len =
            pdu_serve(&device->image, request->pdu, request->len, pdu, &ret_reply->asked);
    if (kind != FAULT_EXCEPTION && !(pdu[0] & 0x80))
        note_written(device, ret_reply);
    len = fault_spoil_pdu(kind, pdu, len);
    ret_reply->len = frame_wrap(request, pdu, len, ret_reply->bytes);
    ret_reply->len = fault_spoil_frame(kind, ret_reply->bytes, ret_reply->len,
                                       request->kind == FRAME_RTU);
    ret_reply->counter = device->image.counter;
    if (kind == FAULT_LATE)
        ret_reply->delay_ns = (int64_t)value * CLOCK_NS_PER_MS;
    if (kind == FAULT_SLOW)
        ret_reply->gap_ns = (int64_t)value * CLOCK_NS_PER_MS;
    return true;
}

static double first_value(const struct device_reply *reply)
{
    uint32_t bits = (uint32_t)reply->asked.first << 16 | reply->asked.second;
    enum image_content content = reply->device->image.content;
    float number;

    if (content == IMAGE_PLAIN || content == IMAGE_ADDRESS || reply->asked.function < 3)
        return reply->asked.first;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}

void device_note_sent(const struct device_reply *reply)
{
    struct device *device = reply->device;

    device->n_replies++;
    if (!device->ledger || !reply->asked.reads)
        return;
    fprintf(device->ledger, "%" PRId64 " %u %u %u %u %u %" PRIu64 " %.9g %s\n",
            clock_boot_ns(), device->index, reply->unit, reply->asked.function,
            reply->asked.address, reply->asked.count, reply->counter, first_value(reply),
            fault_name(reply->fault));
}
