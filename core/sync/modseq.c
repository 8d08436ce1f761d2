/* The highest modseq that is safe to commit. */

#include "sync/modseq.h"

void modseq_start(Modseq *modseq, uint64_t highest) {
        *modseq = (Modseq){.safe = highest};
}

void modseq_fetch(Modseq *modseq, uint64_t value) {
        if (value > modseq->seen)
                modseq->seen = value;
}

/* 0 is what some servers say for "unknown now": it takes nothing back. */
void modseq_code(Modseq *modseq, uint64_t value) {
        if (value > 0)
                modseq->code = value;
}

void modseq_tagged(Modseq *modseq) {
        /* Where nothing is known to be safe, what comes later is not either. */
        if (modseq->safe > 0 && modseq->code > 0)
                modseq->safe = modseq->code;
        else if (modseq->safe > 0 && modseq->seen > modseq->safe)
                modseq->safe = modseq->seen;

        modseq->seen = 0;
        modseq->code = 0;
}
