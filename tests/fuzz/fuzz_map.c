/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as a device map that a good configuration uses. */
#include <string.h>

#include "tests/fuzz/config_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char user[] = "gateway: {id: g, site: s}\n"
                           "buses: [{name: line, plugin: modbus, transport: tcp}]\n"
                           "devices: [{name: a, bus: line, unit: 1, map: fuzz}]\n";

static char map_dir[] = "/tmp/gatewayd-fuzz-map-XXXXXX";
static char link_path[sizeof map_dir + 20];

static void clean_up(void)
{
    unlink(link_path);
    rmdir(map_dir);
}

static int begin(char *map_path, char *user_path)
{
    int map_fd = config_input_new(map_path), user_fd = config_input_new(user_path);

    config_input_set(user_fd, user, sizeof user - 1);
    if (!mkdtemp(map_dir))
        abort();
    snprintf(link_path, sizeof link_path, "%s/fuzz.yaml", map_dir);
    if (symlink(map_path, link_path) < 0)
        abort();
    atexit(clean_up);
    return map_fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const map_dirs[] = {map_dir, NULL};
    static char map_path[40], user_path[40];
    static int fd = -1;

    if (fd < 0)
        fd = begin(map_path, user_path);
    config_input_set(fd, data, size);
    config_input_load(user_path, map_dirs);
    return 0;
}
