/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of one simulated unit: four tables of 65536 addresses, which of them
 * exist, and how their contents move. Plain memory, no I/O.
 */
#ifndef GATEWAYD_DEVICESIM_IMAGE_H
#define GATEWAYD_DEVICESIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_table { IMAGE_COIL, IMAGE_DISCRETE, IMAGE_INPUT, IMAGE_HOLDING, IMAGE_TABLES };

enum image_content {
    IMAGE_PLAIN,    /* as set; changed by writes only */
    IMAGE_COUNTER,  /* float32 ABCD (device + 1) * 100000 + poll counter % 100000 */
    IMAGE_CONSTANT, /* float32 ABCD, `constant` everywhere */
    IMAGE_SINE,     /* float32 ABCD, 100 + 50 sin(t / 10 s) + noise */
    IMAGE_ADDRESS,  /* each register holds its own address; each bit its parity */
};

struct image {
    uint16_t *words[IMAGE_TABLES]; /* 65536 each, NULL: no address exists */
    uint8_t *exists[IMAGE_TABLES]; /* 0: no such address, 1: yes, 2: made illegal */
    enum image_content content;
    float constant;
    unsigned device;
    uint64_t counter;   /* of read polls served */
    unsigned max_words; /* registers a request may ask for (0: 125) */
    unsigned n_identity;
    char identity[3][64]; /* objects 0..2 of function 43/14 */

    /* A model behind the registers: before a read, after a write. NULL: none. */
    void (*refresh)(void *ctx, struct image *image);
    void (*written)(void *ctx, struct image *image, enum image_table table,
                    unsigned address, unsigned count);
    void *ctx;
};

void image_init(struct image *image, unsigned device);
void image_done(struct image *image);

/* Lets the addresses exist. 0, -ERANGE or -ENOMEM. */
int image_add(struct image *image, enum image_table table, unsigned address,
              unsigned count);
void image_set(struct image *image, enum image_table table, unsigned address,
               uint16_t word);
void image_set_u32(struct image *image, enum image_table table, unsigned address,
                   uint32_t number);
void image_set_float(struct image *image, enum image_table table, unsigned address,
                     float number);
uint16_t image_get(const struct image *image, enum image_table table, unsigned address);

/* Whether all of these addresses answer. */
bool image_covers(const struct image *image, enum image_table table, unsigned address,
                  unsigned count);
/* Existing addresses of all tables in this span answer "illegal address"; restore undoes.
 */
void image_make_illegal(struct image *image, unsigned first, unsigned last);
void image_restore(struct image *image);

/* Moves the contents on for one read poll of that span. */
void image_poll(struct image *image, enum image_table table, unsigned address,
                unsigned count);

/* Lines "TABLE ADDRESS VALUE", ADDRESS decimal or 0x, VALUE one register, or
 * "TABLE ADDRESS TYPE VALUE" with TYPE int16 int32 uint32 float32 int64 uint64 float64
 * string, high word first. '#' begins a comment. 0 or -errno; *ret_line: the bad line. */
int image_load(struct image *image, const char *path, unsigned *ret_line);

#endif
