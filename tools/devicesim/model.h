/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of one simulated home behind registers, laid out as the shipped maps read them:
 *   meter     eastron-sdm630 (single phase on L1)
 *   inverter  huawei-sun2000; holding 40126 uint32: limit of the active power in W
 *   battery   victron-gx-battery (its own sign: + charge)
 *   relay     coils 0..3 switch the loads, discrete inputs 0..3 repeat them, discrete
 * input 8 is the grid's contact, input registers 0..3 are the loads' power in W, 8 is the
 *             inverter's grid_status of docs/names.md
 */
#ifndef GATEWAYD_DEVICESIM_MODEL_H
#define GATEWAYD_DEVICESIM_MODEL_H

#include "lib/base/strbuf.h"
#include "plugins/sim/home.h"
#include "plugins/sim/home_script.h"
#include "tools/devicesim/image.h"

struct model_home {
    struct home home;
    struct home_script script;
    double speed;
    int64_t t0_boot_ns;
};

/* script: a file, NULL for the built-in day. 0, -errno, or -EINVAL and the bad line. */
int model_home_init(struct model_home *home, const char *script, double speed,
                    unsigned seed, unsigned *ret_line);
/* Moves it on to now. */
void model_home_now(struct model_home *home);
/* "grid off", "load 3000", as in scripts. 0 or -EINVAL. */
int model_home_do(struct model_home *home, const char *text);
void model_home_print(const struct model_home *home, struct strbuf *out);

/* Gives the image the registers of that model; the home is borrowed. 0, -ENOENT for an
 * unknown name, -ENOMEM. */
int model_attach(struct image *image, const char *name, struct model_home *home);

#endif
