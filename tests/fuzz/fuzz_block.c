/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the store's blocks and gap records as they are read from a disk: any bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "gatewayd/store/block_get.h"
#include "gatewayd/store/gap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct layouts *layouts = layouts_new();
    struct block_reader reader;
    const struct layout *layout;
    struct gap gap;
    int64_t t_boot_ns;

    if (!layouts)
        return 0;
    (void)layouts_load(layouts, 1, "none", CATEGORY_ENERGY, "");
    (void)layouts_load(layouts, 2, "meter", CATEGORY_GRID,
                       "power_w\tW\nvoltage_v\tV\nmode\t\n");
    block_reader_init(&reader, layouts);
    if (block_reader_begin(&reader, data, size) == 0)
        while (block_get(&reader, &layout, &t_boot_ns) > 0)
            ;
    block_reader_done(&reader);
    layouts_free(layouts);
    (void)gap_get(data, size, &gap);
    return 0;
}
