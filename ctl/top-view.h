#pragma once

/*
 * What the live view shows: gathered from answers to Status and from events, drawn as one frame
 *
 * Nothing here touches the terminal or the clock; times are usec, those of the monotonic clock where a parameter
 * is called now_usec. Functions return 0, -ENOMEM, or a negative errno from sd-bus.
 */

#include <systemd/sd-bus.h>

#include "ctl/row.h"
#include "ctl/text.h"

enum {
        TOP_EVENTS = 64, /* the latest are kept */
        TOP_WORKS = 16,  /* mailboxes at work that are shown */
};

/* The traffic of an account between the last two answers. */
typedef struct TopRate {
        char *name; /* owned */
        uint64_t bytes_in, bytes_out;
        uint64_t in_rate, out_rate; /* a second */
        bool seen;                  /* in the latest answer */
} TopRate;

/* A mailbox whose messages are being transferred. */
typedef struct TopWork {
        char *subject; /* owned, escaped: "work/INBOX"; NULL: this place is free */
        uint64_t done, total, bytes, total_bytes;
        uint64_t heard_usec;
} TopWork;

typedef struct TopView {
        sd_bus_message *reply; /* a reference; the rows borrow from it */
        Rows accounts;
        uint64_t asked_usec; /* when the answer came */
        TopRate *rates;      /* owned */
        size_t n_rates;
        TopWork works[TOP_WORKS];
        char *events
                [TOP_EVENTS]; /* owned, a line each without newline, escaped; the youngest last */
        bool is_bad[TOP_EVENTS];
        size_t n_events;
} TopView;

#define TOP_VIEW_NULL ((TopView){})

void top_view_done(TopView *view);

/* Take in an answer to Status. Traffic and works that have gone quiet are forgotten. */
int top_view_take(TopView *view, sd_bus_message *reply, uint64_t now_usec);

/* Take in an event. */
int top_view_event(TopView *view, const Row *event, uint64_t now_usec);

/* Is anything under way, so that the next second looks different? */
bool top_view_moves(const TopView *view);

/* Draw at most @n_rows lines, which fit the width, with a newline between two. */
int top_view_draw(const TopView *view, const Screen *screen, size_t n_rows, Buffer *buffer);
