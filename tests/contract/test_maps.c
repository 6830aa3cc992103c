/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of the shipped maps: they load without a word, their names and units stand
 * in docs/names.md, and a register image of the device (tests/contract/maps/NAME.txt)
 * gives the values written below it, signs included, for every point of the map.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/strbuf.h"
#include "lib/config/config.h"
#include "lib/model/value.h"
#include "plugins/modbus/codec.h"
#include "plugins/modbus/settings.h"
#include "plugins/sim/home_signal.h"
#include "tests/unit/suite.h"
#include "tools/devicesim/image.h"

#define NAMES_MAX 400
#define MAPS_MAX 64

struct gw_config {
    const struct option_set *set;
    uint32_t scope;
};

static struct {
    char name[64], unit[24];
} names[NAMES_MAX];
static unsigned n_names;

static char maps[MAPS_MAX][64];
static unsigned n_maps;

static const char *source_path(char *path, size_t size, const char *rest)
{
    const char *root = getenv("GATEWAYD_SRC");

    snprintf(path, size, "%s/%s", root ? root : ".", rest);
    return path;
}

static void read_names(void)
{
    char path[512], line[512];
    FILE *file = fopen(source_path(path, sizeof path, "docs/names.md"), "re");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    n_names = 0;
    while (n_names < NAMES_MAX && fgets(line, sizeof line, file))
        if (sscanf(line, "| `%63[a-z0-9_]` | %23s |", names[n_names].name,
                   names[n_names].unit) == 2)
            n_names++;
    fclose(file);
    CU_ASSERT_TRUE_FATAL(n_names > 100);
}

static const char *unit_of_name(const char *name)
{
    for (unsigned i = 0; i < n_names; i++)
        if (strcmp(names[i].name, name) == 0)
            return strcmp(names[i].unit, "-") == 0 || strcmp(names[i].unit, "bool") == 0
                       ? ""
                       : names[i].unit;
    return NULL;
}

static void list_maps(void)
{
    char path[512];
    DIR *dir = opendir(source_path(path, sizeof path, "conf/maps"));
    struct dirent *entry;

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    n_maps = 0;
    while (n_maps < MAPS_MAX && (entry = readdir(dir))) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot && strcmp(dot, ".yaml") == 0 && dot - entry->d_name < 64)
            snprintf(maps[n_maps++], sizeof maps[0], "%.*s", (int)(dot - entry->d_name),
                     entry->d_name);
    }
    closedir(dir);
    CU_ASSERT_TRUE_FATAL(n_maps >= 5);
}

/* ---- a configuration with one device of that map --------------------------------------
 */

static const struct gw_option *plugin_options(void *ctx, const char *plugin,
                                              const char **ret_reason)
{
    (void)ctx;
    *ret_reason = "only modbus here";
    return strcmp(plugin, "modbus") == 0 ? settings_options : NULL;
}

static int write_config(const char *path, const char *map)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return -errno;
    fprintf(file,
            "gateway: {id: test, site: test, timezone: UTC}\n"
            "buses:\n  - {name: bus, plugin: modbus, transport: tcp, host: 127.0.0.1}\n"
            "devices:\n  - {name: device, bus: bus, unit: 1, map: %s}\n",
            map);
    return fclose(file);
}

static struct config *load(const char *map)
{
    char map_dir[512], path[] = "/tmp/gatewayd-maps-XXXXXX";
    const char *const map_dirs[] = {source_path(map_dir, sizeof map_dir, "conf/maps"),
                                    NULL};
    struct config_sources sources = {
        .file = path, .map_dirs = map_dirs, .plugin_options = plugin_options};
    struct config_report report;
    struct config *config = NULL;
    struct strbuf text;
    int fd = mkstemp(path), rc;

    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    config_report_init(&report);
    strbuf_init(&text);
    CU_ASSERT_EQUAL_FATAL(write_config(path, map), 0);
    rc = config_load(&sources, &config, &report);
    config_report_print(&report, &text);
    if (rc < 0 || report.n)
        fprintf(stderr, "%s: %s\n", map, text.data ? text.data : "");
    CU_ASSERT_EQUAL(report.n, 0);
    strbuf_done(&text);
    config_report_done(&report);
    unlink(path);
    return rc == 0 ? config : NULL;
}

/* ---- services: options from the set, else the table's default -------------------------
 */

static const struct gw_option *find_option(uint32_t scope, const char *key)
{
    for (const struct gw_option *option = settings_options; option->key; option++)
        if (option->scope == scope && strcmp(option->key, key) == 0)
            return option;
    return NULL;
}

static const char *get_string(const struct gw_config *config, const char *key)
{
    const struct option *option = option_set_find(config->set, key);
    const struct gw_option *row = find_option(config->scope, key);

    return option ? option->text : row ? row->fallback : NULL;
}

static int64_t get_int(const struct gw_config *config, const char *key, int64_t absent)
{
    const char *text = get_string(config, key);

    return text ? strtoll(text, NULL, 0) : absent;
}

static double get_float(const struct gw_config *config, const char *key, double absent)
{
    const char *text = get_string(config, key);

    return text ? strtod(text, NULL) : absent;
}

static bool get_bool(const struct gw_config *config, const char *key, bool absent)
{
    const char *text = get_string(config, key);

    return text ? strcmp(text, "true") == 0 : absent;
}

static const struct gw_services services = {
    .struct_size = sizeof services,
    .abi = GW_PLUGIN_ABI,
    .get_string = get_string,
    .get_int = get_int,
    .get_float = get_float,
    .get_bool = get_bool,
};

/* ---- values
 * ---------------------------------------------------------------------------- */

static bool decode(const struct config_point *point, const struct settings_device *device,
                   const struct image *image, double *ret_number)
{
    static const enum image_table tables[] = {IMAGE_COIL, IMAGE_DISCRETE, IMAGE_INPUT,
                                              IMAGE_HOLDING};
    struct gw_config config = {&point->options, GW_SCOPE_POINT};
    struct codec_point codec;
    uint8_t bytes[2 * CODEC_REGISTERS_MAX];
    char text[CODEC_STRING_SIZE];
    struct gw_value value = {0};
    enum gw_quality quality;
    bool exists;

    CU_ASSERT_PTR_NULL_FATAL(settings_read_point(&services, &config, device, &codec));
    exists = image_covers(image, tables[codec.table], codec.address, codec.count);
    for (unsigned i = 0; i < codec.count; i++) {
        uint16_t word = image_get(image, tables[codec.table], codec.address + i);

        bytes[2 * i] = (uint8_t)(word >> 8);
        bytes[2 * i + 1] = (uint8_t)word;
    }
    quality = codec_decode(&codec, bytes, 0, text, &value);
    settings_point_done(&codec);
    value = value_scale(value, point->scale, point->offset);
    return exists && quality == GW_GOOD && value_to_double(&value, ret_number);
}

/* The "#= NAME VALUE" line of the image file. */
static bool find_expected(const char *path, const char *name, double *ret_number)
{
    FILE *file = fopen(path, "re");
    char line[256], word[64];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file))
        found =
            sscanf(line, "#= %63s %lf", word, ret_number) == 2 && strcmp(word, name) == 0;
    if (file)
        fclose(file);
    return found;
}

static void check_point(const char *map, const char *path,
                        const struct config_point *point,
                        const struct settings_device *device, const struct image *image)
{
    double expected = 0, got = 0;
    bool known = find_expected(path, point->name, &expected);
    bool good = decode(point, device, image, &got);

    if (!known || !good || fabs(got - expected) > 1e-6 * fabs(expected) + 1e-9)
        fprintf(stderr, "%s.%s: %s, expected %.9g, got %.9g\n", map, point->name,
                !known ? "no expectation"
                : good ? "differs"
                       : "no value",
                expected, got);
    CU_ASSERT_TRUE(known);
    CU_ASSERT_TRUE(good);
    CU_ASSERT_DOUBLE_EQUAL(got, expected, 1e-6 * fabs(expected) + 1e-9);
}

static void check_image(const char *map, const struct config_device *device)
{
    char rest[160], path[512];
    struct gw_config config = {&device->options, GW_SCOPE_DEVICE};
    struct settings_bus bus = {0};
    struct settings_device settings;
    struct image image;
    unsigned line;
    int rc;

    snprintf(rest, sizeof rest, "tests/contract/maps/%s.txt", map);
    image_init(&image, 0);
    rc = image_load(&image, source_path(path, sizeof path, rest), &line);
    if (rc < 0)
        fprintf(stderr, "%s:%u: not an image\n", path, line);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT_PTR_NULL_FATAL(settings_read_device(&services, &config, &bus, &settings));
    for (uint32_t i = 0; i < device->n_points; i++)
        check_point(map, path, &device->points[i], &settings, &image);
    settings_device_done(&settings);
    image_done(&image);
}

static void every_map_loads_without_a_word(void)
{
    list_maps();
    for (unsigned i = 0; i < n_maps; i++) {
        struct config *config = load(maps[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        CU_ASSERT_TRUE(config->n_devices == 1 && config->devices[0].n_points > 3);
        config_free(config);
    }
}

static void maps_use_known_names_with_their_units(void)
{
    read_names();
    list_maps();
    for (unsigned i = 0; i < n_maps; i++) {
        struct config *config = load(maps[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        for (uint32_t p = 0; p < config->devices[0].n_points; p++) {
            const struct config_point *point = &config->devices[0].points[p];
            const char *unit = unit_of_name(point->name);

            if (!unit || strcmp(unit, point->unit) != 0)
                fprintf(stderr, "%s.%s: name or unit is not in docs/names.md\n", maps[i],
                        point->name);
            CU_ASSERT_TRUE(unit && strcmp(unit, point->unit) == 0);
        }
        config_free(config);
    }
}

static void register_images_give_the_values_and_signs_of_the_contract(void)
{
    list_maps();
    for (unsigned i = 0; i < n_maps; i++) {
        struct config *config = load(maps[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(config);
        check_image(maps[i], &config->devices[0]);
        config_free(config);
    }
}

static void signals_of_the_simulated_home_have_known_names(void)
{
    const struct home_signal *signals;
    unsigned n;

    read_names();
    signals = home_signal_all(&n);
    for (unsigned i = 0; i < n; i++) {
        if (!unit_of_name(signals[i].name))
            fprintf(stderr, "sim: %s is not in docs/names.md\n", signals[i].name);
        CU_ASSERT_PTR_NOT_NULL(unit_of_name(signals[i].name));
    }
}

static void no_name_stands_twice(void)
{
    read_names();
    for (unsigned i = 0; i < n_names; i++)
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(names[i].name, names[k].name);
}

static CU_TestInfo tests[] = {
    TEST(every_map_loads_without_a_word),
    TEST(maps_use_known_names_with_their_units),
    TEST(register_images_give_the_values_and_signs_of_the_contract),
    TEST(signals_of_the_simulated_home_have_known_names),
    TEST(no_name_stands_twice),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {"maps", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
