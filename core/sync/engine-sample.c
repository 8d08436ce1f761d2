/*
 * The engine: is a new mailbox an old one under another name?
 *
 * Where nobody says so, its numbers must be those of the base, and since other mailboxes may have the
 * same UIDVALIDITY and UIDs, some of its messages as well: each UID of the base means one message, whose
 * Message-ID, or size and date, the other side can tell. A server that renumbers what it renames leaves
 * less: then as many messages must be there, and those of the sample somewhere among them.
 */

#include <errno.h>

#include "sync/engine-private.h"

static bool numbers_may_match(const SyncMailbox *old, const SyncMailbox *new, Side side) {
        const ReplicaToken *token = &old->state.token[side];
        const ReplicaStatus *status = &new->told[side].status;

        if (old->engine->replica[side]->renumbers_renamed)
                return status->has_messages && status->uidnext > status->messages &&
                       status->messages == old->state.messages + old->state.parked[side];
        return status->has_uidvalidity && token->uidvalidity > 0 &&
               status->uidvalidity == token->uidvalidity && status->uidnext >= token->uidnext;
}

static bool numbers_match(const SyncMailbox *old, const SyncMailbox *new, Side side) {
        const MailboxState *state = &old->state;
        const ReplicaStatus *status = &new->told[side].status;

        return numbers_may_match(old, new, side) && status->uidnext == state->token[side].uidnext &&
               status->has_messages && status->messages == state->messages + state->parked[side];
}

/* Only where who it is cannot be told, and where the other side has it, and not the new one. */
static bool is_candidate(const SyncMailbox *old, const SyncMailbox *new, Side side) {
        const Side other = side_other(side);

        if (old->state.life.object[side] && new->told[side].object)
                return false;
        return engine_may_be(old, new, side) && old->exists[other] && !new->exists[other] &&
               !old->moved_to[other] && numbers_may_match(old, new, side);
}

/* Its parent was renamed to the parent of the new one. */
static bool goes_with_parent(Engine *engine, const SyncMailbox *old, const SyncMailbox *new,
                             Side side) {
        for (size_t i = 0; i < engine->n_mailboxes; i++) {
                const SyncMailbox *parent = engine->mailboxes[i];
                const SyncMailbox *to = parent->moved_to[side];
                const size_t n = strlen(parent->state.name);
                const size_t n_to = to ? strlen(to->state.name) : 0;

                if (to && strncmp(old->state.name, parent->state.name, n) == 0 &&
                    old->state.name[n] == '/' &&
                    strncmp(new->state.name, to->state.name, n_to) == 0 &&
                    strcmp(new->state.name + n_to, old->state.name + n) == 0)
                        return true;
        }
        return false;
}

/* --- which messages --- */

static uint32_t nth(const UidSet *set, uint64_t n) {
        for (size_t i = 0; i < set->n_ranges; i++) {
                const uint64_t size = (uint64_t) set->ranges[i].last - set->ranges[i].first + 1;

                if (n < size)
                        return set->ranges[i].first + (uint32_t) n;
                n -= size;
        }
        return 0;
}

/* From the first to the last, evenly. */
static int choose_messages(Engine *engine, Sample *sample, UidSet uids[_SIDE_MAX]) {
        _cleanup_(uid_set_done) UidSet all = UID_SET_NULL;
        const Side side = sample->side;
        const int64_t id = sample->old->state.id;
        uint64_t n;
        int r;

        r = state_db_uids_from(engine->db, id, side, 1, &all);
        n = uid_set_count(&all);
        sample->n_rows = (size_t) MIN(n, (uint64_t) SAMPLE_MESSAGES);
        for (size_t i = 0; r >= 0 && i < sample->n_rows; i++) {
                const uint64_t at = sample->n_rows > 1 ? i * (n - 1) / (sample->n_rows - 1) : 0;
                BaseMessage message;

                r = state_db_find(engine->db, id, side, nth(&all, at), &message);
                if (r > 0)
                        r = -EBADMSG; /* it has just been listed */
                for (Side s = 0; r >= 0 && s < _SIDE_MAX; s++) {
                        sample->rows[i].uid[s] = message.uid[s];
                        r = uid_set_add(&uids[s], message.uid[s], message.uid[s]);
                }
        }
        return r;
}

static ReplicaMailbox *sampled(Sample *sample, Side side) {
        return side == sample->side ? &sample->new->replica[side] : &sample->old->replica[side];
}

static int ask_identities(Engine *engine, Side side, const UidSet *uids) {
        Replica *replica = engine->replica[side];
        int r;

        r = replica->ops->fetch(replica, sampled(&engine->sample, side), uids,
                                REPLICA_WANT_IDENTITY);
        if (r >= 0)
                engine->n_listing++;
        return r;
}

static int ask_samples(Engine *engine) {
        UidSet uids[_SIDE_MAX] = {UID_SET_NULL, UID_SET_NULL};
        Sample *sample = &engine->sample;
        int r;

        r = sync_mailbox_load_keywords(sample->old);
        if (r >= 0)
                r = sync_mailbox_load_keywords(sample->new);
        if (r >= 0)
                r = choose_messages(engine, sample, uids);
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++)
                if (!sample->by_content || side != sample->side)
                        r = ask_identities(engine, side, &uids[side]);
        for (Side side = 0; side < _SIDE_MAX; side++)
                uid_set_done(&uids[side]);
        return r;
}

static int ask_all(Engine *engine) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Sample *sample = &engine->sample;
        int r;

        sample->looking = true;
        r = uid_set_add(&uids, 1, sample->new->told[sample->side].status.uidnext - 1);
        return r < 0 ? r : ask_identities(engine, sample->side, &uids);
}

/* --- what they say --- */

/* Is the message this row's one? */
static bool is_of_row(const Sample *sample, size_t i, Side side, const ReplicaMessage *message) {
        const char *id = sample->rows[i].id[side_other(side)];
        ByteView its = message->message_id;

        if (!(message->present & REPLICA_HAS_MESSAGE_ID))
                return false;
        if (!sample->by_content || side != sample->side)
                return sample->rows[i].uid[side] == message->uid;
        its.size = MIN(its.size, sizeof(sample->rows[i].id[side]) - 1);
        return sample->rows[i].has[side_other(side)] && *id && bytes_equal(its, bytes_of(id));
}

static void take_sample(Sample *sample, Side side, const ReplicaMessage *message) {
        for (size_t i = 0; i < sample->n_rows; i++) {
                const ByteView id = message->message_id;

                if (!is_of_row(sample, i, side, message))
                        continue;
                sample->rows[i].has[side] = true;
                sample->rows[i].size[side] = message->size;
                sample->rows[i].date[side] = message->date;
                if (id.size > 0)
                        memcpy(sample->rows[i].id[side], id.data,
                               MIN(id.size, sizeof(sample->rows[i].id[side]) - 1));
        }
}

/* Not more can be gone than the numbers leave room for: those that were there, less those that are and
 * were not given their UIDs since. */
static bool lacks_too_many(const Sample *sample) {
        const Side side = sample->side;
        const MailboxState *state = &sample->old->state;
        const ReplicaStatus *status = &sample->new->told[side].status;
        const uint64_t known = state->messages + state->parked[side];
        uint64_t n_lacking = 0;

        if (sample->by_content || !status->has_messages)
                return false;
        for (size_t i = 0; i < sample->n_rows; i++)
                n_lacking += !sample->rows[i].has[side];
        return n_lacking + status->messages > known + status->uidnext - state->token[side].uidnext;
}

static bool has_id(const Sample *sample, size_t i) {
        return *sample->rows[i].id[SIDE_REMOTE];
}

static bool differs(const Sample *sample, size_t i) {
        const uint64_t *size = sample->rows[i].size;

        if (strcmp(sample->rows[i].id[SIDE_REMOTE], sample->rows[i].id[SIDE_LOCAL]) != 0)
                return true;
        return !has_id(sample, i) && size[SIDE_REMOTE] != size[SIDE_LOCAL];
}

/* Without a Message-ID, the same size may be that of another message: the date must say more. */
static bool says_same(const Sample *sample, size_t i) {
        const int64_t *date = sample->rows[i].date;

        return has_id(sample, i) || date[SIDE_REMOTE] == date[SIDE_LOCAL];
}

/* One that differs is enough to say no. Sizes count where there is no Message-ID: some servers get them
 * wrong. */
static bool is_same(const Sample *sample) {
        size_t n_same = 0;

        if (lacks_too_many(sample))
                return false;

        for (size_t i = 0; i < sample->n_rows; i++) {
                if (sample->by_content && sample->rows[i].has[side_other(sample->side)] &&
                    !sample->rows[i].has[sample->side])
                        return false; /* it is not there */
                if (!sample->rows[i].has[SIDE_REMOTE] || !sample->rows[i].has[SIDE_LOCAL])
                        continue; /* deleted meanwhile */
                if (differs(sample, i))
                        return false;
                n_same += says_same(sample, i);
        }
        return n_same > 0;
}

static int close_samples(Engine *engine) {
        Sample *sample = &engine->sample;
        int r = 0;

        sample->closing = true;
        for (Side side = 0; r >= 0 && side < _SIDE_MAX; side++) {
                r = engine->replica[side]->ops->close(engine->replica[side], sampled(sample, side));
                engine->n_listing++;
        }
        return r;
}

/* Our own files: nothing was found out, and nothing is to be made of it. */
static void note_failed(Engine *engine, const ReplicaEvent *event) {
        engine_note_text(engine, ENGINE_NOTE_FAILED, engine->sample.new,
                         "it cannot be read, to see whether it has another name now: %s",
                         event->text ? event->text : "no reason given");
        engine->list_failed = engine->sample.failed = true;
}

int engine_on_sample(Engine *engine, Side side, const ReplicaEvent *event) {
        if (event->type == REPLICA_EVENT_MESSAGE) {
                if (!engine->sample.closing)
                        take_sample(&engine->sample, side, &event->message);
                return 0;
        }
        if (event->type != REPLICA_EVENT_DONE)
                return 0;

        engine->n_listing--;
        if (event->outcome == REPLICA_FAILED && engine->replica[side]->gives_numbers)
                note_failed(engine, event);
        if (engine->n_listing == 0 && engine->sample.by_content && !engine->sample.looking &&
            !engine->sample.failed)
                return ask_all(engine);
        if (engine->n_listing == 0 && !engine->sample.closing)
                return close_samples(engine);
        return engine_compare_next(engine);
}

/* --- one pair of mailboxes after the other --- */

/* Return: 1 samples are under way, 0 it is clear without, negative. */
static int try_pair(Engine *engine, Side side, SyncMailbox *old, SyncMailbox *new) {
        int r;

        if (!is_candidate(old, new, side))
                return 0;
        if (numbers_match(old, new, side) &&
            (old->state.messages == 0 || goes_with_parent(engine, old, new, side))) {
                engine_match(old, new, side);
                return 0;
        }
        if (old->state.messages == 0)
                return 0;

        engine->sample.old = old;
        engine->sample.new = new;
        engine->sample.side = side;
        engine->sample.closing = engine->sample.looking = false;
        engine->sample.by_content = engine->replica[side]->renumbers_renamed;
        memset(engine->sample.rows, 0, sizeof(engine->sample.rows));
        r = ask_samples(engine);
        return r < 0 ? r : 1;
}

/* Return: as try_pair(). */
static int next_pair(Engine *engine) {
        Sample *sample = &engine->sample;
        const size_t n = engine->n_mailboxes;

        for (; sample->i < n * _SIDE_MAX; sample->i++, sample->k = 0) {
                const Side side = (Side) (sample->i / n);
                SyncMailbox *old = engine->mailboxes[sample->i % n];

                while (sample->k < n && engine_is_gone(old, side)) {
                        SyncMailbox *new = engine->mailboxes[sample->k++];
                        int r = try_pair(engine, side, old, new);

                        if (r != 0)
                                return r;
                }
        }
        return 0;
}

int engine_sample_next(Engine *engine) {
        Sample *sample = &engine->sample;
        int r;

        if (sample->closing) {
                sample->closing = false;
                if (sample->failed) { /* with the next list, which comes soon */
                        engine->list_phase = LIST_NONE;
                        return 0;
                }
                if (is_same(sample))
                        engine_match(sample->old, sample->new, sample->side);
        }
        r = next_pair(engine);
        return r != 0 ? MIN(r, 0) : engine_start_renames(engine);
}
