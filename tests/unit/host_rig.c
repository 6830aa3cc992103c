/* SPDX-License-Identifier: Apache-2.0 */
/* One host under test with the faulty plugin; see host_rig.h. */
#include "tests/unit/host_rig.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct host_config rig_config;
struct host_peer rig_peer;
static char rig_output_path[4096];

/* A bus whose outputs go to the file, with one device of n counters. */
struct host_device *rig_one_device(uint32_t n_points, uint32_t interval_ms)
{
    const char *dir = getenv("GATEWAYD_BUILD");
    struct host_bus *bus;

    snprintf(rig_output_path, sizeof rig_output_path, "%s/test_host.%d.out",
             dir ? dir : ".", (int)getpid());
    unlink(rig_output_path);
    peer_config_init(&rig_config);
    bus = peer_add_bus(&rig_config, "first");
    peer_option(&bus->options, "output_file", rig_output_path);
    return peer_add_device(bus, 5, n_points, interval_ms);
}

struct host_device *rig_second_bus(uint32_t interval_ms)
{
    struct host_bus *bus = peer_add_bus(&rig_config, "second");

    peer_option(&bus->options, "output_file", rig_output_path);
    return peer_add_device(bus, 6, 1, interval_ms);
}

void rig_start(void)
{
    peer_start(&rig_peer, &rig_config);
    CU_ASSERT_TRUE_FATAL(peer_until(&rig_peer, peer_is_ready, 0, 10000));
}

void rig_finish(void)
{
    peer_done(&rig_peer);
    host_config_done(&rig_config);
    unlink(rig_output_path);
}

/* True when the file holds that line. */
bool rig_was_written(const char *line)
{
    char got[256];
    bool found = false;
    FILE *file = fopen(rig_output_path, "re");

    while (file && fgets(got, sizeof got, file)) {
        got[strcspn(got, "\n")] = '\0';
        found |= strcmp(got, line) == 0;
    }
    if (file)
        fclose(file);
    return found;
}

void rig_write(uint64_t id, uint32_t device, uint32_t point, double value)
{
    struct host_order order = {.type = HOST_MSG_WRITE,
                               .id = id,
                               .device = device,
                               .point = point,
                               .value = {.type = GW_TYPE_FLOAT64, .v.d = value}};

    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_TRUE(peer_until(&rig_peer, peer_has_done, (int)id, 5000));
}

void rig_stop(bool to_failsafe)
{
    struct host_order order = {.type = HOST_MSG_STOP, .to_failsafe = to_failsafe};

    peer_send(&rig_peer, &order, -1);
    CU_ASSERT_EQUAL(peer_wait_end(&rig_peer, 10000), 0);
}

bool rig_second_has_seen(struct host_peer *p, int n)
{
    for (uint32_t i = 0; i < p->n_seen; i++)
        n -= p->seen[i].device == 6;
    return n <= 0;
}

bool rig_has_good_again(struct host_peer *p, int unused)
{
    (void)unused;
    return p->n_seen > 0 && p->seen[p->n_seen - 1].quality == GW_GOOD &&
           p->seen[p->n_seen - 1].device == 5;
}
