/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request from an API thread to the loop: see api_post.h. The eventfd lets the API
 * wait for the answer and for its own end at once.
 */
#include "gatewayd/api/api_post.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"

struct api_post {
    struct api_post_request request;
    char value_text[VALUE_STRING_MAX + 1];
    int done_fd;
    pthread_mutex_t lock; /* guards all below */
    unsigned refs;
    bool is_done;
    struct api_post_result result;
};

static atomic_uint n_posts;

unsigned api_post_count(void)
{
    return atomic_load(&n_posts);
}

const char *api_outcome_name(enum api_outcome outcome)
{
    static const char *const names[] = {
        [API_CONFIRMED] = "confirmed", [API_ACCEPTED] = "accepted",
        [API_REFUSED] = "refused",     [API_FAILED] = "failed",
        [API_NOT_FOUND] = "not-found",
    };

    return (unsigned)outcome < sizeof names / sizeof *names ? names[outcome] : "failed";
}

/* Copies a value whose string, if it is one, then lives in `text`. */
static struct gw_value keep_value(const struct gw_value *value,
                                  char text[VALUE_STRING_MAX + 1])
{
    struct gw_value kept = *value;

    if (value->type == GW_TYPE_STRING) {
        snprintf(text, VALUE_STRING_MAX + 1, "%s", value->v.s ? value->v.s : "");
        kept.v.s = text;
    }
    return kept;
}

struct api_post *api_post_new(const struct api_post_request *request)
{
    struct api_post *post = calloc(1, sizeof *post);

    if (!post)
        return NULL;
    post->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (post->done_fd < 0) {
        free(post);
        return NULL;
    }
    pthread_mutex_init(&post->lock, NULL);
    post->request = *request;
    post->request.value = keep_value(&request->value, post->value_text);
    post->refs = 2;
    atomic_fetch_add(&n_posts, 1);
    return post;
}

const struct api_post_request *api_post_get(const struct api_post *post)
{
    return &post->request;
}

void api_post_unref(struct api_post *post)
{
    bool is_last;

    pthread_mutex_lock(&post->lock);
    is_last = --post->refs == 0;
    pthread_mutex_unlock(&post->lock);
    if (!is_last)
        return;
    close(post->done_fd);
    pthread_mutex_destroy(&post->lock);
    free(post->result.text);
    free(post);
    atomic_fetch_sub(&n_posts, 1);
}

void api_post_finish(struct api_post *post, enum api_outcome outcome, const char *text,
                     const struct gw_value *readback)
{
    uint64_t one = 1;

    pthread_mutex_lock(&post->lock);
    post->result.outcome = outcome;
    post->result.text = text && *text ? strdup(text) : NULL;
    if (readback)
        post->result.readback = keep_value(readback, post->result.readback_text);
    post->is_done = true;
    if (write(post->done_fd, &one, sizeof one) < 0)
        post->is_done = true; /* cannot fail on a fresh eventfd; is_done decides anyway */
    pthread_mutex_unlock(&post->lock);
    api_post_unref(post);
}

static int take_result(struct api_post *post, struct api_post_result *ret_result)
{
    int rc = -ETIMEDOUT;

    pthread_mutex_lock(&post->lock);
    if (post->is_done) {
        *ret_result = post->result;
        if (ret_result->readback.type == GW_TYPE_STRING)
            ret_result->readback.v.s = ret_result->readback_text;
        post->result.text = NULL;
        rc = 0;
    }
    pthread_mutex_unlock(&post->lock);
    return rc;
}

int api_post_wait(struct api_post *post, int stop_fd, int timeout_ms,
                  struct api_post_result *ret_result)
{
    int64_t end_ns = clock_boot_ns() + timeout_ms * CLOCK_NS_PER_MS;
    struct pollfd fds[2] = {
        {.fd = post->done_fd, .events = POLLIN},
        {.fd = stop_fd,       .events = POLLIN}
    };
    int64_t left_ns;

    while (!(fds[0].revents | fds[1].revents)) {
        left_ns = end_ns - clock_boot_ns();
        if (left_ns <= 0)
            break;
        if (poll(fds, 2, (int)(left_ns / CLOCK_NS_PER_MS) + 1) < 0 && errno != EINTR)
            break;
    }
    if (!fds[0].revents && fds[1].revents)
        return -ECANCELED;
    return take_result(post, ret_result);
}
