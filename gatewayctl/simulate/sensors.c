/* SPDX-License-Identifier: Apache-2.0 */
/* Faulty meters: stuck at the reading of their first step, zero, or three times too much.
 */
#include "gatewayctl/simulate/sensors.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int sensors_init(struct sensors *sensors, const struct scenario *scenario)
{
    sensors->scenario = scenario;
    sensors->held = calloc(scenario->n_events + 1u, sizeof *sensors->held);
    if (!sensors->held)
        return -ENOMEM;
    for (unsigned i = 0; i < scenario->n_events; i++)
        sensors->held[i] = (double)NAN;
    return 0;
}

void sensors_done(struct sensors *sensors)
{
    free(sensors->held);
    sensors->held = NULL;
}

static double faulty(double *held, enum meter_mode mode, double value_w)
{
    switch (mode) {
    case METER_STUCK:
        if (isnan(*held))
            *held = value_w;
        return *held;
    case METER_ZERO:
        return 0;
    case METER_X3:
        return 3 * value_w;
    }
    return value_w;
}

double sensors_read(struct sensors *sensors, unsigned step, int home,
                    enum sim_circuit circuit, double truth_w)
{
    const struct scenario *s = sensors->scenario;

    for (unsigned i = 0; i < s->n_events; i++) {
        const struct scenario_event *e = &s->events[i];

        if (e->kind == EVENT_METER_FAULT && e->home == home && e->circuit == circuit &&
            step >= e->start_step && step < e->end_step)
            truth_w = faulty(&sensors->held[i], e->mode, truth_w);
    }
    return truth_w;
}
