/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts over time as inline SVG: a frame with axes, stacked areas, lines, strips. Text
 * is appended to a strbuf; colours are CSS classes of report.c's style sheet. One thread.
 */
#ifndef GATEWAYCTL_SIMULATE_REPORT_CHART_H
#define GATEWAYCTL_SIMULATE_REPORT_CHART_H

#include "gatewayctl/simulate/report_data.h"
#include "lib/base/strbuf.h"

/* Axes of one chart; y from low to high in `height` pixels. */
struct report_chart {
    struct strbuf *out;
    const struct report_data *data;
    double height, low, high;
    double tick; /* between two grid lines */
    const char *unit;
};

/* Opens the SVG: outage shading, grid lines, labels. */
void report_chart_open(const struct report_chart *chart);
void report_chart_close(const struct report_chart *chart);
/* The area between two curves of n_steps values. */
void report_chart_area(const struct report_chart *chart, const char *class,
                       const double *low, const double *high);
/* A curve; values below `gap` are left out. */
void report_chart_line(const struct report_chart *chart, const char *class,
                       const double *values, double gap);
/* One row for each home of one circuit: off, served, lost. A whole SVG. */
void report_chart_strips(struct strbuf *out, const struct report_data *data,
                         enum sim_circuit circuit);
/* Sets low, high and tick so that the values fit between round numbers. */
void report_chart_fit(struct report_chart *chart, double low, double high);

#endif
