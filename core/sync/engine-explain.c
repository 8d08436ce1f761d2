/*
 * The engine, explaining: what the state has of one message, and what would be done with it
 *
 * Asked for by a person. Nothing is changed, no side is asked, and the cost is that of a few look-ups; what the
 * server says of the message now may be given (engine_inspect()).
 */

#include <errno.h>
#include <stdio.h>

#include "store/maildir-name.h"
#include "sync/run-private.h"

void engine_explanation_done(EngineExplanation *explanation) {
        free(explanation->flags);
        free(explanation->remote_flags);
        free(explanation->file);
        free(explanation->parked);
        free(explanation->verdict);
        *explanation = ENGINE_EXPLANATION_NULL;
}

static int find_base(const SyncMailbox *mailbox, EngineExplanation *explanation, Side side,
                     BaseMessage *ret_message) {
        BaseMessage message;
        int r;

        r = state_db_find(mailbox->engine->db, mailbox->state.id, side, explanation->uid[side],
                          &message);
        if (r != 0)
                return r < 0 ? r : 0;
        for (Side s = 0; s < _SIDE_MAX; s++)
                explanation->uid[s] = message.uid[s];
        explanation->is_known = true;
        explanation->is_apart = message.apart != 0;
        *ret_message = message;
        return 0;
}

static int format_flags(SyncMailbox *mailbox, MessageFlags flags, char **ret_text) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = sync_mailbox_load_keywords(mailbox);

        if (r >= 0)
                r = flags_format(flags, &mailbox->keywords, &text);
        if (r < 0)
                return r;
        *ret_text = buffer_steal_string(&text);
        return *ret_text ? 0 : -ENOMEM;
}

/* The number that a file has, if it has one. */
static int find_file(const SyncMailbox *mailbox, const char *file, EngineExplanation *explanation) {
        const ByteView base = maildir_name_base(bytes_of(file));
        int r;

        explanation->file = bytes_dup(base);
        if (!explanation->file)
                return -ENOMEM;
        r = state_db_file_find(mailbox->engine->db, mailbox->state.id, explanation->file,
                               &explanation->uid[SIDE_LOCAL]);
        return r < 0 ? r : 0;
}

static int find_parked(const SyncMailbox *mailbox, EngineExplanation *explanation) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                int r;

                if (explanation->uid[side] == 0)
                        continue;
                r = state_db_parked_reason(mailbox->engine->db, mailbox->state.id, side,
                                           explanation->uid[side], &explanation->parked);
                if (r < 0)
                        return r;
                if (r == 0) {
                        explanation->parked_side = side;
                        return 0;
                }
        }
        return 0;
}

/* Was it being copied when something came in between? */
static int find_intent(const SyncMailbox *mailbox, EngineExplanation *explanation) {
        for (Side side = 0; side < _SIDE_MAX; side++) {
                Intent intent;
                int r;

                if (explanation->uid[side_other(side)] == 0)
                        continue;
                r = state_db_intent_find(mailbox->engine->db, mailbox->state.id, side,
                                         explanation->uid[side_other(side)], &intent);
                if (r < 0)
                        return r;
                explanation->is_begun |= r == 0;
        }
        return 0;
}

static int say_known(const SyncMailbox *mailbox, bool apart, Buffer *out) {
        const bool is_pending =
                (mailbox->run && mailbox->run->inspects == 0) || sync_mailbox_is_marked(mailbox);
        int r;

        r = buffer_append_string(out, "Both sides have it, and agreed on these flags.");
        if (r == 0 && apart)
                r = buffer_append_string(out,
                                         " Other flags differ, and are left so: the direction did "
                                         "not let one side follow.");
        if (r == 0 && (mailbox->held[SIDE_REMOTE] > 0 || mailbox->held[SIDE_LOCAL] > 0))
                r = buffer_append_string(out,
                                         " Deletions are held in this mailbox, perhaps its own: "
                                         "see “imapsyncctl held”.");
        else if (r == 0 && is_pending)
                r = buffer_append_string(out,
                                         " Something has changed in the mailbox; if it was this "
                                         "message, the run that is due carries it over.");
        else if (r == 0)
                r = buffer_append_string(out, " No change is known: nothing is to be done.");
        return r;
}

static int say_parked(const EngineExplanation *explanation, Buffer *out) {
        const char *only = side_name(explanation->parked_side);

        if (strcmp(explanation->parked, STATE_DB_DEFERRED) == 0)
                return buffer_append_format(
                        out,
                        "It is on the %s side only: larger than the policy lets "
                        "through. It follows when another policy does.",
                        only);
        if (strcmp(explanation->parked, STATE_DB_ALONE) == 0)
                return buffer_append_format(
                        out,
                        "It is on the %s side only, and stays so: the direction did not let the "
                        "other side follow.",
                        only);
        if (strcmp(explanation->parked, STATE_DB_LARGE) == 0)
                return buffer_append_format(
                        out,
                        "It is on the %s side only: larger than size-limit. It follows when the "
                        "limit is raised.",
                        only);
        if (strcmp(explanation->parked, STATE_DB_OLD) == 0)
                return buffer_append_format(
                        out,
                        "It is on the %s side only: older than age-limit. It follows when the "
                        "limit is raised.",
                        only);
        if (strcmp(explanation->parked, STATE_DB_SURPLUS) == 0)
                return buffer_append_format(
                        out,
                        "It is on the %s side only: not among the newest, as many as count-limit "
                        "has. It follows when the limit is raised.",
                        only);
        if (strcmp(explanation->parked, STATE_DB_EVICTED) == 0)
                return buffer_append_string(
                        out, "It is beyond age-limit or count-limit: the next run removes it "
                             "here. The server keeps it.");
        return buffer_append_format(
                out,
                "It is on the %s side only, since it was refused: %s. It is tried "
                "again when its mailbox is named by “imapsyncctl sync”.",
                only, explanation->parked);
}

/* A UID of the server that the base does not have. */
static int say_unknown_uid(const EngineExplanation *explanation, Buffer *out) {
        if (explanation->uid[SIDE_REMOTE] >= explanation->uidnext)
                return buffer_append_format(
                        out,
                        "UIDs from %u on have not been looked at: if the server "
                        "has it, the next run copies it.",
                        MAX(explanation->uidnext, 1u));
        return buffer_append_string(out,
                                    "It was dealt with, and the two sides do not have it in "
                                    "common: it is gone, or it was never there. Nothing is to be "
                                    "done.");
}

static int say(const SyncMailbox *mailbox, const EngineExplanation *explanation, Buffer *out) {
        const bool is_file = explanation->file && !explanation->is_known;

        if (mailbox->left_out)
                return buffer_append_format(out, "The mailbox is not synchronised: %s.",
                                            mailbox->left_out);
        if (explanation->is_known)
                return say_known(mailbox, explanation->is_apart, out);
        if (explanation->parked)
                return say_parked(explanation, out);
        if (explanation->is_begun)
                return buffer_append_string(out,
                                            "It was being copied when something came in between. "
                                            "The next run looks whether it has arrived, and copies "
                                            "it if not.");
        if (is_file && explanation->uid[SIDE_LOCAL] > 0)
                return buffer_append_string(out,
                                            "It is on the local side only: the next run copies it "
                                            "to the server.");
        if (is_file)
                return buffer_append_string(out,
                                            "The file is not known: if it is in the mailbox, the "
                                            "next run copies it to the server.");
        return explanation->uid[SIDE_REMOTE] > 0 ? say_unknown_uid(explanation, out) : 0;
}

/* --- and what the server says --- */

static bool is_renumbered(const EngineExplanation *explanation, const EngineInspection *now) {
        return now->uidvalidity > 0 && explanation->uidvalidity > 0 &&
               now->uidvalidity != explanation->uidvalidity;
}

/* The base has it. Return: what comes of what the server says; NULL: nothing. */
static const char *judge_known(const SyncMailbox *mailbox, const EngineInspection *now,
                               MessageFlags agreed) {
        if (!now->is_there && !sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_DELETE))
                return "The server does not have it any more; the direction lets the local side "
                       "keep it.";
        if (!now->is_there)
                return "The server does not have it any more: the next run deletes it on the local "
                       "side, unless too many are gone at once.";
        if (now->message.flags == agreed)
                return NULL;
        return sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_FLAGS)
                       ? "The server has other flags than both sides agreed on: the next run gives "
                         "them to the local side."
                       : "The server has other flags than both sides agreed on; the direction does "
                         "not let the local side follow.";
}

static const char *judge_unknown(const SyncMailbox *mailbox, const EngineExplanation *explanation,
                                 const EngineInspection *now) {
        if (explanation->parked || explanation->is_begun)
                return NULL;
        if (!now->is_there)
                return "The server has no message with this UID: nothing is to be done.";
        if (explanation->uid[SIDE_REMOTE] < explanation->uidnext)
                return "The server has it, and the two sides do not have it in common though it "
                       "was "
                       "dealt with: “imapsyncctl verify” compares the mailbox.";
        return sync_mailbox_may(mailbox, SIDE_LOCAL, DEED_ADD)
                       ? "The server has it: the next run copies it to the local side."
                       : "The server has it; the direction leaves it there.";
}

static const char *judge(const SyncMailbox *mailbox, const EngineExplanation *explanation,
                         const EngineInspection *now, MessageFlags agreed) {
        if (now->failure)
                return NULL;
        if (is_renumbered(explanation, now))
                return "The server has numbered its messages anew: its UIDs are not those of the "
                       "base any more. The next run compares both sides.";
        if (explanation->is_known)
                return mailbox->held[SIDE_REMOTE] > 0 && !now->is_there
                               ? NULL
                               : judge_known(mailbox, now, agreed);
        return judge_unknown(mailbox, explanation, now);
}

static int conclude(const SyncMailbox *mailbox, EngineExplanation *explanation,
                    const EngineInspection *now, MessageFlags agreed) {
        const char *verdict = now ? judge(mailbox, explanation, now, agreed) : NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = verdict ? buffer_append_string(&text, verdict) : say(mailbox, explanation, &text);

        if (r >= 0 && mailbox->error)
                r = buffer_append_format(&text, "%sIts mailbox has a problem: %s",
                                         text.size > 0 ? " " : "", mailbox->error);
        if (r < 0)
                return r;
        explanation->verdict = buffer_steal_string(&text);
        return explanation->verdict ? 0 : -ENOMEM;
}

/* @ret_base: all 0 if the base does not have it. */
static int look_up(SyncMailbox *mailbox, const char *file, EngineExplanation *explanation,
                   BaseMessage *ret_base) {
        const bool has_files = mailbox->engine->replica[SIDE_LOCAL]->gives_numbers;
        BaseMessage base = {};
        int r = 0;

        if (file[0])
                r = find_file(mailbox, file, explanation);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX && !explanation->is_known; side++)
                if (explanation->uid[side] > 0)
                        r = find_base(mailbox, explanation, side, &base);
        if (r >= 0 && explanation->is_known && has_files && !explanation->file)
                r = state_db_file_name(mailbox->engine->db, mailbox->state.id,
                                       explanation->uid[SIDE_LOCAL], &explanation->file);
        if (r >= 0)
                r = format_flags(mailbox, base.flags & base_flags(&base, SIDE_LOCAL),
                                 &explanation->flags);
        if (r >= 0 && !explanation->is_known)
                r = find_parked(mailbox, explanation);
        if (r >= 0 && !explanation->is_known)
                r = find_intent(mailbox, explanation);
        if (r >= 0)
                *ret_base = base;
        return r;
}

int engine_explain(Engine *engine, const char *name, uint32_t uid, const char *file,
                   const EngineInspection *now, EngineExplanation *ret_explanation) {
        _cleanup_(engine_explanation_done) EngineExplanation explanation = ENGINE_EXPLANATION_NULL;
        SyncMailbox *mailbox = engine_lookup(engine, name);
        BaseMessage base;
        int r;

        if (!mailbox)
                return STATE_DB_E_NONE;
        explanation.uid[SIDE_REMOTE] = uid;
        explanation.uidvalidity = mailbox->state.token[SIDE_REMOTE].uidvalidity;
        explanation.uidnext = mailbox->state.token[SIDE_REMOTE].uidnext;
        explanation.modseq = mailbox->state.token[SIDE_REMOTE].modseq;
        r = look_up(mailbox, file, &explanation, &base);
        if (r >= 0)
                r = format_flags(mailbox, now && now->is_there ? now->message.flags : 0,
                                 &explanation.remote_flags);
        if (r >= 0)
                r = conclude(mailbox, &explanation, now, base.flags);
        if (r < 0)
                return r;

        *ret_explanation = explanation;
        explanation = ENGINE_EXPLANATION_NULL;
        return 0;
}
