/* SPDX-License-Identifier: Apache-2.0 */
/* The latest-value table; see latest.h. */
#include "gatewayd/device/latest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define STALE_INTERVALS 3
#define STALE_GRACE_NS (500 * CLOCK_NS_PER_MS)

struct slot {
    struct gw_value value;
    char *string; /* owned; value.v.s points to it */
    int64_t t_boot_ns;
    int32_t detail;
    uint8_t quality;
};

struct latest {
    pthread_mutex_t lock; /* everything below */
    struct catalog *catalog;
    struct slot *slots;
};

static void free_slots(struct slot *slots, uint32_t n)
{
    for (uint32_t i = 0; slots && i < n; i++)
        free(slots[i].string);
    free(slots);
}

static struct slot *new_slots(uint32_t n)
{
    struct slot *slots = calloc(n ? n : 1, sizeof *slots);

    for (uint32_t i = 0; slots && i < n; i++)
        slots[i].quality = GW_STALE;
    return slots;
}

struct latest *latest_new(struct catalog *catalog)
{
    struct latest *latest = calloc(1, sizeof *latest);

    if (!latest)
        return NULL;
    latest->slots = new_slots(catalog->n_points);
    if (!latest->slots) {
        free(latest);
        return NULL;
    }
    latest->catalog = catalog_ref(catalog);
    pthread_mutex_init(&latest->lock, NULL);
    return latest;
}

void latest_free(struct latest *latest)
{
    if (!latest)
        return;
    free_slots(latest->slots, latest->catalog->n_points);
    catalog_unref(latest->catalog);
    pthread_mutex_destroy(&latest->lock);
    free(latest);
}

static void move_values(struct latest *latest, const struct catalog *to, struct slot *slots)
{
    for (uint32_t i = 0; i < latest->catalog->n_devices; i++) {
        const struct catalog_device *old = &latest->catalog->devices[i];
        int device = catalog_find_device(to, old->name);

        for (uint32_t j = 0; device >= 0 && j < old->n_points; j++) {
            int point = catalog_device_find_point(&to->devices[device], old->points[j].name);
            struct slot *from = &latest->slots[old->first_point + j];

            if (point < 0)
                continue;
            slots[to->devices[device].first_point + (uint32_t)point] = *from;
            from->string = NULL;
        }
    }
}

int latest_set_catalog(struct latest *latest, struct catalog *catalog)
{
    struct slot *slots = new_slots(catalog->n_points);

    if (!slots)
        return -ENOMEM;
    pthread_mutex_lock(&latest->lock);
    move_values(latest, catalog, slots);
    free_slots(latest->slots, latest->catalog->n_points);
    catalog_unref(latest->catalog);
    latest->slots = slots;
    latest->catalog = catalog_ref(catalog);
    pthread_mutex_unlock(&latest->lock);
    return 0;
}

static void set_slot(struct slot *slot, const struct reading *reading, int64_t t_boot_ns)
{
    slot->quality = reading->quality;
    slot->detail = reading->detail;
    slot->t_boot_ns = t_boot_ns;
    if (reading->value.type == GW_TYPE_NONE)
        return; /* the last value stays, with the new quality */
    if (reading->value.type == GW_TYPE_STRING) {
        char *copy = strdup(reading->value.v.s);

        if (!copy)
            return;
        free(slot->string);
        slot->string = copy;
        slot->value = reading->value;
        slot->value.v.s = copy;
        return;
    }
    slot->value = reading->value;
}

void latest_update(struct latest *latest, const struct record_batch *batch)
{
    pthread_mutex_lock(&latest->lock);
    for (uint32_t i = 0; batch->catalog == latest->catalog && i < batch->n_records; i++) {
        const struct record *record = &batch->records[i];
        const struct catalog_device *device = &latest->catalog->devices[record->device];

        for (uint32_t j = 0; j < record->n_readings; j++) {
            const struct reading *reading = &batch->readings[record->first_reading + j];

            set_slot(&latest->slots[device->first_point + reading->point], reading,
                     record->t_boot_ns);
        }
    }
    pthread_mutex_unlock(&latest->lock);
}

void latest_mark_device(struct latest *latest, uint32_t device, enum gw_quality quality)
{
    pthread_mutex_lock(&latest->lock);
    if (device < latest->catalog->n_devices) {
        const struct catalog_device *d = &latest->catalog->devices[device];

        for (uint32_t i = 0; i < d->n_points; i++)
            latest->slots[d->first_point + i].quality = (uint8_t)quality;
    }
    pthread_mutex_unlock(&latest->lock);
}

static bool is_stale(const struct catalog_point *point, const struct slot *slot, int64_t now_ns)
{
    int64_t limit_ns = point->interval_ms * CLOCK_NS_PER_MS * STALE_INTERVALS + STALE_GRACE_NS;

    return slot->quality == GW_GOOD && point->interval_ms > 0 &&
           now_ns - slot->t_boot_ns > limit_ns;
}

static size_t strings_size(const struct latest *latest)
{
    size_t size = 1;

    for (uint32_t i = 0; i < latest->catalog->n_points; i++)
        if (latest->slots[i].value.type == GW_TYPE_STRING)
            size += strlen(latest->slots[i].string) + 1;
    return size;
}

static void copy_entries(const struct latest *latest, struct latest_snapshot *snapshot)
{
    char *strings = snapshot->strings;

    for (uint32_t i = 0; i < latest->catalog->n_devices; i++) {
        const struct catalog_device *device = &latest->catalog->devices[i];

        for (uint32_t j = 0; j < device->n_points; j++) {
            const struct slot *slot = &latest->slots[device->first_point + j];
            struct latest_entry *entry = &snapshot->entries[snapshot->n++];

            *entry = (struct latest_entry){.device = i,
                                           .point = j,
                                           .quality = slot->quality,
                                           .detail = slot->detail,
                                           .value = slot->value,
                                           .t_boot_ns = slot->t_boot_ns};
            if (is_stale(&device->points[j], slot, snapshot->taken_boot_ns))
                entry->quality = GW_STALE;
            if (slot->value.type == GW_TYPE_STRING) {
                entry->value.v.s = strings;
                strings = stpcpy(strings, slot->string) + 1;
            }
        }
    }
}

int latest_snapshot(struct latest *latest, struct latest_snapshot *ret_snapshot)
{
    struct latest_snapshot snapshot = {.taken_boot_ns = clock_boot_ns()};
    int rc = 0;

    pthread_mutex_lock(&latest->lock);
    snapshot.entries = calloc(latest->catalog->n_points + 1, sizeof *snapshot.entries);
    snapshot.strings = malloc(strings_size(latest));
    if (snapshot.entries && snapshot.strings) {
        snapshot.catalog = catalog_ref(latest->catalog);
        copy_entries(latest, &snapshot);
    } else {
        rc = -ENOMEM;
    }
    pthread_mutex_unlock(&latest->lock);
    if (rc < 0)
        latest_snapshot_free(&snapshot);
    else
        *ret_snapshot = snapshot;
    return rc;
}

void latest_snapshot_free(struct latest_snapshot *snapshot)
{
    catalog_unref(snapshot->catalog);
    free(snapshot->entries);
    free(snapshot->strings);
    memset(snapshot, 0, sizeof *snapshot);
}
