/*
 * A run, inspecting: one message, as the remote side has it now
 *
 * A person wants to know. Nothing is changed and no token is committed: what else the mailbox has to tell while it
 * is open is told again to the run that is meant to hear it.
 */

#include "sync/run-private.h"

int run_inspect(SyncRun *run, uint32_t uid) {
        _cleanup_(uid_set_done) UidSet uids = UID_SET_NULL;
        Replica *remote = run_replica(run, SIDE_REMOTE);
        int r;

        run->phase = RUN_INSPECT;
        run->verifies = true;
        run->inspects = uid;
        r = uid_set_add(&uids, uid, uid);
        if (r >= 0)
                r = remote->ops->fetch(remote, &run->mailbox->replica[SIDE_REMOTE], &uids,
                                       REPLICA_WANT_IDENTITY);
        if (r < 0)
                return r;
        run->is_open[SIDE_REMOTE] = true;
        run->n_under_way++;
        return 0;
}

static void take_message(SyncRun *run, const ReplicaMessage *message) {
        EngineInspection *inspection = &run->inspection;

        inspection->is_there = true;
        inspection->message = *message;
        inspection->message.message_id = inspection->message.object = BYTES_NULL; /* are borrowed */
}

static void tell(SyncRun *run, const ReplicaEvent *done) {
        run->inspection.uidvalidity = done->token.uidvalidity;
        if (done->outcome == REPLICA_NO_MAILBOX)
                run->mailbox->engine->wants_list = true;
        if (done->outcome != REPLICA_OK)
                run->inspection.failure = done->text ? done->text : "the mailbox cannot be opened";
        engine_note(run->mailbox->engine, &(EngineNote){
                                                  .type = ENGINE_NOTE_INSPECTED,
                                                  .mailbox = run->mailbox->state.name,
                                                  .uid = run->inspects,
                                                  .inspection = &run->inspection,
                                          });
}

int run_on_inspect_event(SyncRun *run, Side side, const ReplicaEvent *event) {
        const bool is_message = event->type == REPLICA_EVENT_MESSAGE && side == SIDE_REMOTE &&
                                event->message.uid == run->inspects;

        if (is_message && run->phase == RUN_INSPECT)
                take_message(run, &event->message);
        if (event->type != REPLICA_EVENT_DONE)
                return 0;
        run->n_under_way--;
        if (run->phase == RUN_CLOSE)
                return 0;
        tell(run, event);
        return run_close(run);
}
