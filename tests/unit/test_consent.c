/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lib/consent: nothing leaves without a live grant. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/consent/consent.h"
#include "tests/unit/suite.h"

#define NOW INT64_C(1763760000000)
#define ENERGY (1u << CATEGORY_ENERGY)
#define GRID (1u << CATEGORY_GRID)

static const struct consent_route coordinator = {"coordinator", false};
static const struct consent_route other = {"university", false};

static char id_text[32], hash_text[32], recipient_text[32],
    purpose_text[] = "outage-planning";

static struct config_grant grant_of(const char *id, const char *hash, uint32_t categories,
                                    enum granularity granularity)
{
    snprintf(id_text, sizeof id_text, "%s", id);
    snprintf(hash_text, sizeof hash_text, "%s", hash);
    snprintf(recipient_text, sizeof recipient_text, "coordinator");
    return (struct config_grant){.id = id_text,
                                 .hash = hash_text,
                                 .recipient = recipient_text,
                                 .purpose = purpose_text,
                                 .categories = categories,
                                 .granularity = granularity,
                                 .until_ms = NOW + 1000};
}

static struct consent *with_grant(uint32_t categories, enum granularity granularity)
{
    struct consent *consent = consent_new();
    struct config_grant grant = grant_of("sign-1", "aa", categories, granularity);

    CU_ASSERT_PTR_NOT_NULL_FATAL(consent);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
    return consent;
}

static void without_a_grant_nothing_is_allowed(void)
{
    struct consent *consent = consent_new();

    for (int c = 0; c < CATEGORY_COUNT; c++)
        for (int g = 0; g < GRANULARITY_COUNT; g++)
            CU_ASSERT_EQUAL(consent_allows(consent, &coordinator, (enum category)c,
                                           (enum granularity)g, NOW),
                            CONSENT_REFUSED);
    CU_ASSERT_EQUAL(consent_refused(consent), CATEGORY_COUNT * GRANULARITY_COUNT);
    CU_ASSERT_EQUAL(consent_refused_of(consent, CATEGORY_HEALTH), GRANULARITY_COUNT);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    consent_free(consent);
}

static void a_grant_allows_its_granularity_and_coarser_only(void)
{
    for (int given = 0; given < GRANULARITY_COUNT; given++) {
        struct consent *consent = with_grant(ENERGY, (enum granularity)given);

        for (int asked = 0; asked < GRANULARITY_COUNT; asked++)
            CU_ASSERT_EQUAL(consent_allows(consent, &coordinator, CATEGORY_ENERGY,
                                           (enum granularity)asked, NOW),
                            asked >= given ? CONSENT_ALLOWED : CONSENT_REFUSED);
        CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW),
                        given);
        consent_free(consent);
    }
}

static void a_grant_covers_its_categories_and_status_only(void)
{
    struct consent *consent = with_grant(ENERGY | GRID, GRANULARITY_1MIN);

    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_GRID, NOW),
                    GRANULARITY_1MIN);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_STATUS, NOW),
                    GRANULARITY_RAW);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_HEALTH, NOW), -1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_PRESENCE, NOW), -1);
    consent_free(consent);
}

static void a_grant_is_for_its_recipient_only(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_RAW);

    for (int c = 0; c < CATEGORY_COUNT; c++)
        CU_ASSERT_EQUAL(consent_finest(consent, &other, (enum category)c, NOW), -1);
    consent_free(consent);
}

static void a_grant_ends_at_its_time(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_RAW);

    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW + 999), 0);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW + 1000),
                    -1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_STATUS, NOW + 1000),
                    -1);
    consent_free(consent);
}

static void a_grant_that_ended_does_not_live_again_at_1970(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_RAW);

    CU_ASSERT_EQUAL(consent_last_end(consent, NOW + 999), 0);
    CU_ASSERT_EQUAL(consent_last_end(consent, NOW + 5000), NOW + 1000);
    consent_set_past(consent, NOW + 1000, true);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, 1000), -1);
    consent_set_past(consent, NOW + 1000, false); /* the clock is trusted */
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), 0);
    consent_free(consent);
}

static void self_passes_on_a_local_route_only(void)
{
    const struct consent_route home = {"self", true}, away = {"self", false};
    struct consent *consent = consent_new();

    for (int c = 0; c < CATEGORY_COUNT; c++) {
        CU_ASSERT_EQUAL(
            consent_allows(consent, &home, (enum category)c, GRANULARITY_RAW, NOW),
            CONSENT_ALLOWED);
        CU_ASSERT_EQUAL(
            consent_allows(consent, &away, (enum category)c, GRANULARITY_AGGREGATE, NOW),
            CONSENT_REFUSED);
    }
    consent_free(consent);
}

static void another_recipient_on_a_local_route_needs_a_grant(void)
{
    const struct consent_route lan = {"university", true};
    struct consent *consent = with_grant(ENERGY, GRANULARITY_RAW);

    CU_ASSERT_EQUAL(consent_finest(consent, &lan, CATEGORY_ENERGY, NOW), -1);
    consent_free(consent);
}

static void a_grant_seen_before_is_not_entered_again(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_30MIN);
    struct config_grant grant = grant_of("sign-1", "aa", ENERGY, GRANULARITY_30MIN);

    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 0);
    grant = grant_of("sign-1", "bb", GRID, GRANULARITY_RAW);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_GRID, NOW),
                    GRANULARITY_RAW);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    grant = grant_of("sign-1", "aa", ENERGY, GRANULARITY_30MIN);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 0);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    consent_free(consent);
}

static void a_withdrawal_wins_for_ever(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_RAW);
    struct config_grant grant;

    CU_ASSERT_EQUAL(consent_withdraw(consent, "sign-1"), 1);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "sign-1"), 0);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_STATUS, NOW), -1);
    grant = grant_of("sign-1", "cc", ENERGY, GRANULARITY_RAW);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 0);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    grant = grant_of("sign-2", "cc", ENERGY, GRANULARITY_1MIN);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW),
                    GRANULARITY_1MIN);
    consent_free(consent);
}

static void a_withdrawal_before_the_grant_wins_too(void)
{
    struct consent *consent = consent_new();
    struct config_grant grant = grant_of("sign-9", "aa", ENERGY, GRANULARITY_RAW);

    CU_ASSERT_EQUAL(consent_withdraw(consent, "sign-9"), 1);
    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 0);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW), -1);
    consent_free(consent);
}

static void two_grants_give_the_finest_of_both(void)
{
    struct consent *consent = with_grant(ENERGY, GRANULARITY_30MIN);
    struct config_grant grant = grant_of("sign-2", "bb", ENERGY, GRANULARITY_1MIN);

    CU_ASSERT_EQUAL(consent_add_grant(consent, &grant), 1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW),
                    GRANULARITY_1MIN);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "sign-2"), 1);
    CU_ASSERT_EQUAL(consent_finest(consent, &coordinator, CATEGORY_ENERGY, NOW),
                    GRANULARITY_30MIN);
    consent_free(consent);
}

static void the_list_of_events_is_bounded(void)
{
    struct consent *consent = consent_new();
    char id[16];
    int rc = 1;

    for (int i = 0; i < CONSENT_EVENTS_MAX && rc == 1; i++) {
        struct config_grant grant;

        snprintf(id, sizeof id, "g%d", i);
        grant = grant_of(id, "aa", ENERGY, GRANULARITY_RAW);
        rc = consent_add_grant(consent, &grant);
    }
    CU_ASSERT_EQUAL(rc, 1);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "unknown"), -ENOSPC);
    CU_ASSERT_EQUAL(consent_withdraw(consent, "g7"), 1);
    consent_free(consent);
}

static void a_grant_survives_json(void)
{
    struct config_grant grant = grant_of("sign \"2026\"", "a1b2", ENERGY | GRID,
                                         GRANULARITY_30MIN),
                        back;
    char *json = consent_grant_to_json(&grant);

    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL_FATAL(consent_grant_from_json(json, &back), 0);
    CU_ASSERT_STRING_EQUAL(back.id, grant.id);
    CU_ASSERT_STRING_EQUAL(back.hash, grant.hash);
    CU_ASSERT_STRING_EQUAL(back.recipient, grant.recipient);
    CU_ASSERT_STRING_EQUAL(back.purpose, grant.purpose);
    CU_ASSERT_EQUAL(back.categories, grant.categories);
    CU_ASSERT_EQUAL(back.granularity, grant.granularity);
    CU_ASSERT_EQUAL(back.until_ms, grant.until_ms);
    consent_grant_done(&back);
    free(json);
}

static void broken_json_is_no_grant(void)
{
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"header\":{}}",
        "{\"header\":{\"record_id\":\"a\"},\"processing\":{\"granularity\":\"raw\"},"
        "\"pii\":[{\"pii_type\":\"thoughts\"}],\"party\":[{\"party_id\":\"x\"}],"
        "\"event\":{\"valid_until_ms\":5}}",
        "{\"header\":{\"record_id\":\"a\"},\"processing\":{\"granularity\":\"rawer\"},"
        "\"pii\":[{\"pii_type\":\"energy\"}],\"party\":[{\"party_id\":\"x\"}],"
        "\"event\":{\"valid_until_ms\":5}}",
    };
    struct config_grant grant = {.id = id_text};

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CU_ASSERT_EQUAL(consent_grant_from_json(broken[i], &grant), -EINVAL);
    CU_ASSERT_PTR_EQUAL(grant.id, id_text);
}

static void loopback_is_home_and_the_internet_is_not(void)
{
    static const struct {
        const char *address;
        bool local;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.5.6.7", true},
        {"::1", true},
        {"::ffff:127.0.0.1", true},
        {"203.0.113.77", false},
        {"2001:db8::7", false},
        {"::ffff:203.0.113.77", false},
        {"localhost", false},
        {"", false},
        {"127.0.0.1.evil", false},
        {"1.2.3", false},
        {"::1%lo", true},
        {"2001:db8::7%aVeryLongInterfaceNameThatCannotBe0123456789012345678901234",
         false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(consent_address_is_local(cases[i].address), cases[i].local);
    CU_ASSERT_FALSE(consent_address_is_local(NULL));
}

static void every_address_of_our_interfaces_is_home(void)
{
    struct ifaddrs *interfaces;
    char text[64];

    CU_ASSERT_EQUAL_FATAL(getifaddrs(&interfaces), 0);
    for (struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        socklen_t len =
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

        if ((family != AF_INET && family != AF_INET6) || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_flags & IFF_POINTOPOINT))
            continue;
        CU_ASSERT_EQUAL(
            getnameinfo(i->ifa_addr, len, text, sizeof text, NULL, 0, NI_NUMERICHOST), 0);
        CU_ASSERT_TRUE(consent_address_is_local(text));
    }
    freeifaddrs(interfaces);
}

static CU_TestInfo tests[] = {
    TEST(without_a_grant_nothing_is_allowed),
    TEST(a_grant_allows_its_granularity_and_coarser_only),
    TEST(a_grant_covers_its_categories_and_status_only),
    TEST(a_grant_is_for_its_recipient_only),
    TEST(a_grant_ends_at_its_time),
    TEST(a_grant_that_ended_does_not_live_again_at_1970),
    TEST(self_passes_on_a_local_route_only),
    TEST(another_recipient_on_a_local_route_needs_a_grant),
    TEST(a_grant_seen_before_is_not_entered_again),
    TEST(a_withdrawal_wins_for_ever),
    TEST(a_withdrawal_before_the_grant_wins_too),
    TEST(two_grants_give_the_finest_of_both),
    TEST(the_list_of_events_is_bounded),
    TEST(a_grant_survives_json),
    TEST(broken_json_is_no_grant),
    TEST(loopback_is_home_and_the_internet_is_not),
    TEST(every_address_of_our_interfaces_is_home),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"consent", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
