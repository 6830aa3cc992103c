/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of bench/grid_loss: one thread on libmodbus reads a register of a battery
 * inverter at an interval and writes a relay's coil as soon as the register tells of an
 * island, and again when it no longer does.
 *   modbus_loop INVERTER_PORT REGISTER ISLAND_VALUE RELAY_PORT COIL INTERVAL_MS
 */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ARGUMENTS 6

static modbus_t *join(const char *port)
{
    modbus_t *link = modbus_new_tcp("127.0.0.1", atoi(port));

    if (!link || modbus_set_slave(link, 1) < 0 || modbus_connect(link) < 0) {
        perror("modbus_loop");
        exit(1);
    }
    return link;
}

int main(int argc, char **argv)
{
    modbus_t *inverter, *relay;
    struct timespec next;
    int was_island = -1;

    if (argc != ARGUMENTS + 1) {
        fputs(
            "usage: modbus_loop INVERTER_PORT REGISTER ISLAND_VALUE RELAY_PORT COIL MS\n",
            stderr);
        return 2;
    }
    inverter = join(argv[1]);
    relay = join(argv[4]);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        uint16_t value;
        int is_island;

        if (modbus_read_registers(inverter, atoi(argv[2]), 1, &value) != 1)
            return 1;
        is_island = value == atoi(argv[3]);
        if (is_island != was_island &&
            modbus_write_bit(relay, atoi(argv[5]), !is_island) != 1)
            return 1;
        was_island = is_island;
        next.tv_nsec += atol(argv[6]) * 1000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}
