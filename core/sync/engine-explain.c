/*
 * The engine, explaining: what the state has of one message, and what would be done with it
 *
 * Asked for by a person. Nothing is changed, no side is asked, and the cost is that of a few look-ups.
 */

#include <errno.h>
#include <stdio.h>

#include "store/maildir-name.h"
#include "sync/engine-private.h"

void engine_explanation_done(EngineExplanation *explanation) {
        free(explanation->flags);
        free(explanation->file);
        free(explanation->parked);
        free(explanation->verdict);
        *explanation = ENGINE_EXPLANATION_NULL;
}

static int find_base(const SyncMailbox *mailbox, EngineExplanation *explanation, Side side,
                     MessageFlags *ret_flags) {
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
        *ret_flags = message.flags & base_flags(&message, SIDE_LOCAL);
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
        const bool is_pending = mailbox->run || sync_mailbox_is_marked(mailbox);
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

static int conclude(const SyncMailbox *mailbox, EngineExplanation *explanation) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = say(mailbox, explanation, &text);

        if (r >= 0 && mailbox->error)
                r = buffer_append_format(&text, "%sIts mailbox has a problem: %s",
                                         text.size > 0 ? " " : "", mailbox->error);
        if (r < 0)
                return r;
        explanation->verdict = buffer_steal_string(&text);
        return explanation->verdict ? 0 : -ENOMEM;
}

static int look_up(SyncMailbox *mailbox, const char *file, EngineExplanation *explanation) {
        const bool has_files = mailbox->engine->replica[SIDE_LOCAL]->gives_numbers;
        MessageFlags flags = 0;
        int r = 0;

        if (file[0])
                r = find_file(mailbox, file, explanation);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX && !explanation->is_known; side++)
                if (explanation->uid[side] > 0)
                        r = find_base(mailbox, explanation, side, &flags);
        if (r >= 0 && explanation->is_known && has_files && !explanation->file)
                r = state_db_file_name(mailbox->engine->db, mailbox->state.id,
                                       explanation->uid[SIDE_LOCAL], &explanation->file);
        if (r >= 0)
                r = format_flags(mailbox, flags, &explanation->flags);
        if (r >= 0 && !explanation->is_known)
                r = find_parked(mailbox, explanation);
        if (r >= 0 && !explanation->is_known)
                r = find_intent(mailbox, explanation);
        return r;
}

int engine_explain(Engine *engine, const char *name, uint32_t uid, const char *file,
                   EngineExplanation *ret_explanation) {
        _cleanup_(engine_explanation_done) EngineExplanation explanation = ENGINE_EXPLANATION_NULL;
        SyncMailbox *mailbox = engine_lookup(engine, name);
        int r;

        if (!mailbox)
                return STATE_DB_E_NONE;
        explanation.uid[SIDE_REMOTE] = uid;
        explanation.uidvalidity = mailbox->state.token[SIDE_REMOTE].uidvalidity;
        explanation.uidnext = mailbox->state.token[SIDE_REMOTE].uidnext;
        explanation.modseq = mailbox->state.token[SIDE_REMOTE].modseq;
        r = look_up(mailbox, file, &explanation);
        if (r >= 0)
                r = conclude(mailbox, &explanation);
        if (r < 0)
                return r;

        *ret_explanation = explanation;
        explanation = ENGINE_EXPLANATION_NULL;
        return 0;
}
