/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a report, in English, Japanese or both. */
#ifndef GATEWAYCTL_SIMULATE_REPORT_WORDS_H
#define GATEWAYCTL_SIMULATE_REPORT_WORDS_H

#include "gatewayctl/simulate/metrics.h"
#include "lib/base/strbuf.h"

struct report_words {
    struct strbuf *out;
    bool has_english, has_japanese;
};

/* Text as HTML, escaped. */
void report_words_escape(struct strbuf *out, const char *text);
/* "Power balance · 電力収支", or one of both. No escaping: our own words. */
void report_words_put(const struct report_words *words, const char *english,
                      const char *japanese);
/* <h2>, with what the chart shows below. */
void report_words_heading(const struct report_words *words, const char *english,
                          const char *japanese);
/* What happened, as a few sentences. */
void report_words_answer(const struct report_words *words, const struct metrics *metrics,
                         const struct scenario *scenario);
/* Hours of outage until critical load was lost first. */
double report_words_held_h(const struct metrics *metrics,
                           const struct scenario *scenario);
/* Name of a class: "critical · 重要". */
void report_words_circuit(const struct report_words *words, enum sim_circuit circuit);

#endif
