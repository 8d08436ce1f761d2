/* An IMAP account as a replica: the server asks us to wait. */

#include <errno.h>
#include <stdlib.h>

#include "base/foreign.h"
#include "sync/imap-replica-private.h"

/* So much of the server's words is shown. */
#define WORDS_MAX 200

/* Of several, such as the refusals of all that was pipelined, the widest and longest counts. */
int note_back_off(ImapReplica *r, const ImapText *text) {
        const ImapBackOff told = imap_back_off(text);
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;
        int e;

        if (told.scope < IMAP_BACK_OFF_SESSION)
                return 0;

        r->back_off.scope = MAX(r->back_off.scope, told.scope);
        r->back_off.usec = MAX(r->back_off.usec, told.usec);
        e = foreign_append(&words, text->text, WORDS_MAX);
        if (e < 0)
                return e;
        free(r->back_off_words);
        r->back_off_words = buffer_steal_string(&words);
        return r->back_off_words ? 0 : -ENOMEM;
}

ImapBackOff imap_replica_peek_back_off(const ImapReplica *r) {
        return r->back_off;
}

ImapBackOff imap_replica_take_back_off(ImapReplica *r) {
        const ImapBackOff told = r->back_off;

        r->back_off = (ImapBackOff){0};
        return told;
}

const char *imap_replica_back_off_words(const ImapReplica *r) {
        return r->back_off_words ? r->back_off_words : "";
}
