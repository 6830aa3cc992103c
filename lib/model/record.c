/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of records; see record.h. One owner at a time, no locks. */
#include "lib/model/record.h"

#include <stdlib.h>
#include <string.h>

struct record_string {
    struct record_string *next;
    char text[];
};

struct record_batch *record_batch_new(struct catalog *catalog)
{
    struct record_batch *batch = calloc(1, sizeof *batch);

    if (batch)
        batch->catalog = catalog_ref(catalog);
    return batch;
}

void record_batch_free(struct record_batch *batch)
{
    if (!batch)
        return;
    while (batch->strings) {
        struct record_string *next = batch->strings->next;

        free(batch->strings);
        batch->strings = next;
    }
    free(batch->records);
    free(batch->readings);
    catalog_unref(batch->catalog);
    free(batch);
}

static bool grow(void **array, uint32_t *capacity, uint32_t used, size_t size)
{
    uint32_t wanted = *capacity ? *capacity * 2 : 16;
    void *bigger;

    if (used < *capacity)
        return true;
    bigger = realloc(*array, wanted * size);
    if (!bigger)
        return false;
    *array = bigger;
    *capacity = wanted;
    return true;
}

void record_batch_begin(struct record_batch *batch, uint32_t device, int64_t t_boot_ns)
{
    if (batch->failed || !grow((void **)&batch->records, &batch->records_capacity,
                               batch->n_records, sizeof *batch->records)) {
        batch->failed = true;
        return;
    }
    batch->records[batch->n_records++] = (struct record){
        .device = device, .t_boot_ns = t_boot_ns, .first_reading = batch->n_readings};
}

static const char *keep_string(struct record_batch *batch, const char *text)
{
    size_t len = strlen(text);
    struct record_string *string;

    if (len > VALUE_STRING_MAX) {
        len = VALUE_STRING_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    string = malloc(sizeof *string + len + 1);
    if (!string)
        return NULL;
    memcpy(string->text, text, len);
    string->text[len] = '\0';
    string->next = batch->strings;
    batch->strings = string;
    return string->text;
}

void record_batch_add(struct record_batch *batch, uint32_t point, enum gw_quality quality,
                      int32_t detail, const struct gw_value *value)
{
    struct reading *reading;

    if (batch->failed || batch->n_records == 0 ||
        !grow((void **)&batch->readings, &batch->readings_capacity, batch->n_readings,
              sizeof *batch->readings)) {
        batch->failed = true;
        return;
    }
    reading = &batch->readings[batch->n_readings];
    *reading =
        (struct reading){.point = point, .quality = (uint8_t)quality, .detail = detail};
    if (value)
        reading->value = *value;
    if (value && value->type == GW_TYPE_STRING) {
        reading->value.v.s = keep_string(batch, value->v.s);
        if (!reading->value.v.s) {
            batch->failed = true;
            return;
        }
    }
    batch->n_readings++;
    batch->records[batch->n_records - 1].n_readings++;
}

size_t record_batch_bytes(const struct record_batch *batch)
{
    return sizeof *batch + batch->records_capacity * sizeof *batch->records +
           batch->readings_capacity * sizeof *batch->readings;
}
