/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary of layouts: a layout is a device with a list of points, what one record
 * of it carries. Blocks name layouts by number, so names and units are stored once. Grows
 * only; bounded per device. The store's thread only.
 */
#ifndef GATEWAYD_STORE_LAYOUT_H
#define GATEWAYD_STORE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/record.h"

#define LAYOUT_POINTS_MAX 4096

struct layout {
    uint32_t id; /* 1.. */
    enum category category;
    uint32_t n_points;
    const char *device;
    const char **points, **units; /* n_points each */
    bool is_stored;               /* stands in the database */
    char *strings;
};

struct layouts;

struct layouts *layouts_new(void);
void layouts_free(struct layouts *layouts);

/* The layout of this record, added when it is new. Beyond LAYOUT_PER_DEVICE different
 * ones the device's full layout serves, and a record leaves points out; *ret_full tells
 * that slot i is point i, else slot i is reading i. NULL: no memory, or a record that
 * cannot be. */
struct layout *layouts_for(struct layouts *layouts, struct catalog *catalog,
                           const struct record *record, const struct reading *readings,
                           bool *ret_full);

/* The layout with only the energy counters (*_wh) of this one, added when it is new.
 * NULL: it has none, or no memory. */
const struct layout *layouts_counters(struct layouts *layouts,
                                      const struct layout *layout);

/* As stored: points is "name\tunit\n" for each. 0, -EBADMSG, -ENOMEM. */
int layouts_load(struct layouts *layouts, uint32_t id, const char *device,
                 enum category category, const char *points);
/* The points column of a layout, malloc'ed, or NULL. */
char *layout_points_text(const struct layout *layout);

uint32_t
layouts_count(const struct layouts *layouts); /* ids are 1..count, some may be NULL */
struct layout *layouts_get(const struct layouts *layouts,
                           uint64_t id); /* NULL: unknown */
/* All must be written again: another database begins. */
void layouts_mark_unstored(struct layouts *layouts);
bool layouts_has_unstored(const struct layouts *layouts);
/* Makes `layouts` hold all of `others` too: under the same numbers when none of them
 * means something else (*ret_base 0), else with *ret_base added to each. What is new is
 * unstored. -ENOMEM, -EBADMSG (too many); `layouts` may have grown then. */
int layouts_merge(struct layouts *layouts, const struct layouts *others,
                  uint32_t *ret_base);
/* The same at a base known before: those that came meanwhile. */
int layouts_merge_at(struct layouts *layouts, const struct layouts *others,
                     uint32_t base);
void layouts_set_stored(struct layouts *layouts, struct layout *layout);

#endif
