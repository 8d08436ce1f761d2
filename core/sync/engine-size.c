/*
 * The engine: how much there is to transfer, for progress
 *
 * Servers with STATUS=SIZE (RFC 8438) tell the size of a mailbox, but may have to look at each of its
 * messages for that: they are asked about those alone that were never in sync, once.
 */

#include "sync/run-private.h"

static bool is_first(const SyncMailbox *mailbox) {
        return mailbox->state.token[SIDE_REMOTE].uidvalidity == 0;
}

bool engine_is_first(const Engine *engine) {
        for (size_t i = 0; i < engine->n_mailboxes; i++)
                if (!is_first(engine->mailboxes[i]))
                        return false;
        return true;
}

bool sync_mailbox_lacks_size(const SyncMailbox *mailbox) {
        const ReplicaStatus *status = &mailbox->told[SIDE_REMOTE].status;

        return mailbox->engine->replica[SIDE_REMOTE]->has_sizes && is_first(mailbox) &&
               !mailbox->left_out && !sync_mailbox_is_limited(mailbox) && status->messages > 0 &&
               !status->has_size;
}

uint64_t sync_mailbox_first_bytes(const SyncMailbox *mailbox) {
        return is_first(mailbox) && !sync_mailbox_is_limited(mailbox)
                       ? mailbox->told[SIDE_REMOTE].status.size
                       : 0;
}

uint64_t sync_mailbox_bytes_left(const SyncMailbox *mailbox) {
        const SyncRun *run = mailbox->run;

        if (!run || run->asking == SIDE_LOCAL)
                return sync_mailbox_is_marked(mailbox) || run ? sync_mailbox_first_bytes(mailbox)
                                                              : 0;
        return run->total_bytes > run->counts.bytes ? run->total_bytes - run->counts.bytes : 0;
}

void run_expect_transfer(SyncRun *run) {
        const MailboxState *state = &run->mailbox->state;
        const uint64_t known = state->messages + state->parked[SIDE_REMOTE];

        run->total = run->exists[SIDE_REMOTE] > known ? run->exists[SIDE_REMOTE] - known : 0;
}

int run_count_transfer(SyncRun *run) {
        uint64_t total = run->counts.added[SIDE_REMOTE] + run->counts.added[SIDE_LOCAL];

        for (Side side = 0; side < _SIDE_MAX; side++) {
                uint64_t n;
                int r = state_db_unknown_count(run->mailbox->engine->db, run->mailbox->state.id,
                                               side, &n);

                if (r < 0)
                        return r;
                total += n;
        }
        run->total = total;
        return 0;
}
