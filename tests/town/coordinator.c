/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in of the community's coordinator for the town test: readings and the receiving
 * point's grid message in by MQTT, the planner of lib/microgrid/dispatch, a plan message
 * for each home out. Nothing is stored. Its clock runs SPEED times as fast for the
 * planner. coordinator PORT HOMES STEP_S REPEAT_S VALID_S SPEED
 */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/microgrid/dispatch/community.h"
#include "lib/mqtt/mqtt.h"

#define HOMES_MAX 64
#define SITE "gw/town/"
/* a receiving point that is silent for longer is not spoken for */
#define HEARD_MS 5000

struct home {
    struct dispatch_report report;
    bool has_report;
    char body[300]; /* of the last plan, without its id */
    unsigned id;
    int64_t sent_ms;
    bool is_due;
};

struct coordinator {
    struct mqtt *mqtt;
    uint16_t port;
    unsigned n_homes, valid_s;
    int64_t step_ms, repeat_ms, t_step_ms, t_connect_ms, t_heard_ms;
    double speed;
    bool is_connecting, is_up;
    char state[24]; /* of the receiving point; "": not known */
    struct dispatch_area_report area;
    struct dispatch_setup setup;
    struct dispatch_home known[HOMES_MAX];
    struct dispatch_storage storage;
    struct home homes[HOMES_MAX];
    struct community_planner *planner;
};

static int64_t now_ms(void)
{
    return clock_boot_ns() / CLOCK_NS_PER_MS;
}

/* ---- what the community is ------------------------------------------------------------
 */

static void set_up(struct coordinator *me)
{
    static const struct dispatch_class_rule classes[DISPATCH_CLASSES] = {
        {.weight = 100    },
        { .weight = 10, .min_on_s = 300, .min_off_s = 300},
        { .weight = 3,  .min_on_s = 300, .min_off_s = 300},
        { .weight = 1,  .min_on_s = 600, .min_off_s = 600},
        { .weight = 1,  .min_on_s = 600, .min_off_s = 600}
    };
    static const double mean_w[DISPATCH_CLASSES] = {100, 120, 300, 500, 1200};

    me->storage = (struct dispatch_storage){.is_grid_forming = true,
                                            .home = -1,
                                            .capacity_wh = 125000,
                                            .soc_min = 0.1,
                                            .soc_max = 1,
                                            .soc_reserve = 0.1,
                                            .max_charge_w = 100000,
                                            .max_discharge_w = 100000,
                                            .eta_charge = 0.95,
                                            .eta_discharge = 0.95};
    for (unsigned h = 0; h < me->n_homes; h++) {
        me->known[h] = (struct dispatch_home){.service_limit_w = 6000};
        memcpy(me->known[h].mean_w, mean_w, sizeof mean_w);
    }
    me->setup = (struct dispatch_setup){.n_homes = me->n_homes,
                                        .n_storages = 1,
                                        .homes = me->known,
                                        .storages = &me->storage,
                                        .import_limit_w = 200000,
                                        .max_island_w = 150000,
                                        .frequency_hz = 50,
                                        .frequency_slope_hz = 1};
    memcpy(me->setup.classes, classes, sizeof classes);
    me->area = (struct dispatch_area_report){
        .pv_w = -1, .n_storages = 1, .is_connected = {true}};
    me->planner = community_new(&me->setup);
}

/* ---- what is heard
 * --------------------------------------------------------------------- */

static void hear_home(struct home *home, const json_t *values)
{
    static const char *const powers[] = {NULL, "p1_w", "p2_w", "p3_w", "p4_w"};
    static const char *const switches[] = {NULL, "fridge", "kettle", "washer", "heater"};

    home->report =
        (struct dispatch_report){.circuit_w = {100}, .on_mask = 1, .stored_soc = -1};
    for (unsigned c = 1; c < DISPATCH_CLASSES; c++) {
        home->report.circuit_w[c] = json_number_value(json_object_get(values, powers[c]));
        if (json_is_true(json_object_get(values, switches[c])))
            home->report.on_mask |= 1U << c;
    }
    home->has_report = true;
}

static void hear_area(struct coordinator *me, const json_t *values)
{
    const json_t *soc = json_object_get(values, "soc_permille");

    if (!json_is_number(soc))
        return;
    me->area.soc[0] = json_number_value(soc) / 1000;
    me->area.power_w[0] = json_number_value(json_object_get(values, "power_w"));
    me->t_heard_ms = now_ms();
}

static void hear_readings(struct coordinator *me, const char *gateway, const json_t *root)
{
    const json_t *record, *values;
    unsigned home, i;

    json_array_foreach(json_object_get(root, "records"), i, record)
    {
        values = json_object_get(record, "values");
        if (strncmp(gateway, "station/", 8) == 0)
            hear_area(me, values);
        else if (sscanf(gateway, "home-%u/", &home) == 1 && home < me->n_homes)
            hear_home(&me->homes[home], values);
    }
}

static void hear_grid(struct coordinator *me, const json_t *root)
{
    const char *state = json_string_value(json_object_get(root, "state"));

    if (!state || strcmp(state, me->state) == 0)
        return;
    snprintf(me->state, sizeof me->state, "%s", state);
    printf("%.3f the receiving point is %s\n", (double)now_ms() / 1000, state);
    me->t_step_ms = 0; /* the homes are told at once */
}

static void hear(struct coordinator *me, const struct mqtt_message *message)
{
    json_t *root = json_loadb(message->payload, message->len, 0, NULL);
    const char *gateway = message->topic + strlen(SITE);

    if (root && strcmp(gateway, "station/grid") == 0)
        hear_grid(me, root);
    else if (root && strstr(gateway, "/readings"))
        hear_readings(me, gateway, root);
    json_decref(root);
}

/* ---- what is said
 * ----------------------------------------------------------------------- */

static const char *body_of(struct coordinator *me, unsigned h, char *text, size_t size)
{
    static const char *const modes[] = {"normal", "storm", "island"};
    const struct dispatch_plan *plan = community_plan_of(me->planner, h);

    snprintf(text, size,
             "\"valid_s\":%u,\"mode\":\"%s\",\"state\":\"%s\",\"soc_permille\":%.0f,"
             "\"power_w\":%.0f,\"p_max\":\"P%d\",\"reason\":\"test\"}",
             me->valid_s, modes[plan->mode], me->state, me->area.soc[0] * 1000,
             plan->power_w, (int)plan->p_max);
    return text;
}

static void plan(struct coordinator *me, int64_t t_ms)
{
    const double t_s = (double)t_ms / 1000 * me->speed;
    const struct dispatch_time time = {.now_s = t_s, .local_s = 19 * 3600};
    char body[300];

    me->area.is_grid_up = strcmp(me->state, "GRID_OK") == 0;
    for (unsigned h = 0; h < me->n_homes; h++)
        if (me->homes[h].has_report)
            community_report(me->planner, h, &me->homes[h].report);
    community_area_report(me->planner, &me->area);
    community_plan(me->planner, &time, (double)me->step_ms / 1000 * me->speed);
    for (unsigned h = 0; h < me->n_homes; h++) {
        struct home *home = &me->homes[h];

        home->has_report = false;
        body_of(me, h, body, sizeof body);
        if (strcmp(body, home->body) != 0) {
            strcpy(home->body, body);
            home->id++;
            home->is_due = true;
        } else if (t_ms - home->sent_ms >= me->repeat_ms) {
            home->is_due = true;
        }
    }
}

static void say(struct coordinator *me, int64_t t_ms)
{
    for (unsigned h = 0; h < me->n_homes && me->is_up; h++) {
        struct home *home = &me->homes[h];
        char topic[80], payload[400];
        struct mqtt_publication publication = {
            .topic = topic, .payload = payload, .expiry_s = me->valid_s};

        if (!home->is_due)
            continue;
        snprintf(topic, sizeof topic, SITE "home-%02u/plan", h);
        publication.len =
            (size_t)snprintf(payload, sizeof payload, "{\"v\":1,\"plan\":\"%d-%u\",%s",
                             getpid(), home->id, home->body);
        if (mqtt_publish(me->mqtt, &publication) < 0)
            return; /* the window is full: the rest goes when it opens */
        home->is_due = false;
        home->sent_ms = t_ms;
    }
}

/* ---- its life
 * ------------------------------------------------------------------------------ */

static void on_event(struct coordinator *me, const struct mqtt_event *event)
{
    static const char *const topics[] = {SITE "station/grid", SITE "+/readings"};

    if (event->kind == MQTT_CONNECTED) {
        mqtt_subscribe(me->mqtt, 2, topics);
    } else if (event->kind == MQTT_SUBSCRIBED) {
        me->is_up = true;
        puts("connected");
    } else if (event->kind == MQTT_DISCONNECTED) {
        printf("disconnected: %s\n", event->text);
        me->is_up = me->is_connecting = false;
        me->state[0] = 0;
        me->t_heard_ms = 0;
    }
}

static void turn(struct coordinator *me)
{
    struct mqtt_event event;
    struct mqtt_message *message;
    int64_t t_ms = now_ms();

    while (mqtt_next(me->mqtt, &event))
        on_event(me, &event);
    while ((message = mqtt_take_message(me->mqtt))) {
        hear(me, message);
        mqtt_message_free(message);
    }
    if (!me->is_connecting && t_ms - me->t_connect_ms >= 500) {
        me->t_connect_ms = t_ms;
        me->is_connecting =
            mqtt_connect(me->mqtt, "127.0.0.1", "127.0.0.1", me->port) == 0;
    }
    if (!me->is_up || !me->state[0] || t_ms - me->t_heard_ms > HEARD_MS)
        return;
    if (t_ms - me->t_step_ms >= me->step_ms) {
        me->t_step_ms = t_ms;
        plan(me, t_ms);
    }
    say(me, t_ms);
}

static int take_signals(void)
{
    sigset_t mask;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    return signalfd(-1, &mask, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    static struct coordinator me;
    const struct mqtt_options options = {
        .client_id = "coordinator", .inbox_messages = 4096, .inbox_bytes = 16 << 20};
    struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};

    if (argc != 7)
        return 2;
    fds[0].fd = take_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    me.port = (uint16_t)atoi(argv[1]);
    me.n_homes =
        (unsigned)atoi(argv[2]) < HOMES_MAX ? (unsigned)atoi(argv[2]) : HOMES_MAX;
    me.step_ms = atoi(argv[3]) * 1000;
    me.repeat_ms = atoi(argv[4]) * 1000;
    me.valid_s = (unsigned)atoi(argv[5]);
    me.speed = atof(argv[6]);
    set_up(&me);
    me.mqtt = mqtt_new(&options);
    if (!me.mqtt || !me.planner)
        return 1;
    fds[1].fd = mqtt_fd(me.mqtt);
    while (poll(fds, 2, 100) >= 0 && !fds[0].revents)
        turn(&me);
    mqtt_free(me.mqtt);
    community_free(me.planner);
    return 0;
}
