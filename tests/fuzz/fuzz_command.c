/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes commands from MQTT. The first byte: retained flag and expiry; then the id's
 * length and the id; the rest is the payload. What is accepted must obey every limit.
 */
#include <stdlib.h>
#include <string.h>

#include "gatewayd/command/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char limit[] = "d.limit_w", on[] = "d.on", by[] = "c";
static char *points[] = {limit, on};
static struct config_allow allow = {by, 2, points};
static struct config config = {.n_allows = 1, .allows = &allow};

static struct catalog *make_catalog(void)
{
    struct catalog *catalog = catalog_new(1, 1);
    struct catalog_device *device = &catalog->devices[0];

    device->name = strdup("d");
    device->bus = strdup("b");
    device->n_points = 2;
    device->points = calloc(2, sizeof *device->points);
    for (int i = 0; i < 2; i++) {
        device->points[i].name = strdup(points[i] + 2);
        device->points[i].unit = strdup("");
        device->points[i].writable = true;
        device->points[i].write_max = 5000;
        device->points[i].lease_ms = 60000;
    }
    device->points[1].is_bool = true;
    catalog_seal(catalog);
    return catalog;
}

static void check(const struct command *command, const struct command_message *message)
{
    if (!command->accepted) {
        if (!command->reason[0])
            abort();
        return;
    }
    if (message->retained || !command_id_is_valid(message->id) || command->valid_s == 0 ||
        command->valid_s > COMMAND_VALID_MAX_S || command->lease_ms < 1000 ||
        command->lease_ms > 60000 || command->device != 0 || command->point > 1)
        abort();
    if (command->point == 0 && !(command->value.type == GW_TYPE_FLOAT64 &&
                                 command->value.v.d >= 0 && command->value.v.d <= 5000))
        abort();
    if (command->point == 1 && command->value.type != GW_TYPE_BOOL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    struct command_message message = {0};
    struct command command;
    struct strbuf buf;
    char id[256];
    size_t id_len;

    if (!catalog)
        catalog = make_catalog();
    if (size < 2)
        return 0;
    message.retained = (data[0] & 0x80) != 0;
    message.expiry_s = data[0] & 0x7f;
    id_len = data[1] < size - 2 ? data[1] : size - 2;
    memcpy(id, data + 2, id_len);
    id[id_len] = '\0';
    message.id = id;
    message.payload = (const char *)data + 2 + id_len;
    message.len = size - 2 - id_len;
    command = command_parse(&config, catalog, &message);
    check(&command, &message);
    strbuf_init(&buf);
    command_put_answer(&buf, COMMAND_REFUSED, command.reason, &command.value);
    strbuf_done(&buf);
    return 0;
}
