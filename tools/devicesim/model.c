/* SPDX-License-Identifier: Apache-2.0 */
/* Register layouts of the simulated home's devices: filled at each read, acted on at each
 * write. */
#include "tools/devicesim/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "plugins/sim/home_signal.h"

#define CELLS_V 52.0 /* nominal voltage of the battery's DC side */

int model_home_init(struct model_home *home, const char *script, double speed,
                    unsigned seed, unsigned *ret_line)
{
    struct home_settings settings = home_default_settings();
    int rc = home_script_load(&home->script, script, ret_line);

    settings.seed = seed;
    home->speed = speed;
    home->t0_boot_ns = clock_boot_ns();
    home_init(&home->home, &settings);
    return rc;
}

void model_home_now(struct model_home *home)
{
    double s = (double)(clock_boot_ns() - home->t0_boot_ns) / (double)CLOCK_NS_PER_S;

    home_script_run(&home->script, &home->home, s * home->speed);
}

int model_home_do(struct model_home *home, const char *text)
{
    struct home_script once;
    char line[160];
    unsigned bad;

    if (snprintf(line, sizeof line, "00:00 %s", text) >= (int)sizeof line ||
        home_script_parse(&once, line, &bad) < 0 || once.n != 1)
        return -EINVAL;
    model_home_now(home);
    home_script_happen(&once.events[0], &home->home);
    return 0;
}

void model_home_print(const struct model_home *home, struct strbuf *out)
{
    const struct home *h = &home->home;
    unsigned minute = (unsigned)(home_day_s(h) / 60);

    strbuf_printf(out,
                  "%02u:%02u grid %s %.0f W, sun %.0f W, battery %.0f W %.1f %%, "
                  "car %.0f W, loads %.0f W%s\n",
                  minute / 60, minute % 60, h->grid_available ? "on" : "off", h->grid_w,
                  h->pv_w, h->battery_w, 100 * home_soc(h), h->ev_w, h->load_w,
                  h->dark ? ", dark" : "");
}

static void set_float(struct image *image, unsigned address, double number)
{
    image_set_float(image, IMAGE_INPUT, address, (float)number);
}

static void set_16(struct image *image, unsigned address, double number)
{
    image_set(image, IMAGE_HOLDING, address, (uint16_t)lrint(number));
}

static void set_32(struct image *image, unsigned address, double number)
{
    image_set_u32(image, IMAGE_HOLDING, address, (uint32_t)llrint(number));
}

static double read_signal(const struct model_home *home, enum home_model model,
                          const char *name)
{
    const struct home_signal *signal = home_signal_find(model, name);

    return signal ? home_signal_read(signal, &home->home) : 0;
}

static void refresh_meter(void *ctx, struct image *image)
{
    struct model_home *home = ctx;
    double power_w, voltage_v, current_a;

    model_home_now(home);
    power_w = read_signal(home, HOME_MODEL_GRID, "power_w");
    voltage_v = read_signal(home, HOME_MODEL_GRID, "voltage_v");
    current_a = voltage_v > 0 ? fabs(power_w) / voltage_v : 0;
    set_float(image, 0, voltage_v);
    set_float(image, 6, current_a);
    set_float(image, 12, power_w);
    set_float(image, 42, voltage_v);
    set_float(image, 52, power_w);
    set_float(image, 56, fabs(power_w));
    set_float(image, 62, power_w < 0 ? -1 : 1);
    set_float(image, 70, read_signal(home, HOME_MODEL_GRID, "frequency_hz"));
    set_float(image, 72, home->home.counters.import_wh / 1000);
    set_float(image, 74, home->home.counters.export_wh / 1000);
}

static int attach_meter(struct image *image)
{
    image->max_words = 80;
    return image_add(image, IMAGE_INPUT, 0, 382);
}

static void refresh_inverter(void *ctx, struct image *image)
{
    struct model_home *home = ctx;
    const struct home *h = &home->home;

    model_home_now(home);
    set_32(image, 32064, h->pv_w);
    set_16(image, 32069, 10 * h->voltage_v);
    set_32(image, 32080, h->pv_w + h->battery_w);
    set_16(image, 32085, 100 * h->frequency_hz);
    set_16(image, 32087, 10 * (25 + h->pv_w / 250));
    set_16(image, 32089, h->dark ? 0x0300 : h->pv_w > 0 ? 0x0200 : 0xa000);
    set_32(image, 32106, h->counters.pv_wh / 10);
}

static void write_inverter(void *ctx, struct image *image, enum image_table table,
                           unsigned address, unsigned count)
{
    struct model_home *home = ctx;

    (void)table;
    if (address > 40127 || address + count <= 40126)
        return;
    model_home_now(home);
    home->home.pv_limit_w = (double)image_get(image, IMAGE_HOLDING, 40126) * 65536.0 +
                            (double)image_get(image, IMAGE_HOLDING, 40127);
}

static int attach_inverter(struct image *image)
{
    static const char name[] = "SUN2000-SIM";
    int rc = image_add(image, IMAGE_HOLDING, 30000, 35);

    for (unsigned i = 0; i < sizeof name - 1; i += 2)
        image_set(image, IMAGE_HOLDING, 30000 + i / 2,
                  (uint16_t)(name[i] << 8 | name[i + 1]));
    if (rc == 0)
        rc = image_add(image, IMAGE_HOLDING, 32000, 120);
    if (rc == 0)
        rc = image_add(image, IMAGE_HOLDING, 40126, 2);
    image_set_u32(image, IMAGE_HOLDING, 40126, 5000);
    return rc;
}

static void refresh_battery(void *ctx, struct image *image)
{
    struct model_home *home = ctx;
    const struct home *h = &home->home;
    double voltage_v;

    model_home_now(home);
    voltage_v = CELLS_V - 2 + 4 * home_soc(h);
    set_32(image, 256, -h->battery_w);
    set_16(image, 258, -h->battery_w);
    set_16(image, 259, 100 * voltage_v);
    set_16(image, 261, -10 * h->battery_w / voltage_v);
    set_16(image, 262, 10 * (22 + fabs(h->battery_w) / 500));
    set_16(image, 266, 1000 * home_soc(h));
    set_16(image, 272, home_soc(h) < 0.15 ? 2 : 0);
    set_16(image, 301, fmod(h->counters.discharge_wh / 100, 65536));
    set_16(image, 302, fmod(h->counters.charge_wh / 100, 65536));
    set_16(image, 304, 985);
}

static int attach_battery(struct image *image)
{
    return image_add(image, IMAGE_HOLDING, 256, 76);
}

static void refresh_relay(void *ctx, struct image *image)
{
    struct model_home *home = ctx;

    model_home_now(home);
    for (unsigned i = 0; i < HOME_RELAYS; i++) {
        image_set(image, IMAGE_COIL, i, home->home.relay_on[i]);
        image_set(image, IMAGE_DISCRETE, i, home->home.relay_on[i]);
        image_set(image, IMAGE_INPUT, i, (uint16_t)lrint(home->home.relay_w[i]));
    }
    image_set(image, IMAGE_DISCRETE, 8, home->home.grid_available);
    image_set(image, IMAGE_INPUT, 8,
              (uint16_t)read_signal(home, HOME_MODEL_BATTERY, "grid_status"));
}

static void write_relay(void *ctx, struct image *image, enum image_table table,
                        unsigned address, unsigned count)
{
    struct model_home *home = ctx;

    if (table != IMAGE_COIL)
        return;
    model_home_now(home);
    for (unsigned i = address; i < address + count && i < HOME_RELAYS; i++)
        home->home.relay_on[i] = image_get(image, IMAGE_COIL, i) != 0;
}

static int attach_relay(struct image *image)
{
    int rc = image_add(image, IMAGE_COIL, 0, HOME_RELAYS);

    if (rc == 0)
        rc = image_add(image, IMAGE_DISCRETE, 0, 16);
    return rc < 0 ? rc : image_add(image, IMAGE_INPUT, 0, 9);
}

int model_attach(struct image *image, const char *name, struct model_home *home)
{
    static const struct {
        const char *name;
        int (*attach)(struct image *image);
        void (*refresh)(void *ctx, struct image *image);
        void (*written)(void *ctx, struct image *image, enum image_table table,
                        unsigned address, unsigned count);
    } models[] = {
        {"meter",    attach_meter,    refresh_meter,    NULL          },
        {"inverter", attach_inverter, refresh_inverter, write_inverter},
        {"battery",  attach_battery,  refresh_battery,  NULL          },
        {"relay",    attach_relay,    refresh_relay,    write_relay   },
    };

    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (strcmp(models[i].name, name) != 0)
            continue;
        image->refresh = models[i].refresh;
        image->written = models[i].written;
        image->ctx = home;
        return models[i].attach(image);
    }
    return -ENOENT;
}
