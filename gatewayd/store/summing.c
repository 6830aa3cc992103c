/* SPDX-License-Identifier: Apache-2.0 */
/* Summing records; see summing.h. A map for each layout spares comparing names: a reading
 * costs the same however many points there are. */
#include "gatewayd/store/summing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/model/value.h"

struct summing_map {
    uint32_t device;
    uint32_t points[]; /* by slot of the layout */
};

int summing_init(struct summing *summing)
{
    *summing = (struct summing){.flows = flows_new()};
    return summing->flows ? 0 : -ENOMEM;
}

void summing_done(struct summing *summing)
{
    for (uint32_t i = 0; i < summing->n_maps; i++)
        free(summing->maps[i]);
    free(summing->maps);
    flows_free(summing->flows);
    summary_names_free(&summing->names);
    *summing = (struct summing){0};
}

int summing_load_flows(struct summing *summing, const void *data, size_t len)
{
    struct flows *fresh = flows_new();
    size_t pos = 0;
    int rc = fresh ? flows_load(fresh, data, len, &pos) : -ENOMEM;

    if (rc < 0) {
        flows_free(fresh);
        return rc == -EBADMSG ? -EUCLEAN : rc;
    }
    flows_free(summing->flows);
    summing->flows = fresh;
    return 0;
}

int64_t summing_slot(int64_t t_wall_ms)
{
    return t_wall_ms > 0 ? t_wall_ms / FLOWS_SLOT_MS : 0;
}

static int reserve_maps(struct summing *summing, uint32_t id)
{
    struct summing_map **bigger;

    if (id < summing->n_maps)
        return 0;
    bigger = realloc(summing->maps, (id + 1) * sizeof(struct summing_map *));
    if (!bigger)
        return -ENOMEM;
    memset(bigger + summing->n_maps, 0,
           (id + 1 - summing->n_maps) * sizeof(struct summing_map *));
    summing->maps = bigger;
    summing->n_maps = id + 1;
    return 0;
}

static int make_map(struct summing *summing, const struct layout *layout)
{
    struct summing_map *map = malloc(sizeof *map + layout->n_points * sizeof(uint32_t));
    int rc = map ? reserve_maps(summing, layout->id) : -ENOMEM;

    if (rc == 0)
        rc = summary_names_device(&summing->names, layout->device, &map->device);
    for (uint32_t i = 0; i < layout->n_points && rc == 0; i++)
        rc = summary_names_point(&summing->names.devices[map->device], layout->points[i],
                                 &map->points[i]);
    if (rc < 0) {
        free(map);
        return rc;
    }
    summing->maps[layout->id] = map;
    return 0;
}

static struct minutes *minutes_for(struct summing *summing, struct summing_part *part,
                                   uint32_t device)
{
    struct minutes *minutes;

    if (device >= part->n_devices) {
        uint32_t n = summing->names.n;
        struct minutes *bigger = realloc(part->minutes, n * sizeof *bigger);

        if (!bigger)
            return NULL;
        for (uint32_t i = part->n_devices; i < n; i++)
            minutes_init(&bigger[i]);
        part->minutes = bigger;
        part->n_devices = n;
    }
    minutes = &part->minutes[device];
    return minutes_reserve(minutes, summing->names.devices[device].n_points) < 0
               ? NULL
               : minutes;
}

void summing_part_done(struct summing_part *part)
{
    for (uint32_t i = 0; i < part->n_devices; i++)
        minutes_done(&part->minutes[i]);
    free(part->minutes);
    *part = (struct summing_part){0};
}

/* How sure of a time: synced, holdover, estimated, unset. */
static uint8_t less_sure(uint8_t a, uint8_t b)
{
    return a == CLOCK_UNSET || b == CLOCK_UNSET ? CLOCK_UNSET : a > b ? a : b;
}

int summing_add(struct summing *summing, const struct log_scan_record *record,
                struct summing_part *part)
{
    const struct layout *layout = record->layout;
    const struct meter_time time = {record->boot, record->t_boot_ms, record->t_wall_ms};
    const struct summary_device *device;
    struct minutes *minutes = NULL;
    const struct summing_map *map;
    unsigned minute;
    int rc = 0;

    if (layout->id >= summing->n_maps || !summing->maps[layout->id])
        rc = make_map(summing, layout);
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc; /* more names than there are numbers */
    map = summing->maps[layout->id];
    device = &summing->names.devices[map->device];
    minute = record->t_wall_ms > 0
                 ? (unsigned)(record->t_wall_ms / MINUTE_MS % MINUTES_PER_SLOT)
                 : 0;
    if (part) {
        part->clock = less_sure(part->clock, record->clock);
        minutes = minutes_for(summing, part, map->device);
        if (!minutes)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < layout->n_points && rc == 0; i++) {
        const struct block_value *value = &record->values[i];
        const struct summary_point *point = &device->points[map->points[i]];
        double number = 0;
        bool is_good;

        if (!value->is_present || value->value.type == GW_TYPE_STRING)
            continue;
        is_good = value->quality == GW_GOOD && value_to_double(&value->value, &number);
        if (minutes)
            minutes_add(minutes, map->points[i], minute, value->quality, is_good, number,
                        point->is_counter);
        if (is_good && point->has_flow)
            rc = flows_add(summing->flows, map->device, device->poll_ms, &point->flow,
                           &time, number);
    }
    return rc;
}
