/* SPDX-License-Identifier: Apache-2.0 */
/* For the fuzzers of the configuration: input bytes as a file without a disk. */
#ifndef GATEWAYD_TESTS_FUZZ_CONFIG_INPUT_H
#define GATEWAYD_TESTS_FUZZ_CONFIG_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/config/config.h"
#include "tests/unit/config_plugins.h"

/* A memory file; *path (40 bytes) names it while the process lives. */
static inline int config_input_new(char *path)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0)
        abort();
    snprintf(path, 40, "/proc/self/fd/%d", fd);
    return fd;
}

static inline void config_input_set(int fd, const void *data, size_t len)
{
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, len, 0) != (ssize_t)len)
        abort();
}

/* Loads, prints, compares and frees: whatever the bytes, no report of a sanitizer. */
static inline void config_input_load(const char *path, const char *const *map_dirs)
{
    struct config_sources sources = {
        .file = path, .map_dirs = map_dirs, .plugin_options = config_plugins_options};
    struct config_report report;
    struct config *config = NULL;
    struct strbuf text;

    strbuf_init(&text);
    config_report_init(&report);
    if (config_load(&sources, &config, &report) == 0) {
        catalog_unref(config_make_catalog(config, 1));
        for (uint32_t i = 0; i < config->n_buses; i++)
            if (!config_bus_equal(config, i, config, i))
                abort();
    } else if (report.n_errors == 0) {
        abort(); /* refused without a word */
    }
    config_report_print(&report, &text);
    strbuf_done(&text);
    config_report_done(&report);
    config_free(config);
}

#endif
