/* An IMAP account as a replica: its life, its jobs and the events that wait to be given. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/foreign.h"
#include "imap/mailbox-name.h"
#include "sync/imap-replica-private.h"

/* So much of the server's words is shown. */
#define WORDS_MAX 200

void waiting_done(Waiting *waiting) {
        free(waiting->text);
        free(waiting->name);
        free(waiting->old_name);
        free(waiting->wire);
        free(waiting->object);
        uid_set_done(&waiting->moved);
        uid_set_done(&waiting->moved_to);
        uid_set_done(&waiting->uids);
}

void event_forget_given(ImapReplica *r) {
        if (r->has_given)
                waiting_done(&r->events[r->first_event - 1]);
        r->has_given = false;
}

Waiting *event_add(ImapReplica *r, ReplicaEventType type) {
        Waiting *waiting;

        if (r->n_events == 0 && !r->has_given)
                r->first_event = 0;
        if (r->first_event + r->n_events == r->events_capacity) {
                const size_t capacity = r->events_capacity > 0 ? r->events_capacity * 2 : 8;
                Waiting *events = reallocarray(r->events, capacity, sizeof(*events));

                if (!events)
                        return NULL;
                r->events = events;
                r->events_capacity = capacity;
        }

        waiting = &r->events[r->first_event + r->n_events++];
        *waiting = (Waiting){.event.type = type};
        return waiting;
}

/* “@what: “@words””, or @what alone. NULL when out of memory. */
static char *sentence(const char *what, ByteView words) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = buffer_append_string(&out, what);
        if (e == 0 && words.size > 0)
                e = buffer_append_string(&out, ": “");
        if (e == 0)
                e = foreign_append(&out, words, WORDS_MAX);
        if (e == 0 && words.size > 0)
                e = buffer_append_string(&out, "”");
        return e < 0 ? NULL : buffer_steal_string(&out);
}

int replica_fail(ImapReplica *r, int error, const char *what, ByteView words) {
        free(r->error);
        r->error = sentence(what, words);
        return error;
}

static void learn_abilities(ImapReplica *r) {
        r->base.has_labels = imap_has(&r->capabilities, IMAP_CAPABILITY_GMAIL);
        r->base.has_sizes = imap_has(&r->capabilities, IMAP_CAPABILITY_STATUS_SIZE);
}

/* What holds after the login is told anew; what was offered before it stays. */
void replica_learn(ImapReplica *r, const ImapCapabilities *capabilities) {
        const uint64_t before = imap_capabilities_of_login() | (uint64_t) 1
                                                                       << IMAP_CAPABILITY_SASL_IR;
        const uint64_t kept = r->capabilities.bits & before;

        r->capabilities = *capabilities;
        imap_capabilities_remove(&r->capabilities,
                                 imap_quirks_unusable(r->quirks, &r->options.overrides));
        r->capabilities.bits |= kept;
        learn_abilities(r);
}

int replica_alert(ImapReplica *r, ByteView words) {
        Waiting *waiting = event_add(r, REPLICA_EVENT_ALERT);

        if (!waiting)
                return -ENOMEM;
        waiting->text = sentence("the server says", words);
        return waiting->text ? 0 : -ENOMEM;
}

int job_fail(Job *job, ReplicaOutcome outcome, const char *what, ByteView words) {
        if (job->outcome != REPLICA_OK)
                return 0;

        job->text = sentence(what, words);
        if (!job->text)
                return -ENOMEM;
        job->outcome = outcome;
        return 0;
}

/* @error: a MailboxNameError. */
int job_fail_name(Job *job, int error) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int e;

        e = buffer_append_format(&out, "the server cannot have a mailbox of this name: %s",
                                 mailbox_name_error((MailboxNameError) error));
        if (e == 0)
                e = buffer_append(&out, "", 1);
        return e < 0 ? e : job_fail(job, REPLICA_REFUSED, out.data, BYTES_NULL);
}

int job_new(ImapReplica *r, JobKind kind, ReplicaMailbox *mailbox, Job **ret_job) {
        Job *job;

        if (!r->session)
                return -ENOTCONN;

        job = malloc(sizeof(*job));
        if (!job)
                return -ENOMEM;
        *job = (Job){.kind = kind, .mailbox = mailbox, .all_next = r->jobs};
        if (r->jobs)
                r->jobs->all_previous = job;
        r->jobs = job;

        *ret_job = job;
        return 0;
}

void job_free(ImapReplica *r, Job *job) {
        if (job->all_previous)
                job->all_previous->all_next = job->all_next;
        else
                r->jobs = job->all_next;
        if (job->all_next)
                job->all_next->all_previous = job->all_previous;

        (void) opened_unref(r, job->opened);
        (void) opened_unref(r, job->target);
        uid_set_done(&job->uids);
        uid_set_done(&job->moved);
        uid_set_done(&job->moved_to);
        uid_set_done(&job->found);
        for (size_t i = 0; i < job->n_wires; i++)
                free(job->wires[i]);
        free(job->wires);
        free(job->name);
        free(job->object);
        free(job->text);
        free(job);
}

/* Submit what waits, as far as the order of things allows. */
int replica_pump(ImapReplica *r) {
        if (r->waiting && is_between_messages(r)) {
                int e = append_finish(r);

                if (e < 0)
                        return e;
        }
        while (r->waiting && !r->barrier && !r->appending && !search_must_wait(r, r->waiting)) {
                Job *job = r->waiting;
                int e;

                e = r->compressing ? 0 : compress_before(r, job);
                if (e < 0 || r->compressing)
                        return e;
                r->waiting = job->next;
                job->next = NULL;
                e = job_start(r, job);
                if (e < 0)
                        return e;
        }

        return 0;
}

int job_queue(ImapReplica *r, Job *job) {
        Job **place = &r->waiting;

        while (*place)
                place = &(*place)->next;
        *place = job;
        return replica_pump(r);
}

int job_queue_first(ImapReplica *r, Job *job) {
        job->next = r->waiting;
        r->waiting = job;
        return replica_pump(r);
}

static const ReplicaRequest requests[] = {
        [JOB_LIST] = REPLICA_LIST,       [JOB_STANDING] = REPLICA_STANDING,
        [JOB_CREATE] = REPLICA_CREATE,   [JOB_RENAME] = REPLICA_RENAME,
        [JOB_REMOVE] = REPLICA_REMOVE,   [JOB_SUBSCRIBE] = REPLICA_SUBSCRIBE,
        [JOB_CHANGES] = REPLICA_CHANGES, [JOB_FETCH] = REPLICA_FETCH,
        [JOB_STORE] = REPLICA_STORE,     [JOB_EXPUNGE] = REPLICA_EXPUNGE,
        [JOB_MOVE] = REPLICA_MOVE,       [JOB_APPEND] = REPLICA_APPEND,
        [JOB_CLOSE] = REPLICA_CLOSE,     [JOB_SEARCH] = REPLICA_SEARCH,
        [JOB_LEAVE] = REPLICA_WAIT,      [JOB_NOTIFY] = REPLICA_WAIT,
        [JOB_POLL] = REPLICA_WAIT,       [JOB_IDLE] = REPLICA_WAIT,
        [JOB_NOOP] = REPLICA_WAIT,       [JOB_LOGOUT] = REPLICA_WAIT,
};

static ReplicaToken token_of(const Opened *opened) {
        if (!opened)
                return (ReplicaToken){0};

        return (ReplicaToken){
                .uidvalidity = opened->uidvalidity,
                .uidnext = opened->uidnext,
                .modseq = opened->modseq.safe,
        };
}

static int tell_appended(ImapReplica *r, const Job *job) {
        Waiting *waiting = event_add(r, REPLICA_EVENT_APPENDED);

        if (!waiting)
                return -ENOMEM;
        waiting->event.request = REPLICA_APPEND;
        waiting->event.mailbox = job->mailbox;
        waiting->event.cookie = job->cookie;
        waiting->event.message.uid = job->appended_uid;
        waiting->event.message.flags = job->flags_given;
        waiting->event.message.present = REPLICA_HAS_FLAGS;
        waiting->event.token = token_of(job->opened);
        if (job->appended_uidvalidity > 0)
                waiting->event.token.uidvalidity = job->appended_uidvalidity;
        return 0;
}

/* A closed mailbox may go away, although it may still be selected; one that was only waited in, when
 * the waiting is over. */
static void finish_close(ImapReplica *r, const Job *job) {
        Opened *opened = job->mailbox ? opened_find(r, job->mailbox) : NULL;

        if (!opened || !(job->kind == JOB_CLOSE ? opened->closing : opened->only_idle))
                return;
        opened->mailbox = NULL;
        (void) opened_unref(r, opened);
}

/* Everything of the job is answered: tell, and forget it. */
int job_complete(ImapReplica *r, Job *job) {
        Opened *opened = job->mailbox ? opened_find(r, job->mailbox) : NULL;
        Waiting *waiting;
        int e = 0;

        if (job->kind == JOB_LEAVE) { /* nobody waits for it */
                job_free(r, job);
                return 0;
        }
        if (job->kind == JOB_APPEND && job->outcome == REPLICA_OK)
                e = tell_appended(r, job);
        if (e == 0 && job->kind == JOB_MOVE)
                e = tell_moved(r, job);
        if (e == 0 && job->kind == JOB_SEARCH && job->outcome == REPLICA_OK)
                e = tell_found(r, job);
        waiting = e < 0 ? NULL : event_add(r, REPLICA_EVENT_DONE);
        if (!waiting)
                return -ENOMEM;

        waiting->event.request = requests[job->kind];
        waiting->event.mailbox = job->mailbox;
        waiting->event.outcome = job->outcome;
        waiting->event.cookie = job->cookie;
        waiting->event.token = token_of(opened);
        waiting->event.exists = opened ? opened->exists : 0;
        waiting->event.complete = job->complete;
        waiting->event.alone = job->alone;
        waiting->text = TAKE_PTR(job->text);
        if ((job->kind == JOB_CREATE || job->kind == JOB_RENAME) && job->n_wires > 0)
                waiting->wire = TAKE_PTR(job->wires[0]);
        waiting->object = TAKE_PTR(job->object);

        if (job->kind == JOB_CLOSE || (job->kind == JOB_IDLE && (!r->idle || r->idle == job)))
                finish_close(r, job);
        if (job->kind == JOB_LIST || job->kind == JOB_POLL)
                names_done(&r->names);
        if (job->kind == JOB_LIST)
                names_done(&r->subscribed);
        if (r->idle == job)
                r->idle = NULL;
        job_free(r, job);
        return 0;
}

static char **free_map(char **map) {
        for (size_t i = 0; map && map[i]; i++)
                free(map[i]);
        free(map);
        return NULL;
}

static int take_map(ImapReplica *r, char *const *map) {
        size_t n = 0;

        r->options.map = NULL;
        while (map && map[n])
                n++;
        if (n == 0)
                return 0;
        r->map = calloc(n + 1, sizeof(*r->map));
        for (size_t i = 0; r->map && i < n; i++) {
                r->map[i] = strdup(map[i]);
                if (!r->map[i])
                        return -ENOMEM;
        }
        return r->map ? 0 : -ENOMEM;
}

static int take_options(ImapReplica *r, const ImapReplicaOptions *options) {
        const char *reference = options->list_reference ? options->list_reference : "";
        int e;

        e = mailbox_name_encode_reference(reference, &r->reference);
        if (e != 0)
                return e < 0 ? e : -EINVAL;
        r->options.list_reference = NULL;
        r->reference_text = strdup(reference);
        r->prefix = options->prefix ? strdup(options->prefix) : NULL;
        if (!r->reference_text || (options->prefix && !r->prefix))
                return -ENOMEM;
        return take_map(r, options->map);
}

int imap_replica_new(Side side, const ImapReplicaOptions *options, ImapReplica **ret_replica) {
        _cleanup_(imap_replica_freep) ImapReplica *r = malloc(sizeof(*r));
        int e;

        if (!r)
                return -ENOMEM;

        *r = (ImapReplica){
                .base = {.ops = &imap_replica_ops, .side = side},
                  .options = *options
        };
        e = take_options(r, options);
        if (e < 0)
                return e;
        *ret_replica = TAKE_PTR(r);
        return 0;
}

ImapReplica *imap_replica_free(ImapReplica *r) {
        if (!r)
                return NULL;

        imap_replica_detach(r);
        free(r->events);
        free(r->commands);
        free(r->error);
        free(r->reference);
        free(r->reference_text);
        free_map(r->map);
        free(r->prefix);
        free(r->back_off_words);
        free(r);
        return NULL;
}

Replica *imap_replica_base(ImapReplica *r) {
        return &r->base;
}

void imap_replica_attach(ImapReplica *r, ImapSession *session, const ImapCapabilities *capabilities,
                         ImapEnabled qresync, ImapEnabled uidonly, ImapQuirks quirks) {
        assert(!r->session);

        r->session = session;
        r->capabilities = *capabilities;
        learn_abilities(r);
        r->qresync = qresync;
        r->uidonly = uidonly;
        r->quirks = quirks;
        r->base.renumbers_renamed = has_quirk(r, IMAP_QUIRK_RENAME_RENUMBERS);
        free(r->error);
        r->error = NULL;
}

static void forget_events(ImapReplica *r) {
        event_forget_given(r);
        for (size_t i = 0; i < r->n_events; i++)
                waiting_done(&r->events[r->first_event + i]);
        r->first_event = r->n_events = 0;
        buffer_done(&r->message_id);
}

static void forget_touched(ImapReplica *r) {
        for (size_t i = 0; i < r->n_touched; i++)
                free(r->touched[i]);
        free(r->touched);
        r->touched = NULL;
        r->n_touched = 0;
}

static void forget_jobs(ImapReplica *r) {
        for (size_t i = 0; i < r->n_commands; i++) {
                Command *command = &r->commands[r->first_command + i];

                (void) opened_unref(r, command->opened);
        }
        r->first_command = r->n_commands = 0;
        r->n_searches = 0;
        r->searches_plainly = false;

        while (r->jobs)
                job_free(r, r->jobs);
        r->waiting = r->barrier = r->current = r->appending = r->leader = r->idle = NULL;
        forget_touched(r);
        names_done(&r->names);
        names_done(&r->subscribed);
}

/* What a burst needed is given back when there is nothing to do. */
void replica_relax(ImapReplica *r) {
        static const size_t keep = 16;

        if (r->n_events == 0 && r->events_capacity > keep) {
                free(r->events);
                r->events = NULL;
                r->first_event = r->events_capacity = 0;
        }
        if (r->n_commands == 0 && r->commands_capacity > keep) {
                free(r->commands);
                r->commands = NULL;
                r->first_command = r->commands_capacity = 0;
        }
        buffer_trim(&r->message_id, 256);
}

void imap_replica_detach(ImapReplica *r) {
        forget_events(r);
        forget_jobs(r);
        opened_set(r, &r->selected, NULL);
        opened_set(r, &r->tail, NULL);
        while (r->openeds)
                (void) opened_unref(r, r->openeds);

        r->session = NULL;
        r->selecting = (Selecting){0};
        r->n_selects_under_way = 0;
        r->enable_asked = r->no_list_return = r->no_move = r->no_esearch = r->no_batch = false;
        r->notify_sent = r->logging_out = r->compressing = false;
        r->start_deflate = NULL;
        r->in_body = r->skip_body = false;
}

bool imap_replica_is_attached(const ImapReplica *r) {
        return r && r->session;
}

/* Nothing is under way but an IDLE: what is selected stays so, and no mailbox is open any more. */
void replica_close_all(ImapReplica *r) {
        Opened *next;

        forget_events(r);
        for (Opened *opened = r->openeds; opened; opened = next) {
                next = opened->next;
                if (!opened->mailbox)
                        continue;
                if (r->idle && r->idle->opened == opened) {
                        opened->only_idle = true;
                        continue;
                }
                opened->mailbox = NULL;
                (void) opened_unref(r, opened);
        }
        forget_touched(r);
}

ImapCapabilities imap_replica_capabilities(const ImapReplica *r) {
        return r->capabilities;
}

bool imap_replica_is_idle(const ImapReplica *r) {
        return r->idle != NULL;
}

bool imap_replica_is_busy(const ImapReplica *r) {
        if (r->n_events > 0)
                return true;

        return r->idle ? r->jobs != r->idle || r->idle->all_next : r->jobs != NULL;
}

const char *imap_replica_error(const ImapReplica *r) {
        return r->error ? r->error : "";
}
