/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands from outside (CONTRACT 4, .../cmd/<id>): what a message asks for, or why it is
 * refused; and the answer's text (.../ack/<id>). Pure: whether an id was seen before, and
 * doing it, belong to gateway.c.
 */
#ifndef GATEWAYD_COMMAND_COMMAND_H
#define GATEWAYD_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/config/config.h"
#include "lib/model/catalog.h"
#include "lib/model/value.h"

#define COMMAND_ID_MAX 64
#define COMMAND_VALID_MAX_S 60
#define COMMAND_PAYLOAD_MAX 4096

/* As it came: id is the last level of the topic. */
struct command_message {
    const char *id;
    const char *payload;
    size_t len;
    bool retained;
    uint32_t expiry_s; /* MQTT 5 message expiry, what remains of it; 0: none given */
};

struct command {
    bool accepted;
    char reason[200]; /* of the refusal, one sentence for the sender */
    /* when accepted */
    uint32_t device, point; /* in the catalogue */
    struct gw_value value;  /* physical: BOOL for boolean points, else FLOAT64 */
    uint32_t lease_ms;
    uint32_t valid_s;       /* what remains: do it within this, from reception on */
    char by[64];
};

/* [A-Za-z0-9_.:-]{1,64}. An answer may be published only for such an id. */
bool command_id_is_valid(const char *id);

/* The whole message decides: the sender must stand in commands.allow with this point, the
 * point must be writable, the value within its limits, the lease at most its own. */
struct command command_parse(const struct config *config, const struct catalog *catalog,
                             const struct command_message *message);

enum command_result {
    COMMAND_CONFIRMED, /* written and read back */
    COMMAND_ACCEPTED,  /* written, the device cannot be read back */
    COMMAND_REFUSED,   /* not done */
    COMMAND_FAILED,    /* tried */
};
const char *command_result_name(enum command_result result);

/* {"v":1,"result":...,"reason":...,"readback":...}; reason "" and readback NULL or
 * without a value are null. */
void command_put_answer(struct strbuf *buf, enum command_result result,
                        const char *reason, const struct gw_value *readback);

#endif
