/* SPDX-License-Identifier: Apache-2.0 */
/* Host names with a deadline; see resolver.h. */
#include "lib/mqtt/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/thread.h"
#include "lib/mqtt/interpose.h"

#define ADDRESS_SIZE 64
#define STACK_BYTES (256 * 1024)

struct answer {
    unsigned n;
    char addresses[RESOLVER_ADDRESSES_MAX][ADDRESS_SIZE];
    int error; /* EAI_*, 0 with addresses */
};

/* Shared by the owner and the thread; the last one frees it. */
struct job {
    pthread_mutex_t lock;
    unsigned refs;
    bool done;
    int wake_fd; /* the job's own duplicate */
    resolver_lookup_fn lookup;
    char host[256];
    struct answer answer;
};

struct resolver {
    resolver_lookup_fn lookup;
    int wake_fd;
    struct job *job; /* running, or done and not taken yet */
    bool asked;
    int64_t deadline_ns;
    char host[256];
    struct answer good; /* the last good answer, for `host` */
    unsigned next;
};

static int lookup_system(const char *host, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int rc = interpose_real_getaddrinfo(host, NULL, &hints, ret);

    /* AI_ADDRCONFIG does not count loopback: on a host with nothing else it finds
     * nothing */
    if (rc != 0) {
        hints.ai_flags = 0;
        if (rc != EAI_AGAIN)
            rc = interpose_real_getaddrinfo(host, NULL, &hints, ret);
    }
    return rc;
}

static void job_free(struct job *job)
{
    pthread_mutex_destroy(&job->lock);
    close(job->wake_fd);
    free(job);
}

static void job_unref(struct job *job)
{
    unsigned refs;

    if (!job)
        return;
    pthread_mutex_lock(&job->lock);
    refs = --job->refs;
    pthread_mutex_unlock(&job->lock);
    if (refs == 0)
        job_free(job);
}

static void answer_fill(struct answer *answer, const struct addrinfo *list)
{
    answer->n = 0;
    for (; list && answer->n < RESOLVER_ADDRESSES_MAX; list = list->ai_next)
        if (getnameinfo(list->ai_addr, list->ai_addrlen, answer->addresses[answer->n],
                        ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
            answer->n++;
}

static void *job_run(void *arg)
{
    struct job *job = arg;
    struct addrinfo *list = NULL;
    struct answer answer = {0};
    uint64_t one = 1;
    unsigned refs;

    answer.error = job->lookup(job->host, &list);
    if (answer.error == 0) {
        answer_fill(&answer, list);
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&job->lock);
    job->answer = answer;
    job->done = true;
    (void)!write(job->wake_fd, &one, sizeof one);
    /* in one step with `done`: who takes the answer is the last one */
    refs = --job->refs;
    pthread_mutex_unlock(&job->lock);
    if (refs == 0)
        job_free(job);
    return NULL;
}

struct resolver *resolver_new(resolver_lookup_fn lookup)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    if (!resolver)
        return NULL;
    resolver->lookup = lookup ? lookup : lookup_system;
    resolver->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolver->wake_fd < 0) {
        free(resolver);
        return NULL;
    }
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    job_unref(resolver->job);
    close(resolver->wake_fd);
    free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
    return resolver->wake_fd;
}

static struct job *job_new(const struct resolver *resolver)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->wake_fd = dup(resolver->wake_fd);
    if (job->wake_fd < 0) {
        free(job);
        return NULL;
    }
    pthread_mutex_init(&job->lock, NULL);
    job->refs = 2;
    job->lookup = resolver->lookup;
    memcpy(job->host, resolver->host, sizeof job->host);
    return job;
}

static int job_start(struct resolver *resolver)
{
    struct job *job = job_new(resolver);
    int rc;

    if (!job)
        return -ENOMEM;
    rc = thread_start(job_run, job, STACK_BYTES, NULL);
    if (rc < 0) {
        job->refs = 1;
        job_unref(job);
        return rc;
    }
    resolver->job = job;
    return 0;
}

static bool is_numeric(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || strchr(host, ':');
}

int resolver_start(struct resolver *resolver, const char *host)
{
    if (strcmp(host, resolver->host) != 0) {
        job_unref(resolver->job);
        resolver->job = NULL;
        memset(&resolver->good, 0, sizeof resolver->good);
        if (snprintf(resolver->host, sizeof resolver->host, "%s", host) >=
            (int)sizeof resolver->host)
            return -ENAMETOOLONG;
    }
    resolver->asked = true;
    resolver->deadline_ns = clock_boot_ns() + RESOLVER_TIMEOUT_MS * CLOCK_NS_PER_MS;
    if (is_numeric(host)) {
        resolver->good.n = 1;
        snprintf(resolver->good.addresses[0], ADDRESS_SIZE, "%s", host);
        return 0;
    }
    return resolver->job ? 0 : job_start(resolver);
}

int64_t resolver_deadline_ns(const struct resolver *resolver)
{
    return resolver->asked ? resolver->deadline_ns : INT64_MAX;
}

/* True when the look-up is over; its answer is taken. */
static bool take_answer(struct resolver *resolver, int *ret_error)
{
    struct job *job = resolver->job;
    bool done;

    pthread_mutex_lock(&job->lock);
    done = job->done;
    if (done && job->answer.error == 0 && job->answer.n > 0)
        resolver->good = job->answer;
    *ret_error = job->answer.error ? job->answer.error : EAI_NONAME;
    pthread_mutex_unlock(&job->lock);
    if (done) {
        job_unref(job);
        resolver->job = NULL;
    }
    return done;
}

int resolver_result(struct resolver *resolver, char *ret, size_t size)
{
    bool late = clock_boot_ns() >= resolver->deadline_ns, pending = resolver->job != NULL;
    int error = EAI_NONAME;
    uint64_t n;

    (void)!read(resolver->wake_fd, &n, sizeof n);
    if (pending)
        pending = !take_answer(resolver, &error);
    if (pending && !late)
        return -EAGAIN;
    resolver->asked = false;
    if (resolver->good.n > 0) {
        snprintf(ret, size, "%s",
                 resolver->good.addresses[resolver->next++ % resolver->good.n]);
        return 0;
    }
    snprintf(ret, size, "%s",
             pending ? "no answer from the resolver" : gai_strerror(error));
    return pending ? -ETIMEDOUT : -EHOSTUNREACH;
}

unsigned resolver_n_addresses(const struct resolver *resolver)
{
    return resolver->good.n;
}
