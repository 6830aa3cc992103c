/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit is there when it answers anything at all, an exception included. Silence is
 * waited for only shortly: the last unit should be asked within a minute.
 */
#include "plugins/modbus/scan.h"

#include <stdio.h>
#include <string.h>

#define UNIT_LAST 247u
#define PATIENCE_MS 200u
/* A device that answers so many units in a row alike does not look at the unit id. */
#define ALIKE_MAX 4u

struct scan {
    struct bus *bus;
    gw_found_fn found;
    void *ctx;
    unsigned n_alike;
    bool has_first;
    bool is_first_sunspec;
    uint8_t first[2]; /* what the first unit found holds in register 0 */
};

/* Reads registers into `data`; a damaged reply gets a second try. */
static int ask(const struct scan *scan, uint8_t unit, const struct guard_read *read,
               uint8_t *data)
{
    struct link_reply reply;
    uint8_t pdu[5];
    size_t len = frame_read(pdu, read->function, read->address, read->count);
    int rc = GW_ERR_PROTOCOL;

    for (int i = 0; i < 2 && rc == GW_ERR_PROTOCOL; i++)
        rc = link_exchange(&scan->bus->link, unit, pdu, len, &reply);
    if (rc == GW_OK)
        memcpy(data, reply.pdu + 2, 2u * read->count);
    /* A gateway that has nobody behind this unit says so with 10 or 11. */
    if (rc == GW_ERR_DEVICE && reply.exception >= 10)
        return GW_ERR_TIMEOUT;
    return rc;
}

/* SunSpec: the marker, the head of the common model, maker and model. */
static bool ask_sunspec(const struct scan *scan, uint8_t unit, char *name, size_t size)
{
    static const struct codec_point text = {
        .table = CODEC_HOLDING, .type = CODEC_STRING, .length = 16, .count = 16};
    struct guard_read read = {FRAME_READ_HOLDING, 40000, 36};
    char maker[CODEC_STRING_SIZE], model[CODEC_STRING_SIZE];
    struct gw_value value;
    uint8_t data[72];

    if (ask(scan, unit, &read, data) || memcmp(data, "SunS", 4))
        return false;
    codec_decode(&text, data + 8, 0, maker, &value);
    codec_decode(&text, data + 40, 0, model, &value);
    snprintf(name, size, "%.32s %.32s", maker, model);
    return true;
}

static void tell(const struct scan *scan, uint8_t unit, const char *sunspec, int table)
{
    char text[160], yaml[240];

    snprintf(text, sizeof(text), "unit %u: %s%s", unit, sunspec ? "SunSpec, " : "answers",
             sunspec ? sunspec : "");
    if (sunspec)
        snprintf(yaml, sizeof(yaml),
                 "- {name: unit-%u, unit: %u, map: sunspec, interval: 5 s}\n", unit,
                 unit);
    else
        snprintf(yaml, sizeof(yaml),
                 "- name: unit-%u\n  unit: %u\n  interval: 5 s\n  points:\n"
                 "    - {name: register_0, table: %s, address: 0, type: uint16}\n",
                 unit, unit, table == FRAME_READ_INPUT ? "input" : "holding");
    scan->found(scan->ctx, text, yaml);
}

/* Whether this unit says just what the first one said. */
static bool is_alike(struct scan *scan, const uint8_t *data, bool is_sunspec)
{
    if (!scan->has_first) {
        scan->has_first = true;
        scan->is_first_sunspec = is_sunspec;
        memcpy(scan->first, data, 2);
        return false;
    }
    return is_sunspec == scan->is_first_sunspec && !memcmp(scan->first, data, 2);
}

/* GW_OK, or GW_ERR_LINK when there is no use in going on. */
static int scan_unit(struct scan *scan, uint8_t unit)
{
    struct guard_read read = {FRAME_READ_HOLDING, 0, 1};
    uint8_t data[2] = {0, 0};
    char name[80];
    bool is_sunspec;
    int rc = ask(scan, unit, &read, data);

    if (rc == GW_ERR_LINK || rc == GW_ERR_TIMEOUT || rc == GW_ERR_PROTOCOL)
        return rc == GW_ERR_LINK ? rc : GW_OK;
    if (rc == GW_ERR_DEVICE) {
        read.function = FRAME_READ_INPUT;
        if (ask(scan, unit, &read, data))
            read.function = FRAME_READ_HOLDING;
    }
    is_sunspec = ask_sunspec(scan, unit, name, sizeof(name));
    scan->n_alike = is_alike(scan, data, is_sunspec) ? scan->n_alike + 1 : 0;
    if (scan->n_alike < ALIKE_MAX)
        tell(scan, unit, is_sunspec ? name : NULL, read.function);
    return GW_OK;
}

int scan_bus(struct bus *bus, gw_found_fn found, void *ctx)
{
    struct scan scan = {.bus = bus, .found = found, .ctx = ctx};
    int rc = GW_OK;

    if (bus->link.timeout_ms > PATIENCE_MS)
        bus->link.timeout_ms = PATIENCE_MS;
    for (unsigned unit = 1; unit <= UNIT_LAST && !rc; unit++) {
        rc = scan_unit(&scan, (uint8_t)unit);
        bus->services->progress(bus->services->ctx);
        if (scan.n_alike == ALIKE_MAX) {
            found(ctx,
                  "every unit answers alike: this device ignores the unit id; keep one",
                  "");
            break;
        }
    }
    bus->link.timeout_ms = bus->settings.timeout_ms;
    if (rc)
        bus->services->log(bus->services->ctx, GW_LOG_ERROR, bus->link.text);
    return rc;
}
