/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain SVG by hand: it needs no script, prints well and reads on any browser. One path
 * for each colour keeps 51 homes x 3 days at some 100 KB.
 */
#include "gatewayctl/simulate/report_chart.h"

#include <math.h>
#include <time.h>

#define LEFT 56.0
#define WIDTH 1040.0
#define RIGHT 14.0
#define TOP 8.0
#define BOTTOM 34.0
#define TICKS_MAX 13

static double x_of(const struct report_data *data, double step)
{
    return LEFT + WIDTH * step / data->scenario->axis.n_steps;
}

static double y_of(const struct report_chart *chart, double value)
{
    double share = (value - chart->low) / (chart->high - chart->low);

    return TOP + chart->height * (1 - fmin(fmax(share, 0), 1));
}

void report_chart_fit(struct report_chart *chart, double low, double high)
{
    static const double rounds[] = {1, 2, 2.5, 5, 10};
    double least = fmax(high - low, 1e-3) / 5, power = pow(10, floor(log10(least)));
    size_t i = 0;

    while (i < 4 && rounds[i] * power < least)
        i++;
    chart->tick = rounds[i] * power;
    chart->high = chart->tick * fmax(1, ceil(high / chart->tick));
    chart->low = chart->tick * floor(low / chart->tick);
}

static void local_tm(const struct sim_axis *axis, double step, struct tm *ret)
{
    time_t at = (time_t)(axis->start_utc_s + llrint(step * axis->step_s) +
                         llrint(axis->timezone_offset_h * 3600));

    gmtime_r(&at, ret);
}

/* Hours between labels so that at most a dozen stand below a chart. */
static double tick_hours(const struct sim_axis *axis)
{
    static const double choices[] = {1, 2, 3, 6, 12, 24, 48, 96, 168};
    double hours = axis->n_steps * (double)axis->step_s / 3600;

    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (hours / choices[i] <= TICKS_MAX)
            return choices[i];
    return 336;
}

static void put_ticks(struct strbuf *out, const struct report_data *data, double bottom)
{
    const struct sim_axis *axis = &data->scenario->axis;
    double every = tick_hours(axis), per_hour = 3600.0 / axis->step_s;
    struct tm tm;
    double first_h;

    local_tm(axis, 0, &tm);
    first_h = tm.tm_hour + tm.tm_min / 60.0;
    for (double h = ceil(first_h / every) * every;
         (h - first_h) * per_hour <= axis->n_steps; h += every) {
        double step = (h - first_h) * per_hour, x = x_of(data, step);
        bool is_midnight = fmod(h, 24) < 1e-6;
        char label[32];

        local_tm(axis, step, &tm);
        strftime(label, sizeof label, "%H:%M", &tm);
        strbuf_printf(out, "<path class='%s' d='M%.1f %.1fV%.1f'/>",
                      is_midnight ? "day" : "hour", x, TOP, bottom);
        strbuf_printf(out, "<text x='%.1f' y='%.1f' class='tick'>%s</text>", x,
                      bottom + 14, label);
        if (is_midnight || h < first_h + every) {
            strftime(label, sizeof label, "%m-%d", &tm);
            strbuf_printf(out, "<text x='%.1f' y='%.1f' class='tick date'>%s</text>", x,
                          bottom + 27, label);
        }
    }
}

/* Outages as a shade behind, dark steps as another. */
static void put_shades(struct strbuf *out, const struct report_data *data, double height)
{
    const struct scenario *s = data->scenario;

    for (unsigned t = 0; t < s->axis.n_steps;) {
        bool is_dark = data->steps[t].is_dark, is_up = s->is_grid_up[t];
        unsigned end = t;

        while (end < s->axis.n_steps && data->steps[end].is_dark == is_dark &&
               s->is_grid_up[end] == is_up)
            end++;
        if (!is_up)
            strbuf_printf(out, "<path class='%s' d='M%.1f %.1fH%.1fv%.1fH%.1fz'/>",
                          is_dark ? "dark" : "outage", x_of(data, t), TOP,
                          x_of(data, end), height, x_of(data, t));
        t = end;
    }
}

static void put_levels(const struct report_chart *chart)
{
    int n = (int)lrint((chart->high - chart->low) / chart->tick);

    for (int i = 0; i <= n; i++) {
        double value = chart->low + chart->tick * i;
        double y = y_of(chart, value);

        strbuf_printf(chart->out, "<path class='level' d='M%.1f %.1fH%.1f'/>", LEFT, y,
                      LEFT + WIDTH);
        strbuf_printf(chart->out, "<text x='%.1f' y='%.1f' class='value'>%.4g%s</text>",
                      LEFT - 6, y + 4, value, i == n ? chart->unit : "");
    }
    if (chart->low < 0)
        strbuf_printf(chart->out, "<path class='zero' d='M%.1f %.1fH%.1f'/>", LEFT,
                      y_of(chart, 0), LEFT + WIDTH);
}

static void open_svg(struct strbuf *out, double height)
{
    strbuf_printf(out, "<svg viewBox='0 0 %.0f %.0f' role='img'>", LEFT + WIDTH + RIGHT,
                  TOP + height + BOTTOM);
}

void report_chart_open(const struct report_chart *chart)
{
    open_svg(chart->out, chart->height);
    put_shades(chart->out, chart->data, chart->height);
}

void report_chart_close(const struct report_chart *chart)
{
    put_levels(chart);
    put_ticks(chart->out, chart->data, TOP + chart->height);
    strbuf_puts(chart->out, "</svg>\n");
}

/* A step's value holds for its whole width. */
static void put_curve(const struct report_chart *chart, const double *values,
                      bool is_backwards)
{
    unsigned n = chart->data->scenario->axis.n_steps;

    for (unsigned i = 0; i < n; i++) {
        unsigned t = is_backwards ? n - 1 - i : i;

        strbuf_printf(chart->out, "V%.1fH%.1f", y_of(chart, values[t]),
                      x_of(chart->data, is_backwards ? t : t + 1));
    }
}

void report_chart_area(const struct report_chart *chart, const char *class,
                       const double *low, const double *high)
{
    strbuf_printf(chart->out, "<path class='%s' d='M%.1f %.1f", class, LEFT,
                  y_of(chart, low[0]));
    put_curve(chart, high, false);
    put_curve(chart, low, true);
    strbuf_puts(chart->out, "z'/>");
}

void report_chart_line(const struct report_chart *chart, const char *class,
                       const double *values, double gap)
{
    bool is_open = false;

    strbuf_printf(chart->out, "<path class='line %s' d='", class);
    for (unsigned t = 0; t < chart->data->scenario->axis.n_steps; t++) {
        if (values[t] >= gap)
            strbuf_printf(chart->out, "%c%.1f %.1f", is_open ? 'L' : 'M',
                          x_of(chart->data, t + 0.5), y_of(chart, values[t]));
        is_open = values[t] >= gap;
    }
    strbuf_puts(chart->out, "'/>");
}

/* All runs of one state, as one path. */
static void put_runs(struct strbuf *out, const struct report_data *data,
                     enum sim_circuit circuit, enum report_state state, double row_height)
{
    static const char *const classes[] = {"off", "served", "lost"};
    unsigned n = data->scenario->axis.n_steps;

    strbuf_printf(out, "<path class='%s %s' d='", classes[state],
                  state == REPORT_SERVED ? circuit_name(circuit) : "");
    for (unsigned h = 0; h < data->community->n_homes; h++) {
        const unsigned char *row =
            &data->state[((size_t)h * N_CIRCUITS + (unsigned)circuit) * n];

        for (unsigned t = 0, end; t < n; t = end) {
            for (end = t; end < n && row[end] == row[t]; end++)
                ;
            if (row[t] == state)
                strbuf_printf(out, "M%.1f %.1fH%.1fv%.2fH%.1fz", x_of(data, t),
                              TOP + h * row_height, x_of(data, end), row_height * 0.86,
                              x_of(data, t));
        }
    }
    strbuf_puts(out, "'/>");
}

void report_chart_strips(struct strbuf *out, const struct report_data *data,
                         enum sim_circuit circuit)
{
    unsigned n = data->community->n_homes;
    double row = fmin(10, fmax(1.0, 150.0 / n)), height = row * n;

    open_svg(out, height);
    for (int state = REPORT_OFF; state <= REPORT_LOST; state++)
        put_runs(out, data, circuit, (enum report_state)state, row);
    for (unsigned h = 0; h<n; h += n> 30 ? 10 : n > 12 ? 5 : 1)
        strbuf_printf(out, "<text x='%.1f' y='%.1f' class='value'>%u</text>", LEFT - 6,
                      TOP + (h + 0.5) * row + 4, data->community->homes[h].id);
    put_ticks(out, data, TOP + height);
    strbuf_puts(out, "</svg>\n");
}
