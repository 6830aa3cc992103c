/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as gatewayd.yaml. */
#include "tests/fuzz/config_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const map_dirs[] = {NULL};
    static char path[40];
    static int fd = -1;

    if (fd < 0)
        fd = config_input_new(path);
    config_input_set(fd, data, size);
    config_input_load(path, map_dirs);
    return 0;
}
