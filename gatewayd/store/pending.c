/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that wait for the next commit; see pending.h. */
#include "gatewayd/store/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define BLOCK_BYTES 16384 /* ends a block: a reader holds one in memory */
#define BLOCK_RECORDS 4096
#define BELIEF_SLACK_MS 20 /* a slewed clock need not end the block */

struct belief belief_now(void)
{
    int64_t boot_ms = clock_boot_ns() / CLOCK_NS_PER_MS;

    return (struct belief){.offset_ms = clock_wall_ms() - boot_ms,
                           .trust = (uint8_t)clock_trust_now()};
}

void pending_init(struct pending *pending)
{
    *pending = (struct pending){0};
    pending->last = &pending->first;
    block_writer_init(&pending->writer);
}

void pending_done(struct pending *pending)
{
    pending_clear(pending);
    block_writer_done(&pending->writer);
    free(pending->slots);
}

void pending_clear(struct pending *pending)
{
    while (pending->first) {
        struct pending_row *next = pending->first->next;

        free(pending->first);
        pending->first = next;
    }
    pending->last = &pending->first;
    pending->bytes = 0;
}

bool pending_is_empty(const struct pending *pending)
{
    return !pending->first && pending->open.n_records == 0;
}

static struct pending_row *add_row(struct pending *pending,
                                   const struct pending_row *head, const void *data,
                                   size_t len)
{
    struct pending_row *row = malloc(sizeof *row + len);

    if (!row)
        return NULL;
    *row = *head;
    row->next = NULL;
    row->len = len;
    row->data = (uint8_t *)(row + 1);
    if (data)
        memcpy(row->data, data, len);
    *pending->last = row;
    pending->last = &row->next;
    pending->bytes += sizeof *row + len;
    return row;
}

int pending_close_block(struct pending *pending)
{
    if (pending->open.n_records == 0)
        return 0;
    if (!add_row(pending, &pending->open, pending->writer.data, pending->writer.len))
        return -ENOMEM;
    pending->open.n_records = 0;
    block_writer_clear(&pending->writer);
    return 0;
}

static bool belief_differs(const struct belief *a, const struct belief *b)
{
    int64_t difference = a->offset_ms - b->offset_ms;

    return a->trust != b->trust || difference > BELIEF_SLACK_MS ||
           difference < -BELIEF_SLACK_MS;
}

static int prepare_block(struct pending *pending, int64_t t_boot_ns, struct belief belief)
{
    struct pending_row *open = &pending->open;

    if (open->n_records > 0 &&
        (pending->writer.len >= BLOCK_BYTES || open->n_records >= BLOCK_RECORDS ||
         belief_differs(&open->belief, &belief)) &&
        pending_close_block(pending) < 0)
        return -ENOMEM;
    if (open->n_records == 0)
        *open = (struct pending_row){.kind = STORED_READINGS,
                                     .t_first_ns = t_boot_ns,
                                     .t_last_ns = t_boot_ns,
                                     .belief = belief};
    return 0;
}

static int fill_slots(struct pending *pending, const struct layout *layout, bool full,
                      const struct record *record, const struct reading *readings)
{
    if (layout->n_points > pending->n_slots) {
        const struct reading **bigger =
            realloc(pending->slots, layout->n_points * sizeof(struct reading *));

        if (!bigger)
            return -ENOMEM;
        pending->slots = bigger;
        pending->n_slots = layout->n_points;
    }
    for (uint32_t i = 0; full && i < layout->n_points; i++)
        pending->slots[i] = NULL;
    for (uint32_t i = 0; i < record->n_readings; i++)
        pending->slots[full ? readings[i].point : i] = &readings[i];
    return 0;
}

int pending_add_record(struct pending *pending, struct layouts *layouts,
                       const struct record_batch *batch, const struct record *record,
                       struct belief belief)
{
    const struct reading *readings = batch->readings + record->first_reading;
    struct pending_row *open = &pending->open;
    const struct layout *layout;
    bool full;

    layout = layouts_for(layouts, batch->catalog, record, readings, &full);
    if (!layout)
        return -EINVAL;
    if (prepare_block(pending, record->t_boot_ns, belief) < 0 ||
        fill_slots(pending, layout, full, record, readings) < 0 ||
        block_put(&pending->writer, layout, record->t_boot_ns, pending->slots) < 0)
        return -ENOMEM;
    open->n_records++;
    open->n_readings += record->n_readings;
    if (record->t_boot_ns < open->t_first_ns)
        open->t_first_ns = record->t_boot_ns;
    if (record->t_boot_ns > open->t_last_ns)
        open->t_last_ns = record->t_boot_ns;
    return 0;
}

static const char *copy_text(uint8_t **p, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = (char *)*p;

    memcpy(copy, text, size);
    *p += size;
    return copy;
}

int pending_add_event(struct pending *pending, int64_t t_boot_ns, struct belief belief,
                      const char *device, enum category category, const char *code,
                      const char *severity, const char *text)
{
    size_t len = strlen(device) + strlen(code) + strlen(severity) + strlen(text) + 4;
    struct pending_row head = {.kind = STORED_EVENT,
                               .n_records = 1,
                               .t_first_ns = t_boot_ns,
                               .t_last_ns = t_boot_ns,
                               .belief = belief,
                               .category = category};
    struct pending_row *row;
    uint8_t *p;

    if (pending_close_block(pending) < 0)
        return -ENOMEM;
    row = add_row(pending, &head, NULL, len);
    if (!row)
        return -ENOMEM;
    p = row->data;
    row->device = copy_text(&p, device);
    row->code = copy_text(&p, code);
    row->severity = copy_text(&p, severity);
    row->text = copy_text(&p, text);
    return 0;
}

int pending_add_gap(struct pending *pending, int64_t t_boot_ns, struct belief belief,
                    const struct gap *gap)
{
    struct pending_row head = {.kind = STORED_GAP,
                               .n_records = 1,
                               .t_first_ns = t_boot_ns,
                               .t_last_ns = t_boot_ns,
                               .belief = belief};
    uint8_t data[GAP_BYTES_MAX];

    if (pending_close_block(pending) < 0 ||
        !add_row(pending, &head, data, gap_put(gap, data)))
        return -ENOMEM;
    return 0;
}
