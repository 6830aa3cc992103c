/* SPDX-License-Identifier: Apache-2.0 */
/* The local history; see query.h. On the caller's thread. */
#include "gatewayd/history/query.h"

#include <errno.h>

int history_open(struct store *store, struct history **ret_history)
{
    (void)store;
    (void)ret_history;
    return -ENOTSUP;
}

void history_close(struct history *history)
{
    (void)history;
}

int history_query(struct history *history, const struct history_query *query,
                  struct history_answer *ret_answer)
{
    (void)history;
    (void)query;
    *ret_answer = (struct history_answer){0};
    return -ENOTSUP;
}

const char *energy_flow_name(enum energy_flow flow)
{
    static const char *const names[ENERGY_FLOWS] = {"import",    "export",     "charge",
                                                    "discharge", "production", "consumption"};

    return (unsigned)flow < ENERGY_FLOWS ? names[flow] : "";
}

int energy_query(struct history *history, const struct energy_query *query,
                 struct history_answer *ret_answer)
{
    (void)history;
    (void)query;
    *ret_answer = (struct history_answer){0};
    return -ENOTSUP;
}
