/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/gpio/lines.h in memory: chips that tests make, unplug and look at. Levels are
 * physical; edges go to whoever has the line, at most 16 at a time.
 */
#ifndef GATEWAYD_TESTS_UNIT_GPIO_FAKE_H
#define GATEWAYD_TESTS_UNIT_GPIO_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#define GPIO_FAKE_LINES 8
#define GPIO_FAKE_QUEUE 16

/* Forgets all chips; descriptors of lines still held are the test's leak. */
void gpio_fake_reset(void);
/* A chip of 8 lines, l0..l7 with names as set later; its number in the calls below. */
unsigned gpio_fake_chip(const char *label);
void gpio_fake_name(unsigned chip, unsigned line, const char *name);
/* Another program has the line; "" lets it go. */
void gpio_fake_hold(unsigned chip, unsigned line, const char *consumer);
void gpio_fake_unplug(unsigned chip);
void gpio_fake_plug(unsigned chip);

/* The level from outside; an edge when it changes and somebody listens, stamped t_ns. */
void gpio_fake_level(unsigned chip, unsigned line, bool is_high, int64_t t_ns);
bool gpio_fake_is_high(unsigned chip, unsigned line);
/* The line goes its own way when it is set. */
void gpio_fake_stick(unsigned chip, unsigned line, bool sticks);
void gpio_fake_make_output(unsigned chip, unsigned line, bool is_high);
/* How often the level of the line changed since the reset, and who has it. */
unsigned gpio_fake_changes(unsigned chip, unsigned line);
const char *gpio_fake_consumer(unsigned chip, unsigned line);

/* As libgpiod 2: the kernel debounces and numbers events. */
void gpio_fake_be_v2(bool is_v2);
uint32_t gpio_fake_debounce_us(unsigned chip, unsigned line);

#endif
