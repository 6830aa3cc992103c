/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the core and gateway-route. Bodies as in wire.h. */
#ifndef GATEWAYD_CHANNEL_ROUTE_MSG_H
#define GATEWAYD_CHANNEL_ROUTE_MSG_H

enum route_msg {
    /* core -> route */
    ROUTE_MSG_CONFIG = 1,  /* str name, str host, u32 port, u8 tls, str client_id, str
                            * credentials (its files are this + NAME.user and so on; ""
                            * none), str prefix ("gw/SITE/ID/"), str will_payload (retained
                            * on prefix "state"), u32 n_subscriptions {str topic suffix},
                            * u32 max_window, u8 home_only (no address outside of the home's
                            * own networks) */
    ROUTE_MSG_PUBLISH = 2, /* u64 token, u8 retain, u32 expiry_s (0 none), str topic suffix,
                            * bytes payload; QoS 1 */
    ROUTE_MSG_HEARTBEAT = 3, /* each 1 s; missing for 5 s or EOF: exit */
    ROUTE_MSG_STOP = 4,      /* publish nothing more, DISCONNECT cleanly, exit 0 */
    /* route -> core */
    ROUTE_MSG_STATE = 32,   /* u8 connected, u32 window (messages the route takes at a time),
                             * str text ("connection refused, retrying in 8 s") */
    ROUTE_MSG_DONE = 33,    /* u64 token, u32 reason (MQTT 5; 0x00 delivered, 0x10 nobody
                             * listens, >= 0x80 refused) */
    ROUTE_MSG_LOST = 34,    /* u64 token: not confirmed, hand it again when connected */
    ROUTE_MSG_MESSAGE = 35, /* str topic suffix, u8 retained, u32 expiry_s (0: none given),
                             * bytes payload */
    ROUTE_MSG_LOG = 36,     /* u8 level, str text */
    ROUTE_MSG_ALIVE = 37,   /* each 1 s */
};

#endif
