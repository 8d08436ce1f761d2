#pragma once

/*
 * What was done to the files of an account since a hook was last told: how many, in which mailboxes, and
 * their paths, a line each
 *
 * It never fails: what does not fit, or finds no memory, is only counted, and the batch says that its list
 * is not complete.
 */

#include "base/bytes.h"

#define CHANGE_BATCH_MAX_PATHS     10000u
#define CHANGE_BATCH_MAX_BYTES     ((size_t) 4 * 1024 * 1024)
#define CHANGE_BATCH_MAX_MAILBOXES ((size_t) 8 * 1024) /* bytes: they go into the environment */

typedef enum ChangeKind {
        CHANGE_NEW,     /* came from the server */
        CHANGE_CHANGED, /* its flags or its mailbox, there; here its file has another name */
        CHANGE_REMOVED, /* is not on the server any more */
        CHANGE_LOCAL,   /* the other way: what another program did here went to the server */
        _CHANGE_MAX,
} ChangeKind;

typedef struct ChangeBatch {
        uint64_t counts[_CHANGE_MAX];
        size_t n_paths;
        Buffer paths;           /* ended by a line feed each */
        Buffer mailboxes;       /* the same; each once */
        bool paths_are_missing; /* there are more */
        bool mailboxes_are_missing;
} ChangeBatch;

#define CHANGE_BATCH_NULL ((ChangeBatch){0})

void change_batch_done(ChangeBatch *batch);

bool change_batch_is_empty(const ChangeBatch *batch);

/* @path: NULL if it is not known. One that holds a line feed is none. */
void change_batch_add(ChangeBatch *batch, ChangeKind kind, uint64_t n, const char *mailbox,
                      const char *path);

/* Append what came @later, which is empty after. */
void change_batch_join(ChangeBatch *batch, ChangeBatch *later);

/**
 * change_batch_due() - when a hook is to be told
 * @first, @last: when the first and the last change came
 *
 * Once nothing has come for @delay, but thirty times @delay behind the first at the latest: so an hour of
 * mail is few batches, and none waits for its end. The same clock throughout, usec.
 */
uint64_t change_batch_due(uint64_t first, uint64_t last, uint64_t delay);
