/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as tables; bad ones are marked, so that the eye finds them. */
#include "gatewayctl/simulate/report_tables.h"

#include <math.h>
#include <stdio.h>

#define CRITICAL_GOOD 99.5
#define SWITCHES_GOOD 10.0

static void tile(const struct report_words *words, const char *value, bool is_bad,
                 const char *english, const char *japanese)
{
    strbuf_printf(words->out, "<div class='tile%s'><b>%s</b><span>", is_bad ? " bad" : "",
                  value);
    report_words_put(words, english, japanese);
    strbuf_puts(words->out, "</span></div>\n");
}

void report_tables_tiles(const struct report *report, const struct report_words *words)
{
    const struct metrics *m = report->metrics;
    const struct scenario *s = report->data->scenario;
    unsigned longest;
    char text[32];

    strbuf_puts(words->out, "<div class='tiles'>\n");
    snprintf(text, sizeof text, "%.2f %%", m->critical_percent);
    tile(words, text, m->critical_percent < CRITICAL_GOOD, "critical load served",
         "重要負荷の給電率");
    metrics_lost_homes(m, &longest);
    snprintf(text, sizeof text, "%.1f h", longest * (double)s->axis.step_s / 3600);
    tile(words, text, m->critical_percent < CRITICAL_GOOD,
         "longest a home lacked critical load", "重要負荷が最も長く途切れた家");
    snprintf(text, sizeof text, "%u", m->n_collapses);
    tile(words, text, m->n_collapses != 0, "collapses", "全停電の回数");
    if (m->bound.is_known) {
        snprintf(text, sizeof text, "%.1f %%", 100 * m->fraction);
        tile(words, text, false, "of what was possible", "理論上の最善に対して");
    }
    snprintf(text, sizeof text, "%.3f", m->fairness);
    tile(words, text, m->fairness < 0.95, "fairness (1 is equal)", "公平さ（1 が平等）");
    snprintf(text, sizeof text, "%u / %u", m->n_departures - m->n_let_down,
             m->n_departures);
    if (m->n_departures)
        tile(words, text, m->n_let_down != 0, "EV drivers content", "充電を満たした EV");
    strbuf_puts(words->out, "</div>\n");
}

static void head(const struct report_words *words, const char *english,
                 const char *japanese)
{
    strbuf_puts(words->out, "<th>");
    report_words_put(words, english, japanese);
    strbuf_puts(words->out, "</th>");
}

void report_tables_classes(const struct report *report, const struct report_words *words)
{
    const struct metrics *m = report->metrics;

    strbuf_puts(words->out, "<table><tr>");
    head(words, "class", "区分");
    head(words, "wanted kWh", "需要");
    head(words, "served kWh", "給電");
    head(words, "served", "給電率");
    if (m->bound.is_known)
        head(words, "in the best plan kWh", "最善の計画");
    strbuf_puts(words->out, "</tr>\n");
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        double share = m->demand_kwh[c] > 0 ? m->energy_kwh[c] / m->demand_kwh[c] : 1;

        strbuf_printf(words->out, "<tr><td><i class='key %s'></i>",
                      circuit_name((enum sim_circuit)c));
        report_words_circuit(words, (enum sim_circuit)c);
        strbuf_printf(words->out,
                      "</td><td>%.1f</td><td>%.1f</td><td class='bar'>"
                      "<i class='fill %s' style='width:%.1f%%'></i>%.1f %%</td>",
                      m->demand_kwh[c], m->energy_kwh[c],
                      circuit_name((enum sim_circuit)c), 100 * fmin(share, 1) * 0.6,
                      100 * share);
        if (m->bound.is_known)
            strbuf_printf(words->out, "<td>%.1f</td>", m->bound.energy_kwh[c]);
        strbuf_puts(words->out, "</tr>\n");
    }
    strbuf_puts(words->out, "</table>\n");
}

static void row(const struct report_words *words, const char *english,
                const char *japanese, const char *value)
{
    strbuf_puts(words->out, "<tr><td>");
    report_words_put(words, english, japanese);
    strbuf_printf(words->out, "</td><td>%s</td></tr>\n", value);
}

static void number(const struct report_words *words, const char *english,
                   const char *japanese, const char *format, double value)
{
    char text[64] = "–";

    if (isfinite(value))
        /* The formats are the literals below. */
        snprintf(text, sizeof text, "%.*f%s", format[0] - '0', value, format + 1);
    row(words, english, japanese, text);
}

void report_tables_metrics(const struct report *report, const struct report_words *words)
{
    const struct metrics *m = report->metrics;
    char text[64];

    strbuf_puts(words->out, "<table>\n");
    number(words, "weighted energy", "重み付き電力量", "1 kWh", m->weighted_kwh);
    number(words, "fraction of the optimum F", "最適値に対する割合 F", "4", m->fraction);
    number(words, "the same without critical, F_nc", "重要負荷を除く F_nc", "4",
           m->fraction_nc);
    number(words, "critical load, share of time", "重要負荷（時間率）", "2 %",
           m->critical_time_percent);
    number(words, "medical homes", "医療機器のある家", "2 %", m->medical_percent);
    number(words, "fairness J", "公平性 J", "4", m->fairness);
    number(words, "dark", "停電していた時間", "2 h",
           m->n_dark_steps * (double)report->data->scenario->axis.step_s / 3600);
    number(words, "main breakers of homes that tripped", "主幹ブレーカー動作", "0",
           m->n_home_trips);
    number(words, "switch operations per circuit and day", "開閉回数（回路・日）", "2",
           m->switches_per_day);
    snprintf(text, sizeof text, "%.1f (%s)", m->worst_switches_per_day, m->worst_circuit);
    row(words, "the busiest circuit", "最多の回路", text);
    snprintf(text, sizeof text, "%u / %u", m->n_early_offs, m->n_lock_outs);
    row(words, "early offs / lock-outs", "早切り / ロックアウト", text);
    number(words, "EVs below the driver's floor, steps", "EV 下限割れ（ステップ）", "0",
           m->n_below_reserve);
    number(words, "unserved while the grid was up", "系統連系中の未給電", "2 %",
           m->grid_unserved_percent);
    row(words, "rankable", "評価対象", m->is_rankable ? "yes" : "no");
    strbuf_puts(words->out, "</table>\n");
}

static void percent_cell(struct strbuf *out, const struct metrics_home *home,
                         enum sim_circuit c, double good)
{
    double served_wh = home->served_wh[c], wanted_wh = home->demand_wh[c];
    double share = wanted_wh > 0 ? 100 * served_wh / wanted_wh : 100;

    if (c == CIRCUIT_DEFERRABLE)
        share = fmin(share, 100);
    strbuf_printf(out, "<td%s>%.1f</td>", share < good ? " class='bad'" : "", share);
}

static void home_row(const struct report *report, struct strbuf *out, unsigned h)
{
    const struct community_home *is = &report->data->community->homes[h];
    const struct metrics_home *home = &report->metrics->homes[h];
    double days =
        report->metrics->n_steps * (double)report->data->scenario->axis.step_s / 86400;
    unsigned n = 0;

    for (unsigned c = 0; c < N_CIRCUITS; c++)
        n += report->data->n_changes[h * N_CIRCUITS + c];
    strbuf_printf(out, "<tr><td>%u%s</td>", is->id, is->is_medical ? " ✚" : "");
    for (unsigned c = 0; c < N_CIRCUITS; c++)
        percent_cell(out, home, (enum sim_circuit)c,
                     c == CIRCUIT_CRITICAL ? CRITICAL_GOOD : 0);
    strbuf_printf(out, "<td%s>%.1f</td>",
                  n / days / N_CIRCUITS > SWITCHES_GOOD ? " class='bad'" : "",
                  n / days / N_CIRCUITS);
    if (report->promise) {
        struct promise_home held =
            promise_home_of(report->metrics, h, report->data->scenario->axis.step_s);

        strbuf_printf(out, "<td%s>%.1f</td>",
                      home->first_loss_step >= 0 ? " class='bad'" : "", held.held_h);
    }
    strbuf_puts(out, "</tr>\n");
}

void report_tables_homes(const struct report *report, const struct report_words *words)
{
    strbuf_puts(words->out, "<table class='homes'><tr>");
    head(words, "home", "家");
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        strbuf_puts(words->out, "<th>");
        report_words_circuit(words, (enum sim_circuit)c);
        strbuf_puts(words->out, " %</th>");
    }
    head(words, "switched, per circuit and day", "開閉回数");
    if (report->promise)
        head(words, "held h", "維持時間");
    strbuf_puts(words->out, "</tr>\n");
    for (unsigned h = 0; h < report->data->community->n_homes; h++)
        home_row(report, words->out, h);
    strbuf_puts(words->out, "</table>\n");
}
