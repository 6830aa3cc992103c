/* SPDX-License-Identifier: Apache-2.0 */
/* Stretched intervals by device; see pace.h. */
#include "gatewayd/device/pace.h"

#include <errno.h>
#include <stdlib.h>

void pace_table_clear(struct pace_table *table)
{
    free(table->factors);
    *table = (struct pace_table){0};
}

static int grow(struct pace_table *table, uint32_t n)
{
    uint32_t *bigger = realloc(table->factors, n * sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    for (uint32_t i = table->n; i < n; i++)
        bigger[i] = 1;
    table->factors = bigger;
    table->n = n;
    return 0;
}

int pace_table_set(struct pace_table *table, uint32_t device, uint32_t factor)
{
    if (factor == pace_table_get(table, device))
        return 0;
    if (device >= table->n && grow(table, device + 1) < 0)
        return -ENOMEM;
    table->factors[device] = factor;
    return 0;
}

uint32_t pace_table_get(const struct pace_table *table, uint32_t device)
{
    return device < table->n ? table->factors[device] : 1;
}
