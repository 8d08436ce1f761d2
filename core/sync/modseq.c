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

/* What the tagged response makes of it, if it is believed. */
static uint64_t told(const Modseq *modseq) {
        if (modseq->code > 0)
                return modseq->code;
        return modseq->seen > modseq->safe ? modseq->seen : modseq->safe;
}

void modseq_tagged(Modseq *modseq, uint64_t rise) {
        const uint64_t now = told(modseq);

        /* Where nothing is known to be safe, what comes later is not either. */
        if (modseq->safe > 0 && (now <= modseq->safe || now - modseq->safe <= rise))
                modseq->safe = now;

        modseq->seen = 0;
        modseq->code = 0;
}
