#pragma once

/*
 * The highest modseq of a selected mailbox that is safe to commit (pure; RFC 7162 section 6)
 *
 * A MODSEQ must never be taken at receipt: the server may hold back an expunge with a lower one until
 * the command is over. So it is taken at tagged responses only: the HIGHESTMODSEQ code if one came
 * since the last tagged response, even if FETCH responses told of higher ones; else the highest of
 * those.
 *
 * With NOTIFY in effect, and not for the selected mailbox, nothing is told of what others change there
 * (RFC 5465, section 5), and yet Dovecot tells the HIGHESTMODSEQ in any tagged response: what others did
 * before is below it. There only a modseq that is surely of a change of ours is safe: the next one, after an
 * APPEND. It is not so after a STORE or EXPUNGE, which changes nothing where another client was faster, nor
 * after a FETCH.
 */

#include <stdint.h>

typedef struct Modseq {
        uint64_t safe; /* 0: the mailbox has none (NOMODSEQ), or is not known */
        uint64_t seen; /* the highest of FETCH since the last tagged response */
        uint64_t code; /* the last HIGHESTMODSEQ since then; 0: none came */
} Modseq;

/* A new SELECT: what its HIGHESTMODSEQ says, 0 if it has none. */
void modseq_start(Modseq *modseq, uint64_t highest);

void modseq_fetch(Modseq *modseq, uint64_t value);
void modseq_code(Modseq *modseq, uint64_t value);

/* A tagged response, other than that of CLOSE, whose expunges nobody is told of. @rise: by how much the safe
 * modseq may rise: UINT64_MAX where the server tells what others change, else the changes that are surely ours. */
void modseq_tagged(Modseq *modseq, uint64_t rise);
