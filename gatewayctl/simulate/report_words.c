/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences for people who have never seen a power system's figures. */
#include "gatewayctl/simulate/report_words.h"

#include <string.h>

void report_words_escape(struct strbuf *out, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&'\"", *text))
            strbuf_printf(out, "&#%d;", *text);
        else
            strbuf_putc(out, *text);
}

void report_words_put(const struct report_words *words, const char *english,
                      const char *japanese)
{
    if (words->has_english)
        strbuf_puts(words->out, english);
    if (words->has_english && words->has_japanese)
        strbuf_puts(words->out, " <span class='ja' lang='ja'>");
    if (words->has_japanese)
        strbuf_puts(words->out, japanese);
    if (words->has_english && words->has_japanese)
        strbuf_puts(words->out, "</span>");
}

void report_words_heading(const struct report_words *words, const char *english,
                          const char *japanese)
{
    strbuf_puts(words->out, "<h2>");
    report_words_put(words, english, japanese);
    strbuf_puts(words->out, "</h2>\n");
}

void report_words_circuit(const struct report_words *words, enum sim_circuit circuit)
{
    static const char *const names[N_CIRCUITS][2] = {
        {"critical",  "重要"   },
        {"essential", "必須"   },
        {"comfort",   "快適"   },
        {"hot water", "給湯"   },
        {"heavy",     "大電力"}
    };

    report_words_put(words, names[circuit][0], names[circuit][1]);
}

static double served_percent(const struct metrics *m, enum sim_circuit c)
{
    return m->demand_kwh[c] > 0 ? 100 * m->energy_kwh[c] / m->demand_kwh[c] : 100;
}

static double hours(const struct scenario *s, unsigned steps)
{
    return steps * (double)s->axis.step_s / 3600;
}

static void english(struct strbuf *out, const struct metrics *m, const struct scenario *s)
{
    double outage_h = hours(s, m->n_outage_steps);
    unsigned longest, n_lost = metrics_lost_homes(m, &longest);

    strbuf_puts(out, "<p lang='en'>");
    if (m->first_loss_step < 0)
        strbuf_printf(out,
                      "<b>Critical loads of all %u homes were served for all %.1f h of "
                      "outage.</b> ",
                      m->community->n_homes, outage_h);
    else if (!m->n_collapses)
        strbuf_printf(out,
                      "<b>Critical loads were served to %.2f %% through %.1f h of "
                      "outage:</b> %u home%s lacked them, for %.1f h at most. ",
                      m->critical_percent, outage_h, n_lost, n_lost == 1 ? "" : "s",
                      hours(s, longest));
    else
        strbuf_printf(out,
                      "<b>Critical loads were first lost after %.1f of %.1f h of outage; "
                      "%.1f %% of their energy was served.</b> ",
                      hours(s, metrics_held_steps(m, s)), outage_h, m->critical_percent);
    if (m->n_collapses)
        strbuf_printf(out, "The island collapsed %u time%s and was dark for %.1f h. ",
                      m->n_collapses, m->n_collapses == 1 ? "" : "s",
                      hours(s, m->n_dark_steps));
    strbuf_printf(
        out,
        "Of what people wanted beyond that, %.0f %% of essential use, %.0f %% of "
        "comfort, %.0f %% of hot water and %.0f %% of heavy use was served. ",
        served_percent(m, CIRCUIT_ESSENTIAL), served_percent(m, CIRCUIT_COMFORT),
        served_percent(m, CIRCUIT_DEFERRABLE), served_percent(m, CIRCUIT_HEAVY));
    if (m->n_let_down)
        strbuf_printf(out, "%u EV driver%s found less charge than was due. ",
                      m->n_let_down, m->n_let_down == 1 ? "" : "s");
    else if (m->n_departures)
        strbuf_puts(out, "Every EV driver found the charge that was due. ");
    strbuf_printf(out,
                  "The home that fared worst (%u) got %.0f %% of its critical and "
                  "essential energy.</p>\n",
                  m->worst_home, 100 * m->worst_share);
}

static void japanese(struct strbuf *out, const struct metrics *m,
                     const struct scenario *s)
{
    double outage_h = hours(s, m->n_outage_steps);
    unsigned longest, n_lost = metrics_lost_homes(m, &longest);

    strbuf_puts(out, "<p lang='ja'>");
    if (m->first_loss_step < 0)
        strbuf_printf(
            out, "<b>停電 %.1f 時間を通して、全 %u 戸の重要負荷に給電できました。</b>",
            outage_h, m->community->n_homes);
    else if (!m->n_collapses)
        strbuf_printf(
            out,
            "<b>停電 %.1f 時間を通して、重要負荷の %.2f %% に給電できました。</b>"
            "途切れたのは %u 戸、最長 %.1f 時間です。",
            outage_h, m->critical_percent, n_lost, hours(s, longest));
    else
        strbuf_printf(
            out,
            "<b>停電 %.1f 時間のうち %.1f 時間後に、重要負荷への給電が初めて途切れま"
            "した（電力量の %.1f %% を給電）。</b>",
            outage_h, hours(s, metrics_held_steps(m, s)), m->critical_percent);
    if (m->n_collapses)
        strbuf_printf(out, "自立運転は %u 回停止し、合計 %.1f 時間停電しました。",
                      m->n_collapses, hours(s, m->n_dark_steps));
    strbuf_printf(
        out,
        "そのほかの需要への給電率は、必須 %.0f %%、快適 %.0f %%、給湯 %.0f %%、"
        "大電力 %.0f %% です。",
        served_percent(m, CIRCUIT_ESSENTIAL), served_percent(m, CIRCUIT_COMFORT),
        served_percent(m, CIRCUIT_DEFERRABLE), served_percent(m, CIRCUIT_HEAVY));
    if (m->n_let_down)
        strbuf_printf(out, "出発時に必要な充電量に満たなかった EV は %u 台です。",
                      m->n_let_down);
    else if (m->n_departures)
        strbuf_puts(out, "EV はすべて、必要な充電量で出発できました。");
    strbuf_printf(
        out,
        "最も条件の悪かった家（%u）でも、重要・必須の電力量の %.0f %% を受け取りまし"
        "た。</p>\n",
        m->worst_home, 100 * m->worst_share);
}

void report_words_answer(const struct report_words *words, const struct metrics *metrics,
                         const struct scenario *scenario)
{
    strbuf_printf(words->out, "<div class='answer %s'>\n",
                  metrics_is_bad_news(metrics) ? "bad" : "good");
    if (words->has_english)
        english(words->out, metrics, scenario);
    if (words->has_japanese)
        japanese(words->out, metrics, scenario);
    strbuf_puts(words->out, "</div>\n");
}
