/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real gateway-route over a channel against a real mosquitto, and against a broker of
 * our own that misbehaves. Exit 77 without mosquitto.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/channel/route_msg.h"
#include "tests/unit/mqtt_peer.h"
#include "tests/unit/route_rig.h"
#include "tests/unit/suite.h"

#define CLEAN_EXIT 0

static uint16_t port;
static pid_t broker;
static struct rig_route *route;

static void start(const char *broker_extra)
{
    port = rig_free_port();
    broker = rig_broker_start(port, broker_extra);
    route = rig_route_start(NULL);
    rig_route_config(route, "127.0.0.1", port, false);
    CU_ASSERT_TRUE_FATAL(rig_route_wait(route, rig_is_connected, 0));
}

static void stop(void)
{
    CU_ASSERT_EQUAL(rig_route_end(route), CLEAN_EXIT);
    rig_process_stop(broker, SIGTERM);
}

static void the_window_is_one_less_than_the_servers_receive_maximum(void)
{
    start(NULL);
    CU_ASSERT_EQUAL(route->window, 19);
    stop();
    start("max_inflight_messages 1");
    CU_ASSERT_EQUAL(route->window, 1);
    stop();
    start("max_inflight_messages 1000");
    CU_ASSERT_EQUAL(route->window, 63);
    stop();
}

static void a_message_with_a_listener_is_done_with_reason_0(void)
{
    struct mqtt_peer *peer;

    start(NULL);
    peer = mqtt_peer_new(port, "gw/#");
    CU_ASSERT_EQUAL(rig_route_publish(route, 7, "readings", false, "{\"v\":1}"), 0);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 1));
    CU_ASSERT_EQUAL(route->n_done[7], 1);
    CU_ASSERT_EQUAL(route->reason[7], 0);
    CU_ASSERT_TRUE(mqtt_peer_wait(peer, 1));
    CU_ASSERT_STRING_EQUAL(mqtt_peer_topic(peer), "gw/s/g/readings");
    CU_ASSERT_STRING_EQUAL(mqtt_peer_payload(peer), "{\"v\":1}");
    mqtt_peer_free(peer);
    stop();
}

static void a_message_nobody_listens_to_is_done_with_reason_0x10(void)
{
    start(NULL);
    rig_route_publish(route, 8, "readings", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 1));
    CU_ASSERT_EQUAL(route->n_done[8], 1);
    CU_ASSERT_EQUAL(route->reason[8], 0x10);
    stop();
}

static void a_message_the_broker_refuses_is_done_with_its_reason(void)
{
    char extra[400];

    rig_write_file("acl", "topic readwrite gw/s/g/cmd/#\ntopic write gw/s/g/readings\n");
    snprintf(extra, sizeof extra, "acl_file %s/acl", rig_dir());
    start(extra);
    rig_route_publish(route, 9, "forbidden", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 1));
    CU_ASSERT_EQUAL(route->n_done[9], 1);
    CU_ASSERT_EQUAL(route->reason[9], 0x87); /* not authorized */
    stop();
}

/* Keeps the window full of tokens from..to. */
static bool pump(struct rig_route *to, unsigned first, unsigned last)
{
    unsigned next = first, base = to->n_answers, total = last - first;

    while (to->n_answers - base < total) {
        unsigned open = next - first - (to->n_answers - base);

        for (; next < last && open < to->window; open++)
            if (rig_route_publish(to, next, "readings", false, "0123456789") < 0)
                break;
            else
                next++;
        if (!to->connected || !rig_route_wait(to, rig_has_answers, to->n_answers + 1))
            return false;
    }
    return true;
}

static void a_thousand_messages_pass_at_thousands_per_second(void)
{
    int64_t start_ns;
    double seconds;

    start(NULL);
    start_ns = clock_boot_ns();
    CU_ASSERT_TRUE(pump(route, 0, 1000));
    seconds = (double)(clock_boot_ns() - start_ns) / 1e9;
    printf("%.0f messages/s at window %u ... ", 1000 / seconds, route->window);
    /* a window that lets Paho queue gives a tenth of what it should */
    CU_ASSERT_TRUE(1000 / seconds > 1000);
    for (unsigned i = 0; i < 1000; i++)
        CU_ASSERT_TRUE(route->n_done[i] == 1 && route->n_lost[i] == 0);
    stop();
}

static unsigned n_wrong(const struct rig_route *of, unsigned first, unsigned last)
{
    unsigned n = 0;

    for (unsigned i = first; i < last; i++)
        n += of->n_done[i] + of->n_lost[i] != 1;
    return n;
}

static void each_token_is_answered_once_when_the_broker_restarts_in_between(void)
{
    unsigned token = 0;

    start(NULL);
    for (int restart = 0; restart < 2; restart++) {
        unsigned begin = token, n_up = route->n_up;

        CU_ASSERT_TRUE(pump(route, token, token + 300));
        token += 300;
        kill(broker, SIGSTOP);
        for (int i = 0; i < 19; i++, token++)
            rig_route_publish(route, token, "readings", false, "x");
        kill(broker, SIGKILL);
        waitpid(broker, NULL, 0);
        CU_ASSERT_TRUE(rig_route_wait(route, rig_is_down, (uint64_t)restart + 1));
        CU_ASSERT_EQUAL(n_wrong(route, begin, token), 0);
        CU_ASSERT_EQUAL(route->n_lost[token - 1], 1);
        broker = rig_broker_start(port, NULL);
        CU_ASSERT_TRUE(rig_route_wait(route, rig_is_connected, 0));
        CU_ASSERT_EQUAL(route->n_up, n_up + 1);
    }
    CU_ASSERT_TRUE(pump(route, token, token + 300));
    CU_ASSERT_EQUAL(route->n_answers, token + 300);
    CU_ASSERT_EQUAL(n_wrong(route, 0, token + 300), 0);
    stop();
}

static void a_message_while_disconnected_or_beyond_the_window_is_lost_at_once(void)
{
    start(NULL);
    kill(broker, SIGSTOP);
    for (unsigned i = 0; i < 25; i++)
        rig_route_publish(route, i, "readings", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 6));
    CU_ASSERT_EQUAL(route->n_lost[24], 1);
    rig_process_stop(broker, SIGKILL);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_down, 1));
    rig_route_publish(route, 100, "readings", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 26));
    CU_ASSERT_EQUAL(route->n_lost[100], 1);
    CU_ASSERT_EQUAL(n_wrong(route, 0, 25), 0);
    broker = rig_broker_start(port, NULL);
    stop();
}

static void a_broker_that_never_acknowledges_loses_all_after_the_time_out(void)
{
    static const char *const args[] = {"--ack-timeout-ms", "300", NULL};
    struct fake_broker *fake = fake_broker_new(false);
    struct rig_route *r = rig_route_start(args);

    rig_route_config(r, "127.0.0.1", fake_broker_port(fake), false);
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_connected, 0));
    CU_ASSERT_EQUAL(r->window, 63);
    for (unsigned i = 0; i < 63; i++)
        rig_route_publish(r, i, "readings", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_down, 1));
    CU_ASSERT_EQUAL(r->n_answers, 63);
    CU_ASSERT_EQUAL(n_wrong(r, 0, 63), 0);
    CU_ASSERT_EQUAL(r->n_lost[62], 1);
    CU_ASSERT_EQUAL(fake_broker_n_publish(fake), 63);
    CU_ASSERT_PTR_NOT_NULL(strstr(r->text, "no acknowledgement"));
    CU_ASSERT_EQUAL(rig_route_end(r), CLEAN_EXIT);
    fake_broker_free(fake);
}

static void a_broker_that_closes_at_once_is_tried_again_with_back_off(void)
{
    struct fake_broker *fake = fake_broker_new(true);
    struct rig_route *r = rig_route_start(NULL);

    rig_route_config(r, "127.0.0.1", fake_broker_port(fake), false);
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_down, 3));
    CU_ASSERT_PTR_NOT_NULL(strstr(r->text, "retrying in"));
    CU_ASSERT_EQUAL(fake_broker_n_connect(fake), 3);
    CU_ASSERT_EQUAL(rig_route_end(r), CLEAN_EXIT);
    fake_broker_free(fake);
}

static void a_refused_connection_and_an_unknown_name_are_told(void)
{
    struct rig_route *r = rig_route_start(NULL);

    rig_route_config(r, "127.0.0.1", rig_free_port(), false);
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_down, 1));
    CU_ASSERT_EQUAL(rig_route_end(r), CLEAN_EXIT);
    r = rig_route_start(NULL);
    rig_route_config(r, "no.such.host.invalid", 1883, false);
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_down, 1));
    CU_ASSERT_PTR_NOT_NULL(strstr(r->text, "cannot resolve 'no.such.host.invalid'"));
    CU_ASSERT_EQUAL(rig_route_end(r), CLEAN_EXIT);
}

static void a_route_of_the_home_does_not_leave_it(void)
{
    struct rig_route *r = rig_route_start(NULL);

    /* no interface can have it */
    rig_route_config(r, "240.0.0.1", 1883, false);
    CU_ASSERT_TRUE(rig_route_wait(r, rig_is_down, 1));
    CU_ASSERT_PTR_NOT_NULL(strstr(r->text, "outside of the home's network"));
    CU_ASSERT_EQUAL(rig_route_end(r), CLEAN_EXIT);
}

static void a_command_arrives_with_its_expiry_and_retained_flag(void)
{
    struct mqtt_peer *peer;

    start(NULL);
    peer = mqtt_peer_new(port, NULL);
    mqtt_peer_publish(peer, "gw/s/g/cmd/abc", "{\"v\":1}", false, 30);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_messages, 1));
    CU_ASSERT_STRING_EQUAL(route->message_suffix, "cmd/abc");
    CU_ASSERT_STRING_EQUAL(route->message_payload, "{\"v\":1}");
    CU_ASSERT_EQUAL(route->message_retained, 0);
    CU_ASSERT_TRUE(route->message_expiry_s >= 28 && route->message_expiry_s <= 30);
    mqtt_peer_publish(peer, "gw/s/g/receipt/e1", "r", true, 0);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_messages, 2));
    CU_ASSERT_STRING_EQUAL(route->message_suffix, "receipt/e1");
    CU_ASSERT_EQUAL(route->message_retained, 1);
    CU_ASSERT_EQUAL(route->message_expiry_s, 0);
    mqtt_peer_free(peer);
    stop();
}

static void a_received_message_above_60_kib_does_not_reach_the_core(void)
{
    char *large = malloc(61441);
    struct mqtt_peer *peer;

    memset(large, 'x', 61440);
    start(NULL);
    peer = mqtt_peer_new(port, NULL);
    large[61440] = '\0';
    mqtt_peer_publish(peer, "gw/s/g/plan", large, false, 0);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_messages, 1));
    free(large);
    large = calloc(1, 61442);
    memset(large, 'x', 61441);
    mqtt_peer_publish(peer, "gw/s/g/plan", large, false, 0);
    mqtt_peer_publish(peer, "gw/s/g/plan", "after", false, 0);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_messages, 2));
    CU_ASSERT_STRING_EQUAL(route->message_payload, "after");
    free(large);
    mqtt_peer_free(peer);
    stop();
}

static void the_will_is_sent_when_the_route_dies_and_not_when_it_is_stopped(void)
{
    struct mqtt_peer *peer;

    start(NULL);
    peer = mqtt_peer_new(port, "gw/s/g/state");
    CU_ASSERT_EQUAL(rig_route_end(route), CLEAN_EXIT);
    route = rig_route_start(NULL);
    rig_route_config(route, "127.0.0.1", port, false);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_connected, 0));
    CU_ASSERT_EQUAL(mqtt_peer_n(peer), 0);
    rig_process_stop(route->pid, SIGKILL);
    route->gone = true;
    rig_route_end(route);
    CU_ASSERT_TRUE(mqtt_peer_wait(peer, 1));
    CU_ASSERT_PTR_NOT_NULL(strstr(mqtt_peer_payload(peer), "offline"));
    mqtt_peer_free(peer);
    rig_process_stop(broker, SIGTERM);
}

static void it_ends_when_the_core_is_gone_or_silent_and_leaves_the_will(void)
{
    struct mqtt_peer *peer;
    int64_t start_ns, silent_ms;
    int status;

    start(NULL);
    peer = mqtt_peer_new(port, "gw/s/g/state");
    route->no_heartbeats = true;
    start_ns = route->t_heartbeat_ns;
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_gone, 0));
    silent_ms = (clock_boot_ns() - start_ns) / CLOCK_NS_PER_MS;
    CU_ASSERT_TRUE(silent_ms >= 4900 && silent_ms < 7000);
    CU_ASSERT_TRUE(WIFEXITED(route->exit_status) && WEXITSTATUS(route->exit_status) == 1);
    rig_route_end(route);
    CU_ASSERT_TRUE(mqtt_peer_wait(peer, 1));
    route = rig_route_start(NULL);
    rig_route_config(route, "127.0.0.1", port, false);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_connected, 0));
    shutdown(channel_fd(route->channel), SHUT_RDWR);
    waitpid(route->pid, &status, 0);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    route->gone = true;
    rig_route_end(route);
    CU_ASSERT_TRUE(mqtt_peer_wait(peer, 2));
    mqtt_peer_free(peer);
    rig_process_stop(broker, SIGTERM);
}

static void stop_waits_for_what_is_in_flight(void)
{
    struct mqtt_peer *peer;

    start(NULL);
    peer = mqtt_peer_new(port, "gw/s/g/state");
    for (unsigned i = 0; i < 10; i++)
        rig_route_publish(route, i, "state", true, "offline");
    rig_route_send(route, ROUTE_MSG_STOP);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_gone, 0));
    CU_ASSERT_EQUAL(route->exit_status, CLEAN_EXIT);
    CU_ASSERT_EQUAL(route->n_answers, 10);
    CU_ASSERT_EQUAL(route->n_done[9], 1);
    CU_ASSERT_TRUE(mqtt_peer_wait(peer, 10));
    rig_route_end(route);
    mqtt_peer_free(peer);
    rig_process_stop(broker, SIGTERM);
}

static void sigterm_lets_the_core_say_stop_first(void)
{
    start(NULL);
    kill(route->pid, SIGTERM);
    rig_route_publish(route, 1, "state", true, "offline");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 1));
    CU_ASSERT_EQUAL(route->n_done[1], 1);
    stop();
}

/* ---- TLS --------------------------------------------------------------------------- */

static bool make_certificates(const char *name, const char *san, const char *dates)
{
    return rig_shell(
               "cd '%s' && exec >/dev/null 2>&1 && rm -rf ca && mkdir ca && : >ca/index "
               "&& "
               "echo 01 >ca/serial && "
               "printf "
               "'[ca]\\ndefault_ca=d\\n[d]\\ndatabase=ca/index\\nserial=ca/serial\\n"
               "new_certs_dir=ca\\ndefault_md=sha256\\npolicy=p\\nx509_extensions=e\\n"
               "[p]\\ncommonName=supplied\\n[e]\\nsubjectAltName=%s\\n' >ca.cnf && "
               "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
               "-keyout cakey.pem -out r.ca -subj /CN=test-ca -days 2 && "
               "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
               "-keyout %s.key -out csr.pem -subj /CN=server && "
               "openssl ca -batch -config ca.cnf -cert r.ca -keyfile cakey.pem "
               "-in csr.pem -out %s.crt %s",
               rig_dir(), san, name, name, dates) == 0;
}

static void start_tls(const char *san, const char *dates)
{
    char extra[900];

    CU_ASSERT_TRUE_FATAL(make_certificates("server", san, dates));
    snprintf(extra, sizeof extra, "certfile %s/server.crt\nkeyfile %s/server.key",
             rig_dir(), rig_dir());
    port = rig_free_port();
    broker = rig_broker_start(port, extra);
    route = rig_route_start(NULL);
    rig_route_config(route, "localhost", port, true);
}

static void stop_tls(void)
{
    CU_ASSERT_EQUAL(rig_route_end(route), CLEAN_EXIT);
    rig_process_stop(broker, SIGTERM);
    rig_shell("rm -f '%s'/r.ca", rig_dir());
}

static void tls_with_a_good_certificate_delivers(void)
{
    start_tls("DNS:localhost", "-days 1");
    CU_ASSERT_TRUE_FATAL(rig_route_wait(route, rig_is_connected, 0));
    rig_route_publish(route, 3, "readings", false, "x");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_has_answers, 1));
    CU_ASSERT_EQUAL(route->n_done[3], 1);
    CU_ASSERT_EQUAL(route->reason[3], 0x10);
    stop_tls();
}

static void tls_with_a_certificate_for_another_name_is_refused(void)
{
    start_tls("DNS:other.example", "-days 1");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_down, 1));
    CU_ASSERT_EQUAL(route->n_up, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(route->text, "certificate is for another name"));
    stop_tls();
}

static void tls_with_an_expired_certificate_is_refused(void)
{
    start_tls("DNS:localhost", "-startdate 20200101000000Z -enddate 20200201000000Z");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_down, 1));
    CU_ASSERT_EQUAL(route->n_up, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(route->text, "certificate verify failed"));
    stop_tls();
}

static void tls_with_an_unknown_issuer_is_refused(void)
{
    start_tls("DNS:localhost", "-days 1");
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_connected, 0));
    CU_ASSERT_EQUAL(rig_route_end(route), CLEAN_EXIT);
    rig_shell("rm -f '%s'/r.ca", rig_dir()); /* the system's store does not know it */
    route = rig_route_start(NULL);
    rig_route_config(route, "localhost", port, true);
    CU_ASSERT_TRUE(rig_route_wait(route, rig_is_down, 1));
    CU_ASSERT_EQUAL(route->n_up, 0);
    stop_tls();
}

static CU_TestInfo tests[] = {
    TEST(the_window_is_one_less_than_the_servers_receive_maximum),
    TEST(a_message_with_a_listener_is_done_with_reason_0),
    TEST(a_message_nobody_listens_to_is_done_with_reason_0x10),
    TEST(a_message_the_broker_refuses_is_done_with_its_reason),
    TEST(a_thousand_messages_pass_at_thousands_per_second),
    TEST(each_token_is_answered_once_when_the_broker_restarts_in_between),
    TEST(a_message_while_disconnected_or_beyond_the_window_is_lost_at_once),
    TEST(a_broker_that_never_acknowledges_loses_all_after_the_time_out),
    TEST(a_broker_that_closes_at_once_is_tried_again_with_back_off),
    TEST(a_refused_connection_and_an_unknown_name_are_told),
    TEST(a_route_of_the_home_does_not_leave_it),
    TEST(a_command_arrives_with_its_expiry_and_retained_flag),
    TEST(a_received_message_above_60_kib_does_not_reach_the_core),
    TEST(the_will_is_sent_when_the_route_dies_and_not_when_it_is_stopped),
    TEST(it_ends_when_the_core_is_gone_or_silent_and_leaves_the_will),
    TEST(stop_waits_for_what_is_in_flight),
    TEST(sigterm_lets_the_core_say_stop_first),
    CU_TEST_INFO_NULL,
};

static CU_TestInfo tls_tests[] = {
    TEST(tls_with_a_good_certificate_delivers),
    TEST(tls_with_a_certificate_for_another_name_is_refused),
    TEST(tls_with_an_expired_certificate_is_refused),
    TEST(tls_with_an_unknown_issuer_is_refused),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"route", NULL, NULL, NULL, NULL, tests},
                             {"route with TLS", NULL, NULL, NULL, NULL, tls_tests},
                             CU_SUITE_INFO_NULL};
    int rc;

    if (!rig_have_mosquitto()) {
        puts("skipped: needs mosquitto");
        return 77;
    }
    if (system("openssl version >/dev/null 2>&1") != 0) {
        puts("TLS tests left out: needs openssl");
        suites[1] = suites[2];
    }
    signal(SIGPIPE, SIG_IGN);
    rig_init();
    rc = suite_run(suites);
    rig_done();
    return rc;
}
