/* SPDX-License-Identifier: Apache-2.0 */
/* The other sides of forward in tests; see fake_log.h. */
#include "tests/unit/fake_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

struct fake_reader {
    uint64_t at;
    struct stored_value values[2];
};

static int fake_open(void *ctx, uint64_t from_seq, void **ret_reader)
{
    struct fake *fake = ctx;
    struct fake_reader *reader = calloc(1, sizeof *reader);

    reader->at = from_seq;
    fake->n_opened++;
    fake->n_open++;
    *ret_reader = reader;
    return 0;
}

static int fake_next(void *ctx, void *reader_arg, struct stored_record *ret_record)
{
    struct fake *fake = ctx;
    struct fake_reader *reader = reader_arg;

    if (fake->is_damaged)
        return -EUCLEAN;
    while (reader->at <= fake->n && fake->records[reader->at].trimmed)
        reader->at++;
    if (reader->at > fake->n)
        return 0;
    *ret_record = fake->records[reader->at].record;
    /* borrowed until the next step: the old values must not be looked at any more */
    memcpy(reader->values, fake->records[reader->at].values, sizeof reader->values);
    ret_record->values = reader->values;
    if (fake->records[reader->at].more_values)
        ret_record->values = fake->records[reader->at].more_values;
    reader->at++;
    return 1;
}

static void fake_close(void *ctx, void *reader)
{
    ((struct fake *)ctx)->n_open--;
    free(reader);
}

static int fake_cursor_load(void *ctx, const char *route,
                            struct forward_cursor *ret_cursor)
{
    struct fake *fake = ctx;

    (void)route;
    if (!fake->has_saved) {
        memset(ret_cursor, 0, sizeof *ret_cursor);
        strcpy(ret_cursor->epoch, FAKE_EPOCH);
        return 0;
    }
    *ret_cursor = fake->saved;
    return 0;
}

static int fake_cursor_save(void *ctx, const char *route,
                            const struct forward_cursor *cursor)
{
    struct fake *fake = ctx;

    (void)route;
    fake->saved = *cursor;
    fake->has_saved = true;
    return 0;
}

static int fake_publish(void *ctx, const char *route, uint64_t token,
                        const char *topic_suffix, bool retain, const char *payload,
                        size_t len)
{
    struct fake *fake = ctx;
    struct fake_message *message = &fake->flying[fake->n_flying];

    (void)route;
    if (fake->n_flying >= fake->room)
        return -EAGAIN;
    message->token = token;
    snprintf(message->suffix, sizeof message->suffix, "%s", topic_suffix);
    message->payload = strndup(payload, len);
    message->len = len;
    if (++fake->n_flying > fake->most_flying)
        fake->most_flying = fake->n_flying;
    fake->n_bad += retain || len > FORWARD_PAYLOAD_MAX;
    return 0;
}

static void fake_event(void *ctx, const char *route, const char *code,
                       const char *severity, const char *text)
{
    struct fake *fake = ctx;

    (void)route;
    (void)severity;
    (void)text;
    fake->n_events++;
    snprintf(fake->last_event, sizeof fake->last_event, "%s", code);
}

struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof *fake);

    fake->ports = (struct forward_ports){.ctx = fake,
                                         .open = fake_open,
                                         .next = fake_next,
                                         .close = fake_close,
                                         .cursor_load = fake_cursor_load,
                                         .cursor_save = fake_cursor_save,
                                         .publish = fake_publish,
                                         .event = fake_event};
    fake->room = 100;
    fake->got = json_object();
    return fake;
}

void fake_free(struct fake *fake)
{
    while (fake->n_flying)
        fake_settle(fake, 0, false);
    json_decref(fake->got);
    free(fake);
}

static struct fake_record *append(struct fake *fake, const char *device,
                                  enum category category)
{
    struct fake_record *fake_record = &fake->records[++fake->n];

    snprintf(fake_record->device, sizeof fake_record->device, "%s", device);
    fake_record->record = (struct stored_record){.seq = fake->n,
                                                 .epoch = FAKE_EPOCH,
                                                 .boot = FAKE_BOOT,
                                                 .t_boot_ns = clock_boot_ns(),
                                                 .t_wall_ms = clock_wall_ms(),
                                                 .clock = CLOCK_SYNCED,
                                                 .device = fake_record->device,
                                                 .category = category};
    return fake_record;
}

uint64_t fake_append(struct fake *fake, const char *device, enum category category,
                     double power_w)
{
    struct fake_record *record = append(fake, device, category);

    record->record.kind = STORED_READINGS;
    record->record.n_values = 2;
    record->values[0] =
        (struct stored_value){.point = "power_w",
                              .unit = "W",
                              .value = {.type = GW_TYPE_FLOAT64, .v.d = power_w}};
    record->values[1] =
        (struct stored_value){.point = "energy_wh",
                              .unit = "Wh",
                              .value = {.type = GW_TYPE_INT, .v.i = (int64_t)fake->n}};
    return fake->n;
}

uint64_t fake_append_event(struct fake *fake, const char *device, enum category category,
                           const char *code)
{
    struct fake_record *record = append(fake, device, category);

    record->record.kind = STORED_EVENT;
    record->record.code = code;
    record->record.severity = "info";
    record->record.text = "it happened";
    return fake->n;
}

/* ---- the receiver
 * ----------------------------------------------------------------------- */

static void keep(struct fake *fake, const char *key, json_t *object)
{
    const json_t *before = json_object_get(fake->got, key);

    if (!before)
        json_object_set(fake->got, key, object);
    else if (json_equal(before, object))
        fake->n_again++;
    else
        fake->n_different++;
}

static void make_key(char key[64], uint64_t seq, const char *device, uint32_t period_ms)
{
    snprintf(key, 64, "%llu/%s/%u", (unsigned long long)seq, device, period_ms);
}

static void receive_record(struct fake *fake, json_t *record, uint64_t first,
                           uint64_t last)
{
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(record, "seq"));
    char key[64];

    make_key(key, seq, json_string_value(json_object_get(record, "device")),
             (uint32_t)json_integer_value(json_object_get(record, "period_ms")));
    fake->overlap |= seq < first || seq > last;
    keep(fake, key, record);
}

static void receive(struct fake *fake, const struct fake_message *message)
{
    json_t *root =
        json_loadb(message->payload, message->len, JSON_REJECT_DUPLICATES, NULL);
    json_t *covers = json_object_get(root, "covers");
    json_t *records = json_object_get(root, "records"), *record;
    uint64_t first = (uint64_t)json_integer_value(json_array_get(covers, 0));
    uint64_t last = (uint64_t)json_integer_value(json_array_get(covers, 1));
    size_t i;

    if (!root || !covers || first == 0 || first > last || last > fake->n) {
        fake->n_bad++;
        json_decref(root);
        return;
    }
    for (uint64_t seq = first; seq <= last; seq++)
        fake->covered[seq] = true;
    if (!records)
        receive_record(fake, root, first, last);
    json_array_foreach(records, i, record) receive_record(fake, record, first, last);
    json_decref(root);
}

uint64_t fake_settle(struct fake *fake, unsigned i, bool arrives)
{
    struct fake_message message = fake->flying[i];

    memmove(&fake->flying[i], &fake->flying[i + 1],
            (fake->n_flying - i - 1) * sizeof message);
    fake->n_flying--;
    if (arrives)
        receive(fake, &message);
    free(message.payload);
    return message.token;
}

void fake_receipt(const struct fake *fake, char *text, size_t size)
{
    uint64_t upto = fake->n, first = 0;
    size_t len;
    const char *comma = "";

    while (upto > 0 && !fake->covered[upto])
        upto--;
    len = (size_t)snprintf(text, size,
                           "{\"v\":1,\"epoch\":\"%s\",\"upto\":%llu,\"missing\":[",
                           FAKE_EPOCH, (unsigned long long)upto);
    for (uint64_t seq = 1; seq <= upto && len < size - 64; seq++) {
        if (!fake->covered[seq] && first == 0)
            first = seq;
        if (first && fake->covered[seq + 1]) {
            len += (size_t)snprintf(text + len, size - len, "%s[%llu,%llu]", comma,
                                    (unsigned long long)first, (unsigned long long)seq);
            comma = ",";
            first = 0;
        }
    }
    snprintf(text + len, size - len, "]}");
}

bool fake_has(const struct fake *fake, uint64_t seq, const char *device,
              uint32_t period_ms)
{
    char key[64];

    make_key(key, seq, device, period_ms);
    return json_object_get(fake->got, key) != NULL;
}
