/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to simulate: from the command line or a file of the same words. Every word sets
 * one thing; "tcp" and "rtu" begin an endpoint, and what follows belongs to it.
 */
#ifndef GATEWAYD_DEVICESIM_SPEC_H
#define GATEWAYD_DEVICESIM_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/devicesim/image.h"

#define SPEC_UNITS_MAX 247
#define SPEC_ENDPOINTS_MAX 128

struct spec_endpoint {
    bool is_rtu;
    char host[64]; /* TCP */
    uint16_t port;
    unsigned count; /* so many ports of the same kind */
    unsigned n_units;
    uint8_t units[SPEC_UNITS_MAX]; /* none: any unit answers (TCP), 1 (RTU) */
    unsigned n_registers, n_bits, max_words;
    enum image_content content;
    float constant;
    const char *image_path, *model, *link, *identity; /* of the arguments, NULL: none */
    unsigned baud;
    int64_t turnaround_ns; /* -1: 3.5 characters; TCP: 0 */
};

struct spec {
    unsigned n_endpoints;
    struct spec_endpoint endpoints[SPEC_ENDPOINTS_MAX];
    const char *ready_path, *ledger_path, *writes_path, *control_path, *script;
    double speed; /* of the home's time */
    unsigned seed;
    char *file_text; /* of --spec: strings above point into it */
};

void spec_init(struct spec *spec);
void spec_done(struct spec *spec);

/* One setting ("registers", "50"); value NULL for words that need none. 0, or -EINVAL for
 * a bad value, -ENOENT for an unknown word, -ENODEV before any endpoint. */
int spec_set(struct spec *spec, const char *word, const char *value);
bool spec_needs_value(const char *word);

/* A file of words, "registers=50 content=counter" or one a line; '#' begins a comment.
 * 0 or -errno; *ret_word: what was wrong, borrowed from the spec. */
int spec_load(struct spec *spec, const char *path, const char **ret_word);

/* A home on this address: meter, inverter, battery and relays, one port each. */
int spec_add_home(struct spec *spec, const char *address);

/* Prints the words and what they mean. */
void spec_help(void);

#endif
