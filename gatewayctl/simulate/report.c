/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: what happened in words, tiles, where power went and came from, charge, what
 * was off when, tables. Everything stands in the file itself.
 */
#include "gatewayctl/simulate/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gatewayctl/simulate/report_chart.h"
#include "gatewayctl/simulate/report_tables.h"
#include "lib/base/cleanup.h"

#define W_PER_KW 1000.0

static const char style[] =
    ":root{--ink:#1c2733;--dim:#66717d;--paper:#fff;--card:#f5f7f9;--rule:#e1e6eb;"
    "--critical:#17456e;--essential:#2f86b7;--comfort:#6bb391;--deferrable:#edc04c;"
    "--heavy:#dd7f36;--pv:#f0b400;--battery:#2f7d5b;--ev:#7659a8;--grid:#8793a1;"
    "--bad:#b3261e;--good:#1f7a4d;--outage:#eef1f5;--dark:#f4c7c3;--off:#dfe4ea}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--dim:#9aa6b2;"
    "--paper:#14191f;--card:#1d242c;--rule:#313b46;--outage:#1f2731;--dark:#5c2622;"
    "--off:#2b343f;--critical:#5b9bd5}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:24px 28px 60px;"
    "font:15px/1.5 system-ui,'Noto Sans','Noto Sans CJK JP','Noto Sans JP',sans-serif;"
    "color:var(--ink);background:var(--paper)}h1{font-size:26px;margin:0;line-height:1.3}"
    "h2{font-size:18px;margin:34px 0 6px;border-top:1px solid var(--rule);"
    "padding-top:20px}.sub{color:var(--dim);margin:2px 0 18px}.ja{color:var(--dim);"
    "font-weight:normal;font-size:.92em}.answer{border-left:5px solid var(--good);"
    "background:var(--card);padding:10px 18px;border-radius:0 8px 8px 0}"
    ".answer.bad{border-color:var(--bad)}.answer p{margin:6px 0}.tiles{display:flex;"
    "flex-wrap:wrap;gap:12px;margin:18px 0}.tile{flex:1 1 150px;background:var(--card);"
    "border-radius:8px;padding:12px 14px}.tile b{display:block;font-size:24px;"
    "font-variant-numeric:tabular-nums}.tile.bad b,td.bad{color:var(--bad)}"
    ".tile span{color:var(--dim);font-size:13px}.tile .ja{display:block}"
    "svg{width:100%;height:auto;display:block}.note{color:var(--dim);margin:0 0 8px}"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13.5px;margin:2px 0 4px}"
    ".key{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;"
    "vertical-align:-1px;background:currentColor}.critical{fill:var(--critical)}"
    ".essential{fill:var(--essential)}.comfort{fill:var(--comfort)}"
    ".deferrable{fill:var(--deferrable)}.heavy{fill:var(--heavy)}.pv{fill:var(--pv)}"
    ".battery{fill:var(--battery)}.ev{fill:var(--ev)}.grid{fill:var(--grid)}"
    "i.critical{background:var(--critical)}i.essential{background:var(--essential)}"
    "i.comfort{background:var(--comfort)}i.deferrable{background:var(--deferrable)}"
    "i.heavy{background:var(--heavy)}i.pv{background:var(--pv)}"
    "i.battery{background:var(--battery)}i.ev{background:var(--ev)}"
    "i.grid{background:var(--grid)}i.wanted{background:var(--ink);height:2px;"
    "vertical-align:4px}i.lost{background:var(--bad)}i.off{background:var(--off)}"
    "i.outage{background:var(--outage);outline:1px solid var(--rule)}"
    "i.dark{background:var(--dark)}.outage{fill:var(--outage)}.dark{fill:var(--dark)}"
    ".off{fill:var(--off)}.lost{fill:var(--bad)}.line{fill:none;stroke-width:1.5;"
    "stroke-linejoin:round}.line.wanted{stroke:var(--ink);stroke-width:1;"
    "stroke-dasharray:3 2;opacity:.7}.line.battery{stroke:var(--battery);opacity:.75}"
    ".line.ev{stroke:var(--ev);stroke-dasharray:6 3;stroke-width:2}"
    ".line.pv{stroke:var(--pv);stroke-dasharray:3 2;stroke-width:1}"
    ".level,.hour,.day,.zero{stroke:var(--ink);opacity:.10;fill:none}.day{opacity:.35}"
    ".zero{opacity:.6}text{font-size:11px;fill:var(--dim)}.tick{text-anchor:middle}"
    ".date{font-weight:600}.value{text-anchor:end}h3{margin:12px 0 0;font-size:14px;"
    "font-weight:600}table{border-collapse:collapse;margin:8px 0;font-size:14px;"
    "font-variant-numeric:tabular-nums}td,th{padding:3px 14px 3px 0;text-align:right;"
    "border-bottom:1px solid var(--rule)}th{color:var(--dim);font-weight:600;"
    "vertical-align:bottom}td:first-child,th:first-child{text-align:left}"
    ".bar{min-width:190px;position:relative}.fill{position:absolute;left:10px;top:7px;"
    "height:12px;border-radius:3px;opacity:.85}.side{display:flex;flex-wrap:wrap;"
    "gap:0 48px;align-items:flex-start}.homes td,.homes th{padding:1px 18px 1px 0}"
    ".homes th .ja{display:block}"
    "@media print{body{max-width:none;padding:0}svg{break-inside:avoid}}";

struct page {
    const struct report *report;
    struct report_words words;
    double *low, *high; /* scratch curves of n_steps */
};

static unsigned n_steps(const struct page *page)
{
    return page->report->data->scenario->axis.n_steps;
}

static void local_text(const struct sim_axis *axis, unsigned step, char ret[32])
{
    time_t at = (time_t)(axis->start_utc_s + (int64_t)step * axis->step_s +
                         llrint(axis->timezone_offset_h * 3600));
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(ret, 32, "%Y-%m-%d %H:%M", &tm);
}

static void put_head(const struct page *page)
{
    const struct scenario *s = page->report->data->scenario;
    struct strbuf *out = page->words.out;
    char from[32], to[32];

    strbuf_printf(out, "<!doctype html>\n<html lang='%s'><head><meta charset='utf-8'>",
                  page->words.has_english ? "en" : "ja");
    strbuf_puts(out, "<meta name='viewport' content='width=device-width'><title>");
    report_words_escape(out, s->name);
    strbuf_printf(out, "</title><style>%s</style></head><body>\n<h1>", style);
    report_words_put(&page->words, "How long would we last?",
                     "停電したら、どれだけ持つか");
    strbuf_puts(out, "</h1>\n<p class='sub'>");
    report_words_escape(out, page->report->data->community->name);
    strbuf_puts(out, " · ");
    report_words_escape(out, s->name);
    local_text(&s->axis, 0, from);
    local_text(&s->axis, s->axis.n_steps, to);
    strbuf_printf(out, " · %s – %s</p>\n", from, to);
}

static void put_promise(const struct page *page)
{
    const struct promise *p = page->report->promise;
    struct strbuf *out = page->words.out;
    char en[240], ja[320];

    if (!p)
        return;
    snprintf(en, sizeof en,
             "The worst of %u starts of an outage of %.1f h, batteries at %.0f %% of "
             "usable: the promise is %s.",
             p->n_starts, p->n_steps * (double)p->scenario->axis.step_s / 3600,
             100 * p->reserve, promise_is_held(p) ? "kept" : "not kept");
    snprintf(ja, sizeof ja,
             "%u 通りの開始時刻のうち最悪のもの（停電 %.1f 時間、蓄電池は使用可能量の "
             "%.0f %%）。約束は%s。",
             p->n_starts, p->n_steps * (double)p->scenario->axis.step_s / 3600,
             100 * p->reserve, promise_is_held(p) ? "守られます" : "守られません");
    strbuf_puts(out, "<p>");
    report_words_put(&page->words, en, ja);
    strbuf_puts(out, "</p>\n");
}

static void legend(const struct page *page, const char *class, const char *english,
                   const char *japanese)
{
    strbuf_printf(page->words.out, "<span><i class='key %s'></i>", class);
    report_words_put(&page->words, english, japanese);
    strbuf_puts(page->words.out, "</span>\n");
}

static void open_legend(const struct page *page)
{
    strbuf_puts(page->words.out, "<div class='legend'>\n");
}

static void close_legend(const struct page *page)
{
    strbuf_puts(page->words.out, "</div>\n");
}

/* ---- where power went ------------------------------------------------------------ */

static double highest_wanted_kw(const struct page *page)
{
    double most = 0;

    for (unsigned t = 0; t < n_steps(page); t++)
        most = fmax(most, page->report->data->steps[t].wanted_w / W_PER_KW);
    return most;
}

static void put_loads(const struct page *page)
{
    const struct report_data *data = page->report->data;
    struct report_chart chart = {
        .out = page->words.out, .data = data, .height = 240, .unit = " kW"};

    report_chart_fit(&chart, 0, highest_wanted_kw(page));
    report_words_heading(&page->words, "What the homes used", "家庭の使用電力");
    open_legend(page);
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        strbuf_printf(chart.out, "<span><i class='key %s'></i>",
                      circuit_name((enum sim_circuit)c));
        report_words_circuit(&page->words, (enum sim_circuit)c);
        strbuf_puts(chart.out, "</span>\n");
    }
    legend(page, "wanted", "what they wanted", "本来の需要");
    legend(page, "outage", "no grid", "系統停電");
    legend(page, "dark", "all dark", "全停電");
    close_legend(page);
    report_chart_open(&chart);
    for (unsigned t = 0; t < n_steps(page); t++)
        page->high[t] = 0;
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        for (unsigned t = 0; t < n_steps(page); t++) {
            page->low[t] = page->high[t];
            page->high[t] += data->steps[t].served_w[c] / W_PER_KW;
        }
        report_chart_area(&chart, circuit_name((enum sim_circuit)c), page->low,
                          page->high);
    }
    for (unsigned t = 0; t < n_steps(page); t++)
        page->high[t] = data->steps[t].wanted_w / W_PER_KW;
    report_chart_line(&chart, "wanted", page->high, -1);
    report_chart_close(&chart);
}

/* ---- where power came from ------------------------------------------------------- */

static double stacked_kw(const struct report_step *step, int sign)
{
    double sum_w = 0;

    for (unsigned i = 0; i < N_REPORT_SOURCES; i++)
        sum_w += fmax(0, sign * step->source_w[i]);
    return sum_w / W_PER_KW;
}

static void put_stack(const struct page *page, const struct report_chart *chart, int sign)
{
    static const char *const classes[] = {"pv", "battery", "ev", "grid"};

    for (unsigned t = 0; t < n_steps(page); t++)
        page->high[t] = 0;
    for (unsigned i = 0; i < N_REPORT_SOURCES; i++) {
        for (unsigned t = 0; t < n_steps(page); t++) {
            double w = chart->data->steps[t].source_w[i];

            page->low[t] = page->high[t];
            page->high[t] += sign * fmax(0, sign * w) / W_PER_KW;
        }
        report_chart_area(chart, classes[i], page->low, page->high);
    }
}

static void put_sources(const struct page *page)
{
    const struct report_data *data = page->report->data;
    double most = 0, least = 0;
    struct report_chart chart = {
        .out = page->words.out, .data = data, .height = 240, .unit = " kW"};

    for (unsigned t = 0; t < n_steps(page); t++) {
        most = fmax(most, fmax(stacked_kw(&data->steps[t], 1),
                               data->steps[t].pv_available_w / W_PER_KW));
        least = fmax(least, stacked_kw(&data->steps[t], -1));
    }
    report_chart_fit(&chart, -least, most);
    report_words_heading(&page->words, "Where it came from (below zero: charging)",
                         "電力の供給元（負は充電）");
    open_legend(page);
    legend(page, "pv", "sun (dotted: available)", "太陽光（点線は発電可能量）");
    legend(page, "battery", "batteries", "蓄電池");
    legend(page, "ev", "EVs", "EV");
    legend(page, "grid", "grid", "系統");
    close_legend(page);
    report_chart_open(&chart);
    put_stack(page, &chart, 1);
    put_stack(page, &chart, -1);
    for (unsigned t = 0; t < n_steps(page); t++)
        page->high[t] = data->steps[t].pv_available_w / W_PER_KW;
    report_chart_line(&chart, "pv", page->high, -1);
    report_chart_close(&chart);
}

static void put_soc(const struct page *page)
{
    const struct report_data *data = page->report->data;
    unsigned n = data->community->n_storages;
    struct report_chart chart = {.out = page->words.out,
                                 .data = data,
                                 .height = 180,
                                 .high = 100,
                                 .tick = 25,
                                 .unit = " %"};

    report_words_heading(&page->words, "Charge of every battery and EV",
                         "蓄電池と EV の残量");
    open_legend(page);
    legend(page, "battery", "batteries", "蓄電池");
    legend(page, "ev", "EVs (gap: away)", "EV（空白は外出中）");
    close_legend(page);
    report_chart_open(&chart);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned t = 0; t < n_steps(page); t++)
            page->high[t] = 100 * data->soc[(size_t)t * n + i];
        report_chart_line(&chart, data->community->storages[i].is_ev ? "ev" : "battery",
                          page->high, 0);
    }
    report_chart_close(&chart);
}

static void put_strips(const struct page *page)
{
    report_words_heading(&page->words, "What was off when", "いつ何が切られていたか");
    strbuf_puts(page->words.out, "<p class='note'>");
    report_words_put(&page->words, "One row for each home.", "1 行が 1 戸です。");
    strbuf_puts(page->words.out, "</p>");
    open_legend(page);
    legend(page, "off", "off", "切");
    legend(page, "lost", "on, but without power", "入だが停電");
    close_legend(page);
    for (unsigned c = 0; c < N_CIRCUITS; c++) {
        strbuf_puts(page->words.out, "<h3>");
        report_words_circuit(&page->words, (enum sim_circuit)c);
        strbuf_puts(page->words.out, "</h3>\n");
        report_chart_strips(page->words.out, page->report->data, (enum sim_circuit)c);
    }
}

static void put_tables(const struct page *page)
{
    report_words_heading(&page->words, "Figures", "数値");
    strbuf_puts(page->words.out, "<div class='side'><div>");
    report_tables_classes(page->report, &page->words);
    strbuf_puts(page->words.out, "</div><div>");
    report_tables_metrics(page->report, &page->words);
    strbuf_puts(page->words.out, "</div></div>\n");
    report_words_heading(&page->words, "Homes: share served", "家ごとの給電率");
    report_tables_homes(page->report, &page->words);
}

static int save(const struct strbuf *out, const char *path, struct gw_error *reterr)
{
    FILE *file = fopen(path, "we");
    int rc = 0;

    if (!file)
        rc = -errno;
    else if (fwrite(out->data, 1, out->len, file) != out->len)
        rc = errno ? -errno : -EIO;
    if (file && fclose(file) != 0 && rc == 0)
        rc = -errno;
    return rc < 0 ? error_set(reterr, rc, "simulate-report", "cannot write %s: %s", path,
                              error_errno_text(rc))
                  : 0;
}

int report_save(const struct report *report, const char *path, struct gw_error *reterr)
{
    size_t n = report->data->scenario->axis.n_steps;
    _cleanup_free_ double *low = calloc(n, sizeof *low), *high = calloc(n, sizeof *high);
    struct strbuf out;
    struct page page = {
        .report = report,
        .words = {&out, report->has_english, report->has_japanese},
        .low = low,
        .high = high
    };
    int rc;

    if (!low || !high)
        return -ENOMEM;
    strbuf_init(&out);
    put_head(&page);
    put_promise(&page);
    report_words_answer(&page.words, report->metrics, report->data->scenario);
    report_tables_tiles(report, &page.words);
    put_loads(&page);
    put_sources(&page);
    put_soc(&page);
    put_strips(&page);
    put_tables(&page);
    strbuf_puts(&out, "</body></html>\n");
    rc = out.failed ? -ENOMEM : save(&out, path, reterr);
    strbuf_done(&out);
    return rc;
}
