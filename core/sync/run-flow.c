/*
 * A run, the flow: bodies between two servers
 *
 * While a side takes no more of a message, the one that it comes from is not read. With a server on
 * either side and messages in both directions, both could be waiting for us to read, and neither
 * would: so bodies go one way at a time over the whole account. One direction is finished before the
 * other begins, and who has waited goes before who comes. A Maildir never makes anybody wait.
 */

#include <assert.h>

#include "sync/run-private.h"

static bool is_one_way(const Engine *engine) {
        return !engine->replica[SIDE_REMOTE]->gives_numbers &&
               !engine->replica[SIDE_LOCAL]->gives_numbers;
}

bool engine_may_flow(const Engine *engine, Side side) {
        const Flow *flow = &engine->flow;

        if (!is_one_way(engine))
                return true;
        if (flow->n_runs > 0)
                return flow->side == side && flow->n_waits[side_other(side)] == 0;
        return flow->side != side || flow->n_waits[side_other(side)] == 0;
}

bool run_begin_flow(SyncRun *run, Side side) {
        Flow *flow = &run->mailbox->engine->flow;

        if (run->has_flow)
                return run->flow == side;
        if (!engine_may_flow(run->mailbox->engine, side))
                return false;
        flow->side = run->flow = side;
        flow->n_runs++;
        run->has_flow = true;
        return true;
}

void run_end_flow(SyncRun *run) {
        Flow *flow = &run->mailbox->engine->flow;

        if (run->has_flow)
                flow->n_runs--;
        if (run->awaits_flow)
                flow->n_waits[run->flow]--;
        run->has_flow = run->awaits_flow = false;
}

void run_await_flow(SyncRun *run, Side side) {
        assert(!run->has_flow && !run->awaits_flow);

        run->mailbox->engine->flow.n_waits[side]++;
        run->flow = side;
        run->awaits_flow = run->is_queued = true;
}
