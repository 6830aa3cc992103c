/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Modbus device that misbehaves on purpose, on a thread of its own: behind a pty, or as
 * a TCP server. It answers in order, as real devices do: a held reply goes out before any
 * later one. For the tests of the modbus plugin.
 */
#ifndef GATEWAYD_TESTS_UNIT_MODBUS_FAKE_H
#define GATEWAYD_TESTS_UNIT_MODBUS_FAKE_H

#include <stdbool.h>
#include <stdint.h>

/* What the device does with one request. */
enum modbus_fake_act {
    FAKE_ANSWER,      /* after all that was held */
    FAKE_SILENT,      /* never answers this one */
    FAKE_HOLD,        /* keeps the answer */
    FAKE_RELEASE_ONE, /* keeps the answer, sends the oldest of those kept */
    FAKE_TRUNCATE,
    FAKE_GARBAGE,
    FAKE_BAD_CRC, /* on TCP: a wrong transaction */
    FAKE_WRONG_UNIT,
    FAKE_WRONG_FUNCTION,
    FAKE_WRONG_COUNT,      /* a consistent frame with two bytes less */
    FAKE_WRONG_BYTE_COUNT, /* only the number is wrong */
    FAKE_EXCEPTION,        /* code 4 */
    FAKE_RESET,            /* TCP: closes the connection instead */
    FAKE_N_ACTS,
};

struct modbus_fake;

enum modbus_fake_kind { FAKE_PTY, FAKE_TCP, FAKE_RTU_OVER_TCP };

struct modbus_fake *modbus_fake_new(enum modbus_fake_kind kind);
/* Ends the thread, closes all. */
void modbus_fake_free(struct modbus_fake *fake);

int modbus_fake_fd(const struct modbus_fake *fake); /* PTY: the end of the plugin */
unsigned modbus_fake_port(const struct modbus_fake *fake); /* TCP */

/* The acts for the next requests; after them the device answers. */
void modbus_fake_script(struct modbus_fake *fake, const enum modbus_fake_act *acts,
                        unsigned n);
/* Registers first..last answer "illegal address", or (not first..last) all are there. */
void modbus_fake_set_hole(struct modbus_fake *fake, unsigned first, unsigned last);
/* From now on registers have the values of this generation. */
void modbus_fake_set_generation(struct modbus_fake *fake, unsigned generation);
uint16_t modbus_fake_value(unsigned address, unsigned generation);
/* Sends the oldest held answer now; waits until it is out. False: there is none. */
bool modbus_fake_release(struct modbus_fake *fake);
/* Requests seen so far; connections accepted so far. */
unsigned modbus_fake_n_requests(struct modbus_fake *fake);
unsigned modbus_fake_n_connections(struct modbus_fake *fake);

#endif
