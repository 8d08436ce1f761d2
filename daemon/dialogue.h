#pragma once

/*
 * The IMAP dialogue for a person who debugs: lines said and heard, without secrets and mail
 *
 *      work: C: a1 LOGIN ***
 *      work: S: * 3 FETCH (UID 7 BODY[] {2041}
 *      work: S: (2041 bytes)
 *      work: S: )
 *
 * Bytes go in as they travel, in any pieces; whole lines come out, foreign bytes escaped, long ones
 * cut. What follows LOGIN and the mechanism of AUTHENTICATE is struck out, so are its challenges and the
 * answers to them. Literals, and the strings of a FETCH's BODY and RFC822, are only counted.
 */

#include "base/bytes.h"
#include "base/macro.h"

typedef struct Dialogue Dialogue;

/* @line: without a line end, valid during the call. */
typedef void (*DialogueFn)(const char *line, void *userdata);

/* Return: 0, or -ENOMEM. */
int dialogue_new(DialogueFn on_line, void *userdata, Dialogue **ret_dialogue);
Dialogue *dialogue_free(Dialogue *dialogue);

void dialogue_said(Dialogue *dialogue, ByteView bytes);  /* by the client */
void dialogue_heard(Dialogue *dialogue, ByteView bytes); /* from the server */

/* Forget the line that the server has begun: it was no IMAP, but what follows COMPRESS. */
void dialogue_forget(Dialogue *dialogue);

DEFINE_CLEANUP(Dialogue *, dialogue_free)
