/*
 * An IMAP account as a replica: what the answer to SELECT says, and whether to believe it.
 *
 * While the answer to a SELECT comes, data may still be about the mailbox that was selected before.
 * CLOSED is the border (RFC 7162 section 3.2.11); a server that does not know it shows the border by
 * the first code that only SELECT gives, and what came before that may be about either mailbox: it is
 * taken for both, since a wrong number is put right by the right one or costs a comparison.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sync/imap-replica-private.h"

static bool is_select(const Command *head) {
        return head && (head->kind == COMMAND_SELECT || head->kind == COMMAND_EXAMINE);
}

static void begin(ImapReplica *r, const Command *head) {
        if (r->selecting.begun)
                return;

        r->selecting.begun = true;
        opened_set(r, &r->selected, head->opened);
}

/* Does the answer to a SELECT speak of the new mailbox alone now? */
static bool is_selecting(ImapReplica *r, const Command *head) {
        if (!is_select(head))
                return false;
        if (!r->selected)
                begin(r, head);

        return r->selecting.begun;
}

/* May what it says be about the mailbox that is being selected? And about the one that is? */
static bool is_about_new(ImapReplica *r, const Command *head) {
        return head && head->kind == COMMAND_SELECT && !r->selecting.taken;
}
static bool is_about_old(ImapReplica *r, const Command *head) {
        return !is_selecting(r, head) || r->selecting.taken ? r->selected != NULL : false;
}

static Keywords *keywords_of(const Opened *opened) {
        return opened && opened->mailbox ? opened->mailbox->keywords : NULL;
}

/* "\*": clients may make keywords (RFC 9051 section 7.1, PERMANENTFLAGS). */
static bool has_star(ByteView flags) {
        for (size_t i = 0; i + 1 < flags.size; i++)
                if (flags.data[i] == '\\' && flags.data[i + 1] == '*')
                        return true;

        return false;
}

/* With "\*" every keyword that there is or will be can be stored. */
static int parse_storable(const ImapReplica *r, const Opened *opened, ByteView flags,
                          MessageFlags *ret_storable, bool *ret_keywords) {
        MessageFlags storable;
        bool keywords = has_star(flags);
        int e;

        e = flags_parse(flags, keywords_of(opened), &storable);
        if (e == 0 && keywords)
                storable |= ~FLAGS_SYSTEM;
        if (e == 0)
                e = quirk_storable(r, opened, &storable, &keywords);
        if (e < 0)
                return e;

        *ret_storable = storable;
        *ret_keywords = keywords;
        return 0;
}

static int on_permanent_flags(ImapReplica *r, const Command *head, ByteView flags) {
        Selecting *s = &r->selecting;
        int e = 0;

        if (is_about_old(r, head)) {
                r->selected->has_storable = true;
                e = parse_storable(r, r->selected, flags, &r->selected->storable,
                                   &r->selected->storable_keywords);
        }
        if (e == 0 && is_about_new(r, head)) {
                s->has_permanent = true;
                e = parse_storable(r, head->opened, flags, &s->storable, &s->storable_keywords);
        }
        return e;
}

/* Who does not offer CONDSTORE may still say it; but then nobody can ask what came after it. */
static void on_highest_modseq(ImapReplica *r, const Command *head, uint64_t modseq) {
        if (!has_condstore(r))
                return;
        if (is_about_old(r, head))
                modseq_code(&r->selected->modseq, modseq);
        if (is_about_new(r, head))
                r->selecting.modseq = modseq;
}

/* Codes of untagged responses that tell of a mailbox. */
int selecting_code(ImapReplica *r, const Command *head, const ImapText *text) {
        switch (text->code) {
        case IMAP_CODE_CLOSED:
                if (is_select(head) && !r->selecting.begun) {
                        r->selecting = (Selecting){0};
                        begin(r, head);
                }
                return 0;

        case IMAP_CODE_UIDVALIDITY:
        case IMAP_CODE_UIDNEXT:
                if (!is_select(head))
                        return 0;
                begin(r, head);
                if (text->code == IMAP_CODE_UIDVALIDITY)
                        r->selecting.uidvalidity = (uint32_t) text->number[0];
                else
                        r->selecting.uidnext = (uint32_t) text->number[0];
                return 0;

        case IMAP_CODE_MAILBOXID:
                if (!is_select(head))
                        return 0;
                begin(r, head);
                object_take(r->selecting.object, text->object);
                return 0;

        case IMAP_CODE_HIGHESTMODSEQ:
                on_highest_modseq(r, head, text->number[0]);
                return 0;

        case IMAP_CODE_PERMANENTFLAGS:
                return on_permanent_flags(r, head, text->flags);

        default:
                return 0;
        }
}

/* RFC 9051 section 7.1: where PERMANENTFLAGS is missing, these are it. */
int selecting_flags(ImapReplica *r, const Command *head, ByteView flags) {
        if (!is_about_new(r, head))
                return 0;

        r->selecting.has_flags = true;
        return flags_parse(flags, keywords_of(head->opened), &r->selecting.flags);
}

/* The last one wins: some servers count up during SELECT. */
void selecting_exists(ImapReplica *r, const Command *head, uint32_t exists) {
        if (is_about_old(r, head))
                r->selected->exists = exists;
        if (is_about_new(r, head))
                r->selecting.exists = exists;
}

/* May the changes that the server tells be believed, going by the token that they are based on? A
 * server that lost its index lets the numbers go backwards and tells of no change. */
static bool is_believable(const Selecting *s, uint32_t uidvalidity, uint32_t uidnext,
                          uint64_t modseq, bool resumed) {
        if (s->uidvalidity != uidvalidity || s->early)
                return false;
        if (s->uidnext > 0 && s->uidnext < uidnext)
                return false;

        return s->modseq >= modseq || (s->modseq == 0 && !resumed);
}

static unsigned untold(const Job *job) {
        if (job->complete || job->rung == RUNG_QRESYNC)
                return 0;

        return job->rung == RUNG_CONDSTORE ? REPLICA_UNTOLD_EXPUNGES
                                           : REPLICA_UNTOLD_EXPUNGES | REPLICA_UNTOLD_FLAGS;
}

static int tell_opened(ImapReplica *r, const Opened *opened, Job *job) {
        Waiting *waiting = event_add(r, REPLICA_EVENT_OPENED);

        if (!waiting)
                return -ENOMEM;
        waiting->event.request = REPLICA_CHANGES;
        waiting->event.mailbox = job->mailbox;
        waiting->event.token = (ReplicaToken){
                .uidvalidity = opened->uidvalidity,
                .uidnext = opened->uidnext,
                .modseq = opened->modseq.safe,
        };
        waiting->event.exists = opened->exists;
        waiting->event.storable = opened->storable;
        waiting->event.storable_keywords = opened->storable_keywords;
        waiting->event.complete = job->complete;
        waiting->event.untold = untold(job);
        waiting->event.can_count = can_count(r);
        waiting->event.no_positions = may_be_uidonly(r);
        job->told_opened = true;
        if (!*opened->object)
                return 0;
        waiting->object = strdup(opened->object);
        return waiting->object ? 0 : -ENOMEM;
}

static int open_for_changes(ImapReplica *r, const Command *head) {
        const ReplicaToken *since = &head->job->since;
        Opened *opened = head->opened;
        Job *job = head->job;

        modseq_start(&opened->modseq, r->selecting.modseq);
        opened->lost_track = false;

        /* A listing of all flags, as it is already under way, is right whatever was known before. */
        if (since->uidvalidity > 0 && !(job->complete && job->want == REPLICA_WANT_FLAGS) &&
            !is_believable(&r->selecting, since->uidvalidity, since->uidnext, since->modseq,
                           job->rung >= RUNG_CONDSTORE)) {
                job->distrusted = true;
                job->complete = true;
        } else if (job->rung == RUNG_SEARCH && r->selecting.modseq > 0) {
                /* There are modseqs now, which say nothing of what came before them. */
                job->lists_known = true;
                job->complete = true;
        }

        return tell_opened(r, opened, job);
}

/* Selected for another request: only what QRESYNC has told since makes the new modseq a safe one. */
static void open_again(ImapReplica *r, const Command *head, uint32_t uidvalidity,
                       uint32_t uidnext) {
        Opened *opened = head->opened;
        const uint64_t since = opened->modseq.safe;
        const bool told = head->with_qresync &&
                          is_believable(&r->selecting, uidvalidity, uidnext, since, true);

        modseq_start(&opened->modseq, told ? r->selecting.modseq : 0);
        if (head->with_qresync && !told)
                opened->lost_track = true;
}

/* Enter what SELECT has said into the mailbox: with the first message that it tells of, or at its
 * end. */
static int take(ImapReplica *r, const Command *head) {
        const Selecting *s = &r->selecting;
        Opened *opened = head->opened;
        const uint32_t uidvalidity = opened->uidvalidity, uidnext = opened->uidnext;

        r->selecting.taken = true;
        opened->uidvalidity = s->uidvalidity;
        opened->uidnext = s->uidnext;
        opened->exists = s->exists;
        memcpy(opened->object, s->object, sizeof(s->object));
        opened->has_storable = s->has_permanent || s->has_flags;
        opened->storable = s->has_permanent ? s->storable : s->flags;
        opened->storable_keywords = s->has_permanent && s->storable_keywords;

        if (head->with_qresync && r->qresync == IMAP_ENABLED_OFF) {
                head->job->again = true;
                return 0;
        }
        if (head->job->kind == JOB_CHANGES && head->job->phase == JOB_FIRST)
                return open_for_changes(r, head);

        open_again(r, head, uidvalidity, uidnext);
        return 0;
}

/* A message is being told of. */
int selecting_data(ImapReplica *r, const Command *head) {
        if (!is_selecting(r, head) || head->kind != COMMAND_SELECT || r->selecting.taken)
                return 0;
        if (r->selecting.uidvalidity > 0)
                return take(r, head);

        r->selecting.early = true;
        return 0;
}

static int fail_select(ImapReplica *r, const Command *command, ReplicaOutcome outcome,
                       const char *what, ByteView words) {
        Opened *opened = command->opened;
        Job *job = command->job;
        int e;

        e = job_fail(job, outcome, what, words);
        if (e < 0)
                return e;

        e = opened_stay(r, opened); /* nobody will close what is not open */
        if (e < 0)
                return e;
        free(opened->failure_text);
        opened->failure = outcome;
        opened->failure_text = strdup(job->text ? job->text : "");
        return opened->failure_text ? 0 : -ENOMEM;
}

static int select_ok(ImapReplica *r, const Command *command, const ImapText *text) {
        Opened *opened = command->opened;
        int e = 0;

        begin(r, command);
        if (r->selecting.uidvalidity == 0) {
                opened_set(r, &r->selected, NULL);
                return fail_select(r, command, REPLICA_FAILED,
                                   "the server keeps no UIDs for this mailbox", BYTES_NULL);
        }

        if (text->code == IMAP_CODE_READ_ONLY) {
                r->selecting.has_permanent = true;
                r->selecting.storable = 0;
                r->selecting.storable_keywords = false;
        }
        if (!r->selecting.taken)
                e = take(r, command);
        if (e == 0 && command->job->kind == JOB_IDLE)
                e = tell_idle_status(r, opened);

        if (text->code == IMAP_CODE_READ_ONLY) {
                opened->storable = 0;
                opened->storable_keywords = false;
        }

        opened->failure = REPLICA_OK;
        opened->denied = false;
        return e;
}

/* A SELECT that fails leaves nothing selected (RFC 9051 section 6.3.2). */
static int select_refused(ImapReplica *r, const Command *command, const ImapText *text) {
        opened_set(r, &r->selected, NULL);

        if (command->with_qresync && r->qresync == IMAP_ENABLED_OFF) {
                command->opened->denied = true;
                command->job->again = true;
                return 0;
        }

        return fail_select(r, command, outcome_of(text, REPLICA_FAILED),
                           "the server cannot open the mailbox", text->text);
}

int selecting_tagged(ImapReplica *r, const Command *command, const ImapText *text) {
        int e;

        e = text->status == IMAP_OK ? select_ok(r, command, text)
                                    : select_refused(r, command, text);
        r->selecting = (Selecting){0};

        /* Later requests must select for themselves, but not those that rely on a SELECT which is
         * still under way. */
        if (!r->selected && r->n_selects_under_way == 0)
                opened_set(r, &r->tail, NULL);
        return e;
}
