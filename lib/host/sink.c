/* SPDX-License-Identifier: Apache-2.0 */
/* From emitted values to HOST_MSG_RECORDS; see sink.h. */
#include "lib/host/sink.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/channel/wire.h"
#include "lib/model/value.h"

#define FLUSH_BYTES (32 * 1024)
#define RETELL_NS (60 * CLOCK_NS_PER_S)
#define QUALITY_NONE_YET 255

struct sink_point {
    uint8_t quality; /* last told */
    bool is_planned;
    int32_t detail;
    int64_t told_boot_ns;   /* when a reading without a value was last told */
    uint32_t call, record;  /* serial numbers of where it was last emitted */
};

struct sink_device {
    const struct host_device *config;
    struct sink_point *points;
    struct strbuf readings; /* of the record being made */
    uint32_t n_readings, record;
    int64_t from_boot_ns, to_boot_ns;
};

struct gw_sink {
    struct outbox *outbox;
    uint32_t n_devices;
    struct sink_device *devices, *current; /* current NULL: none chosen */
    uint32_t call;
    int64_t now_boot_ns;
    struct strbuf message; /* complete records behind room for {u32 bus, u32 n} */
    uint32_t bus, n_records;
    size_t open_bytes; /* in the records being made */
    bool urgent, wants_plan;
    uint64_t n_rejected;
    int32_t detail;
    char text[200];
};

static bool device_init(struct sink_device *device, const struct host_device *config)
{
    device->config = config;
    device->points =
        calloc(config->n_points ? config->n_points : 1, sizeof *device->points);
    device->record = 1;
    strbuf_init(&device->readings);
    for (uint32_t i = 0; device->points && i < config->n_points; i++)
        device->points[i].quality = QUALITY_NONE_YET;
    return device->points != NULL;
}

struct gw_sink *sink_new(const struct host_bus *bus, struct outbox *outbox)
{
    struct gw_sink *sink = calloc(1, sizeof *sink);

    if (!sink)
        return NULL;
    sink->outbox = outbox;
    sink->bus = bus->index;
    strbuf_init(&sink->message);
    sink->devices = calloc(bus->n_devices ? bus->n_devices : 1, sizeof *sink->devices);
    for (uint32_t i = 0; sink->devices && i < bus->n_devices; i++) {
        sink->n_devices++;
        if (!device_init(&sink->devices[i], &bus->devices[i])) {
            sink_free(sink);
            return NULL;
        }
    }
    if (!sink->devices) {
        free(sink);
        return NULL;
    }
    return sink;
}

void sink_free(struct gw_sink *sink)
{
    if (!sink)
        return;
    for (uint32_t i = 0; i < sink->n_devices; i++) {
        free(sink->devices[i].points);
        strbuf_done(&sink->devices[i].readings);
    }
    free(sink->devices);
    strbuf_done(&sink->message);
    free(sink);
}

/* ---- records ----------------------------------------------------------------------- */

static void finish_record(struct gw_sink *sink, struct sink_device *device)
{
    if (device->n_readings == 0)
        return;
    if (sink->message.len == 0) {
        wire_put_u32(&sink->message, sink->bus);
        wire_put_u32(&sink->message, 0);
    }
    wire_put_u32(&sink->message, device->config->index);
    wire_put_i64(&sink->message,
                 device->from_boot_ns + (device->to_boot_ns - device->from_boot_ns) / 2);
    wire_put_u32(&sink->message, device->n_readings);
    strbuf_add(&sink->message, device->readings.data, device->readings.len);
    sink->message.failed |= device->readings.failed;
    sink->n_records++;
    sink->open_bytes -= device->readings.len;
    strbuf_clear(&device->readings);
    device->n_readings = 0;
    device->record++;
}

void sink_flush(struct gw_sink *sink)
{
    for (uint32_t i = 0; i < sink->n_devices && sink->open_bytes; i++)
        finish_record(sink, &sink->devices[i]);
    if (sink->n_records > 0 && !sink->message.failed && sink->outbox) {
        memcpy(sink->message.data + sizeof(uint32_t), &sink->n_records, sizeof(uint32_t));
        outbox_send_records(sink->outbox, sink->message.data, sink->message.len);
    }
    strbuf_clear(&sink->message);
    sink->n_records = 0;
    sink->urgent = false;
}

static void put_reading(struct gw_sink *sink, uint32_t point,
                        const struct gw_value *value, uint8_t quality, int32_t detail)
{
    struct sink_device *device = sink->current;
    size_t before;

    if (device->points[point].record == device->record)
        finish_record(sink, device); /* a second value of one point is a second record */
    if (device->n_readings == 0)
        device->from_boot_ns = sink->now_boot_ns;
    device->to_boot_ns = sink->now_boot_ns;
    device->points[point].record = device->record;
    before = device->readings.len;
    wire_put_u32(&device->readings, point);
    wire_put_u8(&device->readings, quality);
    wire_put_u32(&device->readings, (uint32_t)detail);
    wire_put_value(&device->readings, value);
    device->n_readings++;
    sink->open_bytes += device->readings.len - before;
    if (sink->open_bytes + sink->message.len > FLUSH_BYTES)
        sink_flush(sink);
}

/* ---- what a plugin emits ----------------------------------------------------------- */

/* A value the host can vouch for: a known type, finite, a string of bounded length in
 * `text`; else none, and a quality that says so. */
static struct gw_value checked_value(const struct gw_value *value, uint32_t *quality,
                                     char text[VALUE_STRING_MAX + 1])
{
    struct gw_value none = {.type = GW_TYPE_NONE}, checked;
    double number;

    if (*quality > GW_SUBSTITUTED)
        *quality = GW_UNCERTAIN;
    if (!value || value->type == GW_TYPE_NONE || value->type > GW_TYPE_STRING) {
        if (*quality == GW_GOOD)
            *quality = GW_UNCERTAIN;
        return none;
    }
    checked = *value;
    if (checked.type == GW_TYPE_STRING) {
        snprintf(text, VALUE_STRING_MAX + 1, "%s", checked.v.s ? checked.v.s : "");
        checked.v.s = text;
    } else if (checked.type == GW_TYPE_BOOL) {
        /* read as a byte: another value than 0 and 1 in a bool is undefined */
        checked.v.u = 0;
        checked.v.b = *(const unsigned char *)&value->v.b != 0;
    } else if (value_to_double(&checked, &number) && !isfinite(number)) {
        if (*quality == GW_GOOD)
            *quality = GW_OUT_OF_RANGE;
        return none;
    }
    return checked;
}

static bool is_infinite(const struct gw_value *value)
{
    return value->type == GW_TYPE_FLOAT64 && !isfinite(value->v.d);
}

/* True when this reading without a value was told less than a minute ago. */
static bool was_told(struct gw_sink *sink, const struct sink_point *point,
                     uint32_t quality, int32_t detail)
{
    return point->quality == quality && point->detail == detail &&
           sink->now_boot_ns - point->told_boot_ns < RETELL_NS;
}

void sink_emit(struct gw_sink *sink, uint32_t index, const struct gw_value *value,
               uint32_t quality, int32_t detail)
{
    char text[VALUE_STRING_MAX + 1];
    const struct host_point *config;
    struct sink_point *point;
    struct gw_value checked;

    if (!sink->current || index >= sink->current->config->n_points) {
        sink->n_rejected++;
        return;
    }
    config = &sink->current->config->points[index];
    point = &sink->current->points[index];
    point->call = sink->call;
    checked = checked_value(value, &quality, text);
    if (checked.type != GW_TYPE_STRING)
        checked = value_scale(checked, config->scale, config->offset);
    if (is_infinite(&checked)) { /* only now: the scale took it beyond a double */
        checked.type = GW_TYPE_NONE;
        quality = GW_OUT_OF_RANGE;
    }
    if (checked.type == GW_TYPE_NONE) {
        if (was_told(sink, point, quality, detail))
            return;
        point->told_boot_ns = sink->now_boot_ns;
    }
    if (point->quality != quality &&
        !(point->quality == QUALITY_NONE_YET && quality == GW_GOOD))
        sink->urgent = true;
    point->quality = (uint8_t)quality;
    point->detail = detail;
    put_reading(sink, index, &checked, (uint8_t)quality, detail);
}

void sink_fail(struct gw_sink *sink, int32_t detail, const char *text)
{
    sink->detail = detail;
    snprintf(sink->text, sizeof sink->text, "%s", text ? text : "");
}

void sink_plan_changed(struct gw_sink *sink)
{
    sink->wants_plan = true;
}

void sink_set_device(struct gw_sink *sink, uint32_t device, int64_t t_boot_ns)
{
    if (sink->current)
        finish_record(sink, sink->current);
    sink->current = device < sink->n_devices ? &sink->devices[device] : NULL;
    if (sink->current)
        finish_record(sink, sink->current); /* what was polled keeps its own time */
    sink->now_boot_ns = t_boot_ns > 0 ? t_boot_ns : clock_boot_ns();
}

/* ---- calls ------------------------------------------------------------------------- */

void sink_begin_bare(struct gw_sink *sink, int64_t now_boot_ns)
{
    sink->current = NULL;
    sink->call++;
    sink->now_boot_ns = now_boot_ns;
    sink->wants_plan = false;
    sink->detail = 0;
    sink->text[0] = '\0';
}

void sink_begin(struct gw_sink *sink, uint32_t device, int64_t now_boot_ns)
{
    sink_begin_bare(sink, now_boot_ns);
    sink->current = &sink->devices[device];
}

void sink_end(struct gw_sink *sink, const uint32_t *points, uint32_t n_points,
              enum gw_result result, int64_t now_boot_ns)
{
    struct sink_device *device = sink->current;

    if (!device)
        return;
    sink->now_boot_ns = now_boot_ns;
    for (uint32_t i = 0; i < n_points && result != GW_OK; i++)
        if (device->points[points[i]].call != sink->call)
            sink_emit(sink, points[i], NULL, quality_from_result(result), sink->detail);
    if (device->n_readings > 0)
        device->to_boot_ns = now_boot_ns;
    sink->current = NULL;
}

void sink_plan_point(struct gw_sink *sink, uint32_t device, uint32_t point)
{
    sink->devices[device].points[point].is_planned = true;
}

void sink_mark_device(struct gw_sink *sink, uint32_t device, enum gw_quality quality,
                      int64_t now_boot_ns)
{
    sink->current = &sink->devices[device];
    sink->now_boot_ns = now_boot_ns;
    for (uint32_t i = 0; i < sink->current->config->n_points; i++) {
        const struct sink_point *point = &sink->current->points[i];

        /* what is marked so already keeps the detail it was told with */
        if (point->is_planned)
            sink_emit(sink, i, NULL, quality,
                      point->quality == quality ? point->detail : 0);
    }
    sink->current = NULL;
}

const char *sink_text(const struct gw_sink *sink)
{
    return sink->text;
}

int32_t sink_detail(const struct gw_sink *sink)
{
    return sink->detail;
}

bool sink_wants_plan(const struct gw_sink *sink)
{
    return sink->wants_plan;
}

bool sink_is_urgent(const struct gw_sink *sink)
{
    return sink->urgent;
}

uint64_t sink_rejected(const struct gw_sink *sink)
{
    return sink->n_rejected;
}
