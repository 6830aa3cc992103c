/* SPDX-License-Identifier: Apache-2.0 */
/* Register tables of a simulated unit and the contents that move by themselves. */
#include "tools/devicesim/image.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define N_ADDRESSES 65536u

void image_init(struct image *image, unsigned device)
{
    memset(image, 0, sizeof *image);
    image->device = device;
    image->n_identity = 3;
    snprintf(image->identity[0], sizeof image->identity[0], "gatewayd");
    snprintf(image->identity[1], sizeof image->identity[1], "devicesim-%u", device);
    snprintf(image->identity[2], sizeof image->identity[2], "1.0");
}

void image_done(struct image *image)
{
    for (int i = 0; i < IMAGE_TABLES; i++) {
        free(image->words[i]);
        free(image->exists[i]);
    }
}

int image_add(struct image *image, enum image_table table, unsigned address,
              unsigned count)
{
    if (address >= N_ADDRESSES || count > N_ADDRESSES - address)
        return -ERANGE;
    /* calloc of this size comes as untouched zero pages: holes cost nothing. */
    if (!image->words[table])
        image->words[table] = calloc(N_ADDRESSES, sizeof(uint16_t));
    if (!image->exists[table])
        image->exists[table] = calloc(N_ADDRESSES, 1);
    if (!image->words[table] || !image->exists[table])
        return -ENOMEM;
    memset(image->exists[table] + address, 1, count);
    return 0;
}

void image_set(struct image *image, enum image_table table, unsigned address,
               uint16_t word)
{
    if (image->words[table] && address < N_ADDRESSES)
        image->words[table][address] = word;
}

void image_set_u32(struct image *image, enum image_table table, unsigned address,
                   uint32_t number)
{
    image_set(image, table, address, (uint16_t)(number >> 16));
    image_set(image, table, address + 1, (uint16_t)number);
}

void image_set_float(struct image *image, enum image_table table, unsigned address,
                     float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof bits);
    image_set_u32(image, table, address, bits);
}

uint16_t image_get(const struct image *image, enum image_table table, unsigned address)
{
    return image->words[table] && address < N_ADDRESSES ? image->words[table][address]
                                                        : 0;
}

bool image_covers(const struct image *image, enum image_table table, unsigned address,
                  unsigned count)
{
    if (!image->exists[table] || address >= N_ADDRESSES || count > N_ADDRESSES - address)
        return false;
    for (unsigned i = address; i < address + count; i++)
        if (image->exists[table][i] != 1)
            return false;
    return true;
}

static void replace_marks(struct image *image, unsigned first, unsigned last,
                          uint8_t from, uint8_t to)
{
    for (int table = 0; table < IMAGE_TABLES; table++)
        for (unsigned i = first; image->exists[table] && i <= last && i < N_ADDRESSES;
             i++)
            if (image->exists[table][i] == from)
                image->exists[table][i] = to;
}

void image_make_illegal(struct image *image, unsigned first, unsigned last)
{
    replace_marks(image, first, last, 1, 2);
}

void image_restore(struct image *image)
{
    replace_marks(image, 0, N_ADDRESSES - 1, 2, 1);
}

static float sine_now(void)
{
    double t_s = (double)clock_boot_ns() / 1e9;
    double noise = (double)(random() % 1000) / 1000.0 - 0.5;

    return (float)(100.0 + 50.0 * sin(t_s / 10.0) + noise);
}

static void fill_floats(struct image *image, enum image_table table, unsigned address,
                        unsigned count, float number)
{
    /* Values sit on even addresses; a request that begins on an odd one cuts a value. */
    for (unsigned i = address & ~1u; i < address + count; i += 2)
        image_set_float(image, table, i, number);
}

static void fill_addresses(struct image *image, enum image_table table, unsigned address,
                           unsigned count)
{
    bool bits = table == IMAGE_COIL || table == IMAGE_DISCRETE;

    for (unsigned i = address; i < address + count; i++)
        image_set(image, table, i, (uint16_t)(bits ? i & 1 : i));
}

void image_poll(struct image *image, enum image_table table, unsigned address,
                unsigned count)
{
    unsigned long counter = (unsigned long)(++image->counter % 100000);

    if (image->refresh)
        image->refresh(image->ctx, image);
    switch (image->content) {
    case IMAGE_COUNTER:
        fill_floats(image, table, address, count,
                    (float)((image->device + 1) * 100000UL + counter));
        break;
    case IMAGE_CONSTANT:
        fill_floats(image, table, address, count, image->constant);
        break;
    case IMAGE_SINE:
        fill_floats(image, table, address, count, sine_now());
        break;
    case IMAGE_ADDRESS:
        fill_addresses(image, table, address, count);
        break;
    case IMAGE_PLAIN:
        break;
    }
}

/* ---- image files ------------------------------------------------------------------- */

static int table_from_name(const char *name)
{
    static const char *const names[] = {"coil", "discrete", "input", "holding"};

    for (int i = 0; i < IMAGE_TABLES; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int put_bits(struct image *image, enum image_table table, unsigned address,
                    uint64_t bits, unsigned n_words)
{
    int rc = image_add(image, table, address, n_words);

    for (unsigned i = 0; rc == 0 && i < n_words; i++)
        image_set(image, table, address + i,
                  (uint16_t)(bits >> (16 * (n_words - 1 - i))));
    return rc;
}

static int put_string(struct image *image, enum image_table table, unsigned address,
                      const char *text)
{
    size_t len = strlen(text);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < len; i += 2)
        rc = put_bits(
            image, table, address + (unsigned)i / 2,
            (uint64_t)(((unsigned char)text[i] << 8) | (unsigned char)text[i + 1]), 1);
    return rc;
}

static uint64_t float_bits(const char *type, const char *text)
{
    double wide = strtod(text, NULL);
    float narrow = (float)wide;
    uint64_t bits = 0;
    uint32_t narrow_bits;

    memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
    memcpy(&bits, &wide, sizeof bits);
    return strcmp(type, "float32") == 0 ? narrow_bits : bits;
}

static int put_typed(struct image *image, enum image_table table, unsigned address,
                     const char *type, const char *text)
{
    static const struct {
        const char *type;
        unsigned n_words;
    } types[] = {
        {"int16",   1},
        {"uint16",  1},
        {"int32",   2},
        {"uint32",  2},
        {"int64",   4},
        {"uint64",  4},
        {"float32", 2},
        {"float64", 4}
    };

    if (strcmp(type, "string") == 0)
        return put_string(image, table, address, text);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i].type) != 0)
            continue;
        return put_bits(image, table, address,
                        type[0] == 'f'   ? float_bits(type, text)
                        : text[0] == '-' ? (uint64_t)strtoll(text, NULL, 0)
                                         : strtoull(text, NULL, 0),
                        types[i].n_words);
    }
    return -EINVAL;
}

static int load_line(struct image *image, char *line)
{
    char *rest = NULL, *table_name, *address;
    const char *type, *text;
    int table;

    line[strcspn(line, "#\n")] = 0;
    table_name = strtok_r(line, " \t", &rest);
    if (!table_name)
        return 0;
    address = strtok_r(NULL, " \t", &rest);
    type = strtok_r(NULL, " \t", &rest);
    text = strtok_r(NULL, " \t", &rest);
    table = table_from_name(table_name);
    if (table < 0 || !address || !type)
        return -EINVAL;
    if (!text) {
        text = type;
        type = text[0] == '-' ? "int16" : "uint16";
    }
    return put_typed(image, (enum image_table)table, (unsigned)strtoul(address, NULL, 0),
                     type, text);
}

int image_load(struct image *image, const char *path, unsigned *ret_line)
{
    FILE *file = fopen(path, "re");
    char line[256];
    int rc = 0;

    *ret_line = 0;
    if (!file)
        return -errno;
    while (rc == 0 && fgets(line, sizeof line, file)) {
        ++*ret_line;
        rc = load_line(image, line);
    }
    fclose(file);
    return rc;
}
