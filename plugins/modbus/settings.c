/* SPDX-License-Identifier: Apache-2.0 */
/* The option table, and reading it through the host's services. */
#include "plugins/modbus/settings.h"

#include <string.h>

#define TRANSPORTS "tcp rtu rtu-over-tcp"
#define ORDERS "ABCD CDAB BADC DCBA"
#define TABLES "coil discrete input holding"
#define TYPES "bool int16 uint16 int32 uint32 int64 uint64 float32 float64 string bits"

#define OPTION(scope, type, key, fallback, min, max, words, help)                        \
    {                                                                                    \
        key, GW_SCOPE_##scope, GW_OPT_##type, 0, 0, fallback, min, max, words, help      \
    }

const struct gw_option settings_options[] = {
    {"transport", GW_SCOPE_BUS, GW_OPT_ENUM, GW_OPTION_REQUIRED, 0, NULL, 0, 0,
     TRANSPORTS, "how the bus is reached"},
    {"device", GW_SCOPE_BUS, GW_OPT_STRING, GW_OPTION_RESOURCE, 0, NULL, 0, 0, NULL,
     "serial port of transport rtu; use a name of /dev/serial/by-id"},
    OPTION(BUS, STRING, "host", NULL, 0, 0, NULL,
           "host name or address of tcp transports"),
    OPTION(BUS, INT, "port", "502", 1, 65535, NULL, "TCP port"),
    OPTION(BUS, INT, "baud", "9600", 110, 4000000, NULL, "bits per second of the line"),
    OPTION(BUS, ENUM, "parity", "even", 0, 0, "none even odd", "parity of a character"),
    OPTION(BUS, INT, "stop_bits", "1", 1, 2, NULL, "stop bits of a character"),
    OPTION(BUS, INT, "data_bits", "8", 7, 8, NULL, "data bits; RTU needs 8"),
    OPTION(BUS, DURATION, "timeout", NULL, 10, 60000, NULL,
           "longest wait for a reply (tcp 1 s, serial 500 ms)"),
    OPTION(BUS, DURATION, "byte_timeout", "100 ms", 1, 10000, NULL,
           "longest delay within a reply on a serial line"),
    OPTION(BUS, DURATION, "late_reply", "100 ms", 0, 10000, NULL,
           "quiet time demanded after an error on a serial line"),
    OPTION(BUS, DURATION, "turnaround", "5 ms", 0, 10000, NULL,
           "time devices take to begin a reply, for the cost of requests"),
    OPTION(BUS, DURATION, "silence", NULL, 0, 1000, NULL,
           "pause before a request (3.5 characters)"),
    OPTION(BUS, DURATION, "keepalive", "30 s", 0, 7200000, NULL,
           "idle time before TCP probes the other side; 0: never"),
    OPTION(DEVICE, INT, "unit", "1", 0, 255, NULL, "unit id (slave address)"),
    OPTION(DEVICE, INT, "base", "0", 0, 1, NULL,
           "number of the first register in this map"),
    OPTION(DEVICE, ENUM, "order", "ABCD", 0, 0, ORDERS,
           "order of bytes in longer values"),
    OPTION(DEVICE, INT, "max_registers", "125", 1, 125, NULL,
           "most registers per request"),
    OPTION(DEVICE, INT, "max_bits", "2000", 1, 2000, NULL, "most coils per request"),
    OPTION(DEVICE, INT, "max_gap", NULL, 0, 2000, NULL,
           "longest hole read through (by cost)"),
    OPTION(DEVICE, INT_LIST, "never_read", NULL, 0, 65536, NULL,
           "addresses that must not be read"),
    OPTION(DEVICE, DURATION, "turnaround", NULL, 0, 10000, NULL,
           "time this device takes to begin a reply"),
    OPTION(POINT, ENUM, "table", "holding", 0, 0, TABLES, "table of the address"),
    {"address", GW_SCOPE_POINT, GW_OPT_INT, GW_OPTION_REQUIRED, 0, NULL, 0, 65536, NULL,
     "first register or bit"},
    OPTION(POINT, ENUM, "type", NULL, 0, 0, TYPES,
           "how the registers are read (uint16; bool for coil and discrete)"),
    OPTION(POINT, ENUM, "order", NULL, 0, 0, ORDERS, "order of bytes (the device's)"),
    OPTION(POINT, INT, "bit", NULL, 0, 15, NULL, "lowest bit, of type bool or bits"),
    OPTION(POINT, INT, "length", NULL, 1, 125, NULL,
           "number of bits, or registers of a string"),
    OPTION(POINT, INT_LIST, "invalid", NULL, 0, 0, NULL,
           "raw codes that mean 'no value'"),
    {0},
};

bool settings_baud_is_known(uint32_t baud)
{
    static const uint32_t known[] = {
        110,     300,     600,     1200,    2400,    4800,    9600,    19200,
        38400,   57600,   115200,  230400,  460800,  500000,  576000,  921600,
        1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i] == baud)
            return true;
    return false;
}

static uint32_t get_u32(const struct gw_services *services,
                        const struct gw_config *config, const char *key, uint32_t absent)
{
    int64_t value = services->get_int(config, key, absent);

    return value < 0 || value > UINT32_MAX ? absent : (uint32_t)value;
}

static const char *get_text(const struct gw_services *services,
                            const struct gw_config *config, const char *key,
                            const char *absent)
{
    const char *text = services->get_string(config, key);

    return text ? text : absent;
}

/* Characters of 3.5 silent times; above 19200 baud the standard fixes 1.75 ms. */
static void set_times(const struct gw_services *services, const struct gw_config *config,
                      struct settings_bus *bus)
{
    unsigned bits = 1u + bus->data_bits + (bus->parity != 'N') + bus->stop_bits;
    uint64_t pause;

    bus->character_ns = UINT64_C(1000000000) * bits / bus->baud;
    pause = bus->character_ns * 7 / 2;
    if (bus->baud > 19200 && pause < 1750000)
        pause = 1750000;
    bus->silence_ns = get_u32(services, config, "silence", 0) * UINT64_C(1000000);
    if (!bus->silence_ns)
        bus->silence_ns = pause;
    if (bus->transport == SETTINGS_TCP)
        bus->silence_ns = 0;
}

static const char *check_bus(const struct settings_bus *bus)
{
    if (bus->transport == SETTINGS_RTU && !bus->device)
        return "transport rtu needs 'device', the serial port";
    if (bus->transport != SETTINGS_RTU && !bus->host)
        return "transports tcp and rtu-over-tcp need 'host'";
    if (bus->transport == SETTINGS_RTU && bus->host)
        return "'host' makes no sense with transport rtu; did you mean rtu-over-tcp?";
    if (bus->transport != SETTINGS_RTU && bus->device)
        return "'device' makes no sense without transport rtu";
    if (bus->transport != SETTINGS_TCP && bus->data_bits != 8)
        return "RTU needs data_bits 8";
    if (!settings_baud_is_known(bus->baud))
        return "baud is none of 110, 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, "
               "57600, "
               "115200, 230400, 460800, 500000, 576000, 921600, 1000000 and up to "
               "4000000";
    return NULL;
}

const char *settings_read_bus(const struct gw_services *services,
                              const struct gw_config *config, struct settings_bus *ret)
{
    const char *parity = get_text(services, config, "parity", "even");
    int transport =
        codec_find_word(TRANSPORTS, get_text(services, config, "transport", ""));

    if (transport < 0)
        return "transport must be one of " TRANSPORTS;
    *ret = (struct settings_bus){
        .transport = (enum settings_transport)transport,
        .device = services->get_string(config, "device"),
        .host = services->get_string(config, "host"),
        .port = (uint16_t)get_u32(services, config, "port", 502),
        .baud = get_u32(services, config, "baud", 9600),
        .parity = *parity == 'n'   ? 'N'
                  : *parity == 'o' ? 'O'
                                   : 'E',
        .data_bits = (uint8_t)get_u32(services, config, "data_bits", 8),
        .stop_bits = (uint8_t)get_u32(services, config, "stop_bits", 1),
        .timeout_ms = get_u32(services, config, "timeout", transport ? 500 : 1000),
        .byte_timeout_ms = get_u32(services, config, "byte_timeout", 100),
        .late_reply_ms = get_u32(services, config, "late_reply", 100),
        .turnaround_ms = get_u32(services, config, "turnaround", 5),
        .keepalive_s = (get_u32(services, config, "keepalive", 30000) + 999) / 1000,
    };
    if (!ret->baud)
        return "baud must not be 0";
    set_times(services, config, ret);
    return check_bus(ret);
}

const char *settings_read_device(const struct gw_services *services,
                                 const struct gw_config *config,
                                 const struct settings_bus *bus,
                                 struct settings_device *ret)
{
    *ret = (struct settings_device){
        .unit = (uint8_t)get_u32(services, config, "unit", 1),
        .base = (uint8_t)get_u32(services, config, "base", 0),
        .max_registers = get_u32(services, config, "max_registers", 125),
        .max_bits = get_u32(services, config, "max_bits", 2000),
        .max_gap = services->get_int(config, "max_gap", -1),
        .turnaround_ms = get_u32(services, config, "turnaround", bus->turnaround_ms),
        .order = get_text(services, config, "order", "ABCD"),
    };
    if (bus->transport != SETTINGS_TCP && ret->unit > 247)
        return "units 248 to 255 do not exist on a serial line";
    if (ranges_parse(services->get_string(config, "never_read"), -(int64_t)ret->base,
                     &ret->never_read))
        return "never_read is no list of addresses";
    return NULL;
}

static const char *read_layout(const struct gw_services *services,
                               const struct gw_config *config,
                               const struct settings_device *device,
                               struct codec_point *ret)
{
    int table = codec_find_word(TABLES, get_text(services, config, "table", "holding"));
    int64_t address = services->get_int(config, "address", -1) - device->base;
    int64_t bit = services->get_int(config, "bit", -1);
    bool of_bits = table == CODEC_COIL || table == CODEC_DISCRETE;
    int type = codec_find_word(
        TYPES, get_text(services, config, "type", of_bits ? "bool" : "uint16"));

    if (table < 0 || type < 0)
        return "table or type is unknown";
    if (address < 0 || address > 65535)
        return "address is outside the table";
    *ret = (struct codec_point){
        .table = (enum codec_table)table,
        .type = (enum codec_type)type,
        .address = (uint16_t)address,
        .has_bit = bit >= 0,
        .bit = bit >= 0 && bit < 16 ? (uint8_t)bit : 0,
        .length = (uint8_t)get_u32(services, config, "length", 0),
    };
    if (!codec_set_order(ret, get_text(services, config, "order", device->order)))
        return "order must be one of " ORDERS;
    return codec_complete(ret);
}

const char *settings_read_point(const struct gw_services *services,
                                const struct gw_config *config,
                                const struct settings_device *device,
                                struct codec_point *ret)
{
    const char *error = read_layout(services, config, device, ret);
    uint32_t max;

    if (error)
        return error;
    max = codec_is_bit_table(ret->table) ? device->max_bits : device->max_registers;
    if (ret->address + ret->count > 65536)
        return "the value reaches beyond the last address";
    if (ret->count > max)
        return "the value is longer than max_registers or max_bits";
    if (ranges_touch(&device->never_read, ret->address,
                     (uint64_t)ret->address + ret->count - 1))
        return "the value lies on an address of never_read";
    if (ranges_parse(services->get_string(config, "invalid"), 0, &ret->invalid))
        return "invalid is no list of codes";
    return NULL;
}

void settings_device_done(struct settings_device *device)
{
    ranges_done(&device->never_read);
}

void settings_point_done(struct codec_point *point)
{
    ranges_done(&point->invalid);
}
