/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that calls getaddrinfo for all buses of a host; see resolver.h. */
#include "lib/host/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/thread.h"

#define STACK_BYTES (256 * 1024)
#define MAX_NAMES 64
#define GOOD_FOR_NS (60 * CLOCK_NS_PER_S)
#define RETRY_NS (5 * CLOCK_NS_PER_S)

struct name {
    char name[256];
    char address[INET6_ADDRSTRLEN]; /* "": none yet */
    int64_t ask_again_boot_ns;
    bool is_wanted;
};

struct resolver {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct name names[MAX_NAMES];
    unsigned n, refs;
    bool has_thread, quit;
    void (*answered)(void *ctx);
    void *ctx;
};

struct resolver *resolver_new(void (*answered)(void *ctx), void *ctx)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    if (!resolver)
        return NULL;
    pthread_mutex_init(&resolver->lock, NULL);
    pthread_cond_init(&resolver->changed, NULL);
    resolver->refs = 1;
    resolver->answered = answered;
    resolver->ctx = ctx;
    return resolver;
}

/* Called with the lock, gives it back. A lookup can take minutes, so whoever is last
 * frees. */
static void unref_unlock(struct resolver *resolver)
{
    bool is_last = --resolver->refs == 0;

    pthread_mutex_unlock(&resolver->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->lock);
    resolver->quit = true;
    pthread_cond_signal(&resolver->changed);
    unref_unlock(resolver);
}

bool resolver_lookup(const char *name, char ret_address[INET6_ADDRSTRLEN])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    bool found;

    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return false;
    found = getnameinfo(list->ai_addr, list->ai_addrlen, ret_address, INET6_ADDRSTRLEN,
                        NULL, 0, NI_NUMERICHOST) == 0;
    freeaddrinfo(list);
    return found;
}

static struct name *find_wanted(struct resolver *resolver)
{
    for (unsigned i = 0; i < resolver->n; i++)
        if (resolver->names[i].is_wanted)
            return &resolver->names[i];
    return NULL;
}

static void look_up(struct resolver *resolver, struct name *name)
{
    char address[INET6_ADDRSTRLEN];
    bool found;

    pthread_mutex_unlock(&resolver->lock);
    found = resolver_lookup(name->name, address); /* the text never changes once set */
    pthread_mutex_lock(&resolver->lock);
    name->is_wanted = false;
    name->ask_again_boot_ns = clock_boot_ns() + (found ? GOOD_FOR_NS : RETRY_NS);
    if (!found)
        return;
    snprintf(name->address, sizeof name->address, "%s", address);
    if (resolver->answered && !resolver->quit)
        resolver->answered(resolver->ctx);
}

static void *run(void *arg)
{
    struct resolver *resolver = arg;
    struct name *name;

    pthread_mutex_lock(&resolver->lock);
    while (!resolver->quit) {
        name = find_wanted(resolver);
        if (name)
            look_up(resolver, name);
        else
            pthread_cond_wait(&resolver->changed, &resolver->lock);
    }
    unref_unlock(resolver);
    return NULL;
}

/* Called with the lock. */
static void start_thread(struct resolver *resolver)
{
    if (thread_start(run, resolver, STACK_BYTES, NULL) == 0) {
        resolver->has_thread = true;
        resolver->refs++;
    }
}

static struct name *find_or_add(struct resolver *resolver, const char *text)
{
    struct name *name;

    for (unsigned i = 0; i < resolver->n; i++)
        if (strcmp(resolver->names[i].name, text) == 0)
            return &resolver->names[i];
    if (resolver->n == MAX_NAMES || strlen(text) >= sizeof name->name)
        return NULL;
    name = &resolver->names[resolver->n++];
    snprintf(name->name, sizeof name->name, "%s", text);
    return name;
}

bool resolver_get(struct resolver *resolver, const char *text,
                  char ret_address[INET6_ADDRSTRLEN])
{
    unsigned char binary[sizeof(struct in6_addr)];
    struct name *name;
    bool found = false;

    if (inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1) {
        snprintf(ret_address, INET6_ADDRSTRLEN, "%s", text);
        return true;
    }
    pthread_mutex_lock(&resolver->lock);
    name = find_or_add(resolver, text);
    if (name) {
        if (clock_boot_ns() >= name->ask_again_boot_ns)
            name->is_wanted = true;
        if (name->is_wanted && !resolver->has_thread)
            start_thread(resolver);
        pthread_cond_signal(&resolver->changed);
        found = name->address[0] != '\0';
        if (found)
            snprintf(ret_address, INET6_ADDRSTRLEN, "%s", name->address);
    }
    pthread_mutex_unlock(&resolver->lock);
    return found;
}
