/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gatewayd plugin interface, ABI 1.
 *
 * A plugin is a shared object that exports one function, gw_plugin_init(). It speaks one
 * kind of bus (Modbus, GPIO, ...). The host process loads it and runs one thread per bus;
 * every callback of a bus is made on that bus's thread, never two at once.
 *
 * Division of labour: the plugin makes ONE attempt per call and returns an error class.
 * When to try again, back-off, circuit breaking, staleness, scaling, limits, leases and
 * failsafes belong to the host. A plugin never sleeps for longer than the timeouts of its
 * own configuration, starts no process and installs no signal handler.
 *
 * Compatibility: structs grow at the end only; each begins with struct_size, filled in by
 * whoever allocates it, and the other side uses min(both sizes). Enumerations grow at the
 * end only. A plugin built against an older header keeps running; it must accept unknown
 * enumeration values. All strings are UTF-8, NUL-terminated, and borrowed for the call
 * unless stated otherwise.
 */
#ifndef GATEWAY_PLUGIN_H
#define GATEWAY_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_PLUGIN_ABI 1u

/* ---- values ------------------------------------------------------------------------ */

enum gw_type {
    GW_TYPE_NONE = 0, /* no value (only together with a quality other than GW_GOOD) */
    GW_TYPE_BOOL = 1,
    GW_TYPE_INT = 2,     /* int64 */
    GW_TYPE_UINT = 3,    /* uint64 */
    GW_TYPE_FLOAT32 = 4, /* IEEE 754 single as the device sent it */
    GW_TYPE_FLOAT64 = 5,
    GW_TYPE_STRING = 6, /* at most 255 bytes of UTF-8 */
};

/* One value as the device means it, before the host applies the point's scale and offset.
 * Strings are borrowed for the duration of the call they are passed to. */
struct gw_value {
    uint32_t type; /* enum gw_type */
    uint32_t reserved;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        float f;
        double d;
        const char *s;
    } v;
};

/* Quality travels with every reading (DESIGN: the way of a reading). */
enum gw_quality {
    GW_GOOD = 0,
    GW_UNCERTAIN = 1,
    GW_STALE = 2,     /* set by the host only */
    GW_TIMEOUT = 3,   /* device silent */
    GW_LINK_DOWN = 4, /* no way to the device: port gone, connection refused */
    GW_DEVICE_ERROR = 5,
    GW_OUT_OF_RANGE = 6,
    GW_SUBSTITUTED = 7,
};

/* Outcome of one attempt. */
enum gw_result {
    GW_OK = 0,
    GW_ERR_TIMEOUT = 1,     /* no reply in time; the device may be dead */
    GW_ERR_LINK = 2,        /* the link of the whole bus is down; host backs the bus off */
    GW_ERR_PROTOCOL = 3,    /* a reply that is not an answer to the request; value unusable */
    GW_ERR_DEVICE = 4,      /* the device answered with an error; detail = its code */
    GW_ERR_CONFIG = 5,      /* configuration cannot work; host does not retry */
    GW_ERR_UNSUPPORTED = 6, /* this plugin or device cannot do that */
    GW_ERR_BUSY = 7,        /* device or line is busy; retry soon is sensible */
    GW_ERR_MISMATCH = 8,    /* write was accepted, read-back differs */
    GW_ERR_INTERNAL = 9,    /* no memory and the like */
};

/* ---- configuration ----------------------------------------------------------------- */

enum gw_option_type {
    GW_OPT_STRING = 0,
    GW_OPT_BOOL = 1,
    GW_OPT_INT = 2,      /* decimal or 0x */
    GW_OPT_FLOAT = 3,
    GW_OPT_DURATION = 4, /* "5 s", "200 ms"; read with get_int, in milliseconds */
    GW_OPT_ENUM = 5,     /* one of the words of `words`; read with get_string */
    GW_OPT_INT_LIST = 6, /* [1, 0x10, 20..29]: read as a string "1,16,20-29" */
};

/* Where an option may stand. */
enum gw_scope {
    GW_SCOPE_BUS = 0,
    GW_SCOPE_DEVICE = 1, /* also allowed at the top of a map */
    GW_SCOPE_POINT = 2,
};

#define GW_OPTION_REQUIRED 1u /* must be given */
#define GW_OPTION_RESOURCE 2u /* names a device node that the core opens, see get_fd */
#define GW_OPTION_NO_NUMBER 4u /* a STRING that must be a name: 17 or gpiochip0 is an error */

/* One row of the declarative configuration table. The core checks the YAML against it
 * before the plugin sees anything; the end of the table is a row whose key is NULL. */
struct gw_option {
    const char *key;
    uint32_t scope; /* enum gw_scope */
    uint32_t type;  /* enum gw_option_type */
    uint32_t flags;
    uint32_t reserved;
    const char *fallback; /* default as text, or NULL: absent */
    double min, max;      /* for INT, FLOAT (own unit) and DURATION (ms); both 0: any */
    const char *words;    /* ENUM: "tcp rtu rtu-over-tcp" */
    const char *help;     /* one line for people */
};

/* A checked block of configuration; opaque, lives until close(). Read it with the get_*
 * services, which fill in the table's defaults. */
struct gw_config;

struct gw_point {
    size_t struct_size;
    const char *name;
    const struct gw_config *config;
    uint32_t interval_ms;
    uint32_t writable; /* 0 or 1 */
};

struct gw_device {
    size_t struct_size;
    const char *name;
    const struct gw_config *config;
    uint32_t n_points;
    uint32_t reserved;
    const struct gw_point *points; /* n_points of them, each point_stride bytes apart */
    size_t point_stride;
};

/* ---- reading plan ------------------------------------------------------------------ */

/* One request to a device, as the host schedules it. */
struct gw_request {
    size_t struct_size;
    uint32_t id;          /* the plugin's own number, unique within the device */
    uint32_t interval_ms; /* how often the host makes it; 0: never (event driven) */
    uint64_t cost_us;     /* predicted time on the line, turnaround and silence included */
    uint32_t timeout_ms;  /* longest time one attempt may take */
    uint32_t n_points;
    const uint32_t *points; /* indexes into gw_device.points that this request yields */
    const char *text;       /* for people: "holding 100..139 (40 registers, 2 unused)" */
};

/* Opaque receivers, valid for the one call they are passed to. */
struct gw_plan;
struct gw_sink;

/* ---- services of the host ---------------------------------------------------------- */

enum gw_log_level { GW_LOG_ERROR = 3, GW_LOG_WARNING = 4, GW_LOG_INFO = 6, GW_LOG_DEBUG = 7 };

/* The table of services; valid from open() to the return of close(), bus thread only
 * (get_boot_ns and log: any thread). `ctx` is always the table's own ctx. */
struct gw_services {
    size_t struct_size;
    uint32_t abi;
    uint32_t reserved;
    void *ctx;

    void (*log)(void *ctx, int level, const char *text);
    int64_t (*get_boot_ns)(void *ctx); /* CLOCK_BOOTTIME */

    /* Configuration: the value or the table's default. get_string gives NULL and the others
     * `absent` when there is neither. */
    const char *(*get_string)(const struct gw_config *config, const char *key);
    int64_t (*get_int)(const struct gw_config *config, const char *key, int64_t absent);
    double (*get_float)(const struct gw_config *config, const char *key, double absent);
    bool (*get_bool)(const struct gw_config *config, const char *key, bool absent);

    /* Descriptor of the bus's option `key` marked GW_OPTION_RESOURCE: opened and locked by
     * the core. -1 while the resource is gone (errno says why); ask again at the next
     * attempt. The plugin borrows it: never close it. After an I/O error that means the
     * port is gone (EIO, ENXIO, EBADF) call drop_fd; the core opens it again later. */
    int (*get_fd)(void *ctx, const char *key);
    void (*drop_fd)(void *ctx, const char *key);

    /* describe(): adds one request to the plan being made. The host copies it. */
    int (*plan_add)(struct gw_plan *plan, const struct gw_request *request);

    /* read() and ready(): one reading of point index `point`. `detail` is the device's
     * error code with GW_DEVICE_ERROR, else 0. The host copies the value. */
    void (*emit)(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
                 uint32_t quality, int32_t detail);
    /* read(), write(): what went wrong, for people; the last text of a call wins. */
    void (*fail)(struct gw_sink *sink, int32_t detail, const char *text);
    /* read(): the plan changed (a request was bisected); the host calls describe() again
     * after this call. */
    void (*plan_changed)(struct gw_sink *sink);
    /* ready(): the readings that follow are of this device and happened at this time
     * (CLOCK_BOOTTIME; 0: now). read() needs no such call. */
    void (*set_device)(struct gw_sink *sink, uint32_t device, int64_t t_boot_ns);

    /* An address for a host name without blocking the bus thread: an IPv4 or IPv6 literal,
     * or NULL while it is being looked up or cannot be found (ask at the next attempt).
     * Valid until the next call. */
    const char *(*resolve)(void *ctx, const char *host_name);

    /* read(): a time in between, for liveness in a request of several exchanges. */
    void (*progress)(void *ctx);
};

/* ---- the plugin -------------------------------------------------------------------- */

/* Found things, one call each; `yaml` is a device block as a user would write it. */
typedef void (*gw_found_fn)(void *ctx, const char *text, const char *yaml);

/* The descriptor. Static, read-only, valid for ever. Required: open, describe, read, close. */
struct gw_plugin {
    size_t struct_size; /* sizeof(struct gw_plugin) as the plugin was compiled */
    uint32_t abi;       /* GW_PLUGIN_ABI as the plugin was compiled */
    uint32_t reserved;
    const char *name;        /* "modbus": equals the file name without .so */
    const char *version;     /* of the plugin */
    const char *description; /* one line */
    const struct gw_option *options;

    /* Makes a bus from its checked configuration; allocates, does no device I/O.
     * GW_OK and *ret_bus, or an error class (text through `log`). */
    int (*open)(const struct gw_services *services, const struct gw_config *bus_config,
                void **ret_bus);

    /* Binds device number `device` (0..) of the bus and adds its requests to `plan`.
     * Called once per device after open, and again after plan_changed; `info` lives until
     * close. GW_ERR_CONFIG refuses the device; the bus goes on without it. */
    int (*describe)(void *bus, uint32_t device, const struct gw_device *info,
                    struct gw_plan *plan);

    /* One attempt at one request; emits one reading for each of its points. On a result
     * other than GW_OK the host marks the points of the request that were not emitted. */
    int (*read)(void *bus, uint32_t device, uint32_t request_id, struct gw_sink *sink);

    /* Frees all; no device I/O beyond closing what was opened. */
    void (*close)(void *bus);

    /* ---- optional from here on ---- */

    /* One attempt at writing one point, raw (scale already undone by the host). On GW_OK
     * with *ret_readback.type != NONE the device confirmed by read-back. */
    int (*write)(void *bus, uint32_t device, uint32_t point, const struct gw_value *value,
                 struct gw_value *ret_readback, struct gw_sink *sink);

    /* Event sources: a descriptor to poll for input, or -1; ready() is called when it is
     * readable and emits what happened, after set_device. */
    int (*fd)(void *bus);
    int (*ready)(void *bus, struct gw_sink *sink);

    /* Checks a bus configuration beyond the table, without I/O; text through `fail`. */
    int (*check)(const struct gw_services *services, const struct gw_config *bus_config,
                 struct gw_sink *sink);

    /* Looks for devices on the bus; calls found() for each. */
    int (*scan)(void *bus, gw_found_fn found, void *ctx);
};

/* The one exported symbol: the descriptor, or NULL when `host_abi` is unusable to it. */
#define GW_PLUGIN_EXPORT __attribute__((visibility("default")))
GW_PLUGIN_EXPORT const struct gw_plugin *gw_plugin_init(uint32_t host_abi);

#ifdef __cplusplus
}
#endif

#endif
