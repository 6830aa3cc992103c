/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chip as a bus: its points, the lines behind them, and the one descriptor that says
 * when something happened. Lines are taken at the first call that needs them, so that a
 * check of the configuration touches nothing. Bus thread.
 */
#ifndef GATEWAYD_GPIO_BUS_H
#define GATEWAYD_GPIO_BUS_H

#include <gateway/plugin.h>

#include "plugins/gpio/chip.h"
#include "plugins/gpio/input.h"
#include "plugins/gpio/lines.h"
#include "plugins/gpio/settings.h"

/* One line of configuration. */
struct bus_point {
    uint32_t device, index;
    struct settings_point settings;
    char consumer[LINES_CONSUMER_MAX];
    struct lines_line *line; /* NULL: not taken */
    struct input input;
    bool was_told; /* its trouble, in the log */
};

struct bus_device {
    struct bus_point **points;
    uint32_t n_points;
};

struct bus {
    const struct gw_services *services;
    const char *wanted;      /* label of the chip */
    struct lines_chip *chip; /* NULL: not there */
    struct lines_chip_info info;
    struct bus_device *devices;
    uint32_t n_devices;
    int epoll_fd, timer_fd;
    int64_t armed_boot_ns; /* the timer's time; 0: not armed */
    char text[CHIP_TEXT_MAX];
};

/* NULL: no memory or descriptors. */
struct bus *bus_new(const struct gw_services *services, const char *chip);
void bus_free(struct bus *bus);

/* GW_OK, or GW_ERR_CONFIG with the reason in the log. */
int bus_bind(struct bus *bus, uint32_t device, const struct gw_device *info);
struct bus_point *bus_find(struct bus *bus, uint32_t device, uint32_t point);

/* Makes sure that the line is taken. GW_OK, or the class with the reason in bus->text. */
int bus_take(struct bus *bus, struct bus_point *point);
/* The class of an error of a line; one that means that the chip is gone lets go of all.
 */
int bus_failed(struct bus *bus, const struct bus_point *point, int rc, const char *what);

/* Sets the timer to the earliest deadline of the inputs. */
void bus_arm(struct bus *bus);

#endif
