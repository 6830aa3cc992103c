/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services a plugin's bus is given (gw_services): log, time, configuration,
 * descriptors from the core, addresses. Bus thread, except services_give_fd.
 */
#ifndef GATEWAYD_HOST_SERVICES_H
#define GATEWAYD_HOST_SERVICES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/host/host_config.h"
#include "lib/host/outbox.h"
#include "lib/host/resolver.h"

struct services;

/* All borrowed. progress: set to the time of the last sign of life. resolver NULL: check
 * and scan, where there is no core: addresses are looked up and resources opened in
 * place. */
struct services_setup {
    const struct host_bus *bus;
    const struct gw_option *options;
    struct outbox *outbox;
    struct resolver *resolver;
    _Atomic int64_t *progress_boot_ns;
};

struct services *services_new(const struct services_setup *setup);
void services_free(struct services *services); /* closes the descriptors */
const struct gw_services *services_table(const struct services *services);

/* Asks the core for every resource the bus names, so that it is there at the first
 * read. */
void services_prefetch(struct services *services);
/* The core's answer; takes fd, or fd -1 and its errno. Control thread. */
void services_give_fd(struct services *services, const char *key, int fd, int err);
/* True when a resource or an address was still under way since the last call of this. */
bool services_was_waiting(struct services *services);

#endif
