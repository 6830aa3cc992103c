/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders onto devices (OUTAGE 6.1): each wanted value is written under a lease, renewed
 * at half of it, read back within 2 s, and told when the device does not follow. A value
 * that is the point's failsafe is released instead: nothing has to be kept up then. On
 * the loop.
 */
#ifndef GATEWAYD_CONTROL_ACTUATE_H
#define GATEWAYD_CONTROL_ACTUATE_H

#include "gatewayd/control/ports.h"

#define ACTUATORS_MAX 96 /* circuits, set-points and requests of one site */
#define ACTUATE_FEEDBACK_MS 2000

struct actuator_config {
    char name[CONTROL_NAME_MAX];
    struct control_ref ref;
    bool is_bool, is_permille; /* else W */
    double failsafe, tolerance;
    uint32_t lease_ms;
};

enum actuator_follows { FOLLOWS_UNKNOWN, FOLLOWS_YES, FOLLOWS_NO };

struct actuator_now {
    bool has_want;
    double want;
    bool is_commanded; /* `value` was taken by the device */
    bool has_value;    /* `value` was read from it, before we ordered anything */
    double value;
    int64_t since_ms;  /* boot time of the last change of `value` */
    enum actuator_follows follows; /* NO: the feedback differs for longer than 2 s */
    uint32_t n_failures; /* writes in a row that failed or read back another value */
};

struct actuate;

/* ports is borrowed. NULL: no memory. */
struct actuate *actuate_new(const struct control_ports *ports);
/* Only when no write is unanswered (writes_stop). NULL is fine. */
void actuate_free(struct actuate *actuate);
/* The actuators from now on, known by name: those that stay keep what they hold; those
 * that go are released. Index i is list[i] until the next call. */
void actuate_configure(struct actuate *actuate, const struct actuator_config *list,
                       uint32_t n);
/* From now on this value is wanted. at_once: it does not wait for the journal. */
void actuate_want(struct actuate *actuate, uint32_t index, double value, bool at_once);
/* Nothing is wanted any more: released to its failsafe, if we hold it. */
void actuate_leave(struct actuate *actuate, uint32_t index);
/* Nothing is wanted any more, and nothing is written: it stands as it stands. */
void actuate_forget(struct actuate *actuate, uint32_t index);
/* Sends what is due; returns the boot time in ms of the next thing to do, INT64_MAX:
 * none. */
int64_t actuate_step(struct actuate *actuate, int64_t t_boot_ms);
/* The same for one actuator alone. */
void actuate_step_one(struct actuate *actuate, uint32_t index, int64_t t_boot_ms);
/* A person looked after it: what was undone until now is forgiven. */
void actuate_forgive(struct actuate *actuate);
/* While held, who undoes an order is let: it stands as they left it. */
void actuate_hold(struct actuate *actuate, bool is_held);
/* Did somebody else undo our order three times within 10 min, though the device obeys? */
bool actuate_is_overturned(const struct actuate *actuate, uint32_t index,
                           int64_t t_boot_ms);
/* Its point, "device.point". */
const char *actuate_name(const struct actuate *actuate, uint32_t index);
void actuate_get(const struct actuate *actuate, uint32_t index, struct actuator_now *ret);
/* The device was lost or our writes were undone: everything is sent again. */
void actuate_repeat(struct actuate *actuate, uint32_t device);

struct actuate_stats {
    uint64_t n_switched; /* changes of a wanted value */
    uint64_t n_writes, n_failed, n_mismatches;
};
void actuate_get_stats(const struct actuate *actuate, struct actuate_stats *ret);

#endif
