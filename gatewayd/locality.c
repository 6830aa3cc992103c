/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the resolver in a thread of its own; see locality.h. */
#include "gatewayd/locality.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/thread.h"
#include "lib/consent/consent.h"

#define STACK_BYTES (128 * 1024)

struct locality {
    struct loop_calls *calls;
    void (*answer)(void *ctx, bool found, bool is_local);
    void *ctx;
    bool found, is_local;
    char host[256];
};

static void on_answer(void *arg)
{
    struct locality *question = arg;

    if (question->answer)
        question->answer(question->ctx, question->found, question->is_local);
    free(question);
}

static void look_up(struct locality *question)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;

    if (getaddrinfo(question->host, NULL, &hints, &list) != 0 || !list)
        return;
    question->found = question->is_local = true;
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        char text[64] = "";

        getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof text, NULL, 0,
                    NI_NUMERICHOST);
        question->is_local &= consent_address_is_local(text);
    }
    freeaddrinfo(list);
}

/* getaddrinfo has no bound that can be relied on, so nobody waits for this thread. */
static void *ask_main(void *arg)
{
    struct locality *question = arg;
    struct loop_calls *calls = question->calls;

    look_up(question);
    if (loop_calls_post(calls, on_answer, question) < 0)
        free(question);
    loop_calls_unref(calls);
    return NULL;
}

static bool is_literal(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

struct locality *locality_ask(struct loop_calls *calls, const char *host,
                              void (*answer)(void *ctx, bool found, bool is_local),
                              void *ctx)
{
    struct locality *question;

    if (strcmp(host, "localhost") == 0 || is_literal(host)) {
        answer(ctx, true,
               strcmp(host, "localhost") == 0 || consent_address_is_local(host));
        return NULL;
    }
    question = calloc(1, sizeof *question);
    if (question) {
        question->calls = loop_calls_ref(calls);
        question->answer = answer;
        question->ctx = ctx;
        snprintf(question->host, sizeof question->host, "%s", host);
    }
    if (question && thread_start(ask_main, question, STACK_BYTES, NULL) == 0)
        return question;
    if (question)
        loop_calls_unref(calls);
    free(question);
    answer(ctx, false, false);
    return NULL;
}

void locality_cancel(struct locality *question)
{
    question->answer = NULL;
}
