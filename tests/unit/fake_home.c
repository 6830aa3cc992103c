/* SPDX-License-Identifier: Apache-2.0 */
/* The home of the tests of forward; see fake_home.h. */
#include "tests/unit/fake_home.h"

#include <string.h>

#include "lib/base/clock.h"
#include "tests/unit/suite.h"

int64_t home_now_s;
struct fake *fake;
struct consent *consent;
struct forward *forward;
struct config_route home_route;
char home_host[32];
static char text_name[] = "community", text_recipient[16];

void home_set_time(int64_t s)
{
    home_now_s = s;
    clock_fake((s + 1000) * CLOCK_NS_PER_S, FAKE_WALL_MS + s * 1000, CLOCK_SYNCED);
}

void home_pass(int64_t s)
{
    for (; s > 0; s--) {
        home_set_time(home_now_s + 1);
        forward_tick(forward);
    }
}

void home_start(void)
{
    forward = forward_new(&home_route, "home-017", FAKE_EPOCH, FAKE_BOOT, consent,
                          &fake->ports);
    CU_ASSERT_PTR_NOT_NULL_FATAL(forward);
    forward_committed(forward, fake->n);
}

void home_begin(bool receiver, const char *recipient)
{
    home_set_time(0);
    fake = fake_new();
    consent = consent_new();
    snprintf(text_recipient, sizeof text_recipient, "%s", recipient);
    snprintf(home_host, sizeof home_host, "127.0.0.1");
    memset(&home_route, 0, sizeof home_route);
    home_route.name = text_name;
    home_route.recipient = text_recipient;
    home_route.host = home_host;
    home_route.confirm_receiver = receiver;
}

void home_end(void)
{
    forward_free(forward);
    CU_ASSERT_EQUAL(fake->n_open, 0);
    CU_ASSERT_EQUAL(fake->n_bad, 0);
    CU_ASSERT_FALSE(fake->overlap);
    CU_ASSERT_EQUAL(fake->n_different, 0);
    fake_free(fake);
    consent_free(consent);
    forward = NULL;
    clock_fake(0, -1, CLOCK_UNSET);
}

void home_grant(const char *id, uint32_t categories, enum granularity granularity)
{
    char id_text[16], hash[] = "aa", purpose[] = "planning", to[] = "coordinator";
    struct config_grant grant = {.id = id_text,
                                 .recipient = to,
                                 .purpose = purpose,
                                 .categories = categories,
                                 .granularity = granularity,
                                 .until_ms = INT64_MAX,
                                 .hash = hash};

    snprintf(id_text, sizeof id_text, "%s", id);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
}

void home_append(unsigned n)
{
    while (n--)
        fake_append(fake, "meter", CATEGORY_ENERGY, (double)(fake->n % 977) / 4);
    forward_committed(forward, fake->n);
}

void home_deliver_all(void)
{
    while (fake->n_flying)
        forward_done(forward, fake_settle(fake, 0, true), 0);
}

void home_give_receipt(void)
{
    char text[8192];

    fake_receipt(fake, text, sizeof text);
    forward_receipt(forward, FAKE_EPOCH, text, strlen(text));
}

bool home_all_covered(uint64_t from)
{
    for (uint64_t seq = from; seq <= fake->n; seq++)
        if (!fake->covered[seq])
            return false;
    return true;
}

struct forward_stats home_stats(void)
{
    struct forward_stats result;

    forward_get_stats(forward, &result);
    return result;
}
