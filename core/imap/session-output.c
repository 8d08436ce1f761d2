/*
 * The session's outbound half: commands, literals and IDLE on their way to the server
 *
 * All of it is one buffer and some gates in it. What stands before the first gate may be sent; the
 * gate is opened by "+", or taken away, with what stands behind it, when the server answers the
 * command instead. The buffer may hold passwords, so it is wiped as it is sent and never left to
 * realloc().
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "imap/session-private.h"

/* An empty buffer of this size is kept, a larger one is given back. While there is APPEND data it is made
 * as large as this at once: to grow is to copy and to wipe. */
static const size_t output_keep = 1024, output_of_append = 64 * 1024;

/* RFC 7888 section 5 */
static const uint64_t literal_minus_max = 4096;

static size_t output_size(const ImapSession *s) {
        return s->out.size - s->out_pos;
}

static uint64_t output_end(const ImapSession *s) {
        return s->sent + output_size(s);
}

/* What was sent is wiped already. */
static void output_free(ImapSession *s) {
        if (output_size(s) > 0)
                explicit_bzero(s->out.data + s->out_pos, output_size(s));
        buffer_done(&s->out);
        s->out_pos = 0;
}

void session_output_done(ImapSession *s) {
        output_free(s);
        free(s->gates);
        free(s->under_way);
}

/* Room for @n more bytes; in a new place the old one is wiped. */
static int output_reserve(ImapSession *s, size_t n) {
        Buffer grown = BUFFER_NULL;
        size_t needed;
        int r;

        if (s->out.capacity - s->out.size >= n)
                return 0;
        if (__builtin_add_overflow(output_size(s), n, &needed))
                return -ENOMEM;

        needed = MAX(needed, s->append_tag != 0 ? output_of_append : 0);
        r = buffer_reserve(&grown, MAX(needed, MIN(s->out.capacity * 2, needed * 2)));
        if (r < 0)
                return r;
        if (output_size(s) > 0)
                (void) buffer_append(&grown, s->out.data + s->out_pos, output_size(s));

        output_free(s);
        s->out = grown;
        return 0;
}

static void output_append(ImapSession *s, ByteView bytes) {
        if (bytes.size == 0)
                return;
        memcpy(s->out.data + s->out.size, bytes.data, bytes.size);
        s->out.size += bytes.size;
}

static int reserve_gate(ImapSession *s) {
        size_t capacity = s->gates_capacity > 0 ? s->gates_capacity * 2 : 4;
        SessionGate *gates;

        if (s->n_gates + 2 <= s->gates_capacity) /* a turn's, and another one */
                return 0;
        gates = reallocarray(s->gates, capacity, sizeof(*gates));
        if (!gates)
                return -ENOMEM;

        s->gates = gates;
        s->gates_capacity = capacity;
        return 0;
}

static void add_gate(ImapSession *s, ImapTag tag, bool is_idle) {
        s->gates[s->n_gates++] = (SessionGate){
                .offset = output_end(s),
                .tag = tag,
                .is_idle = is_idle,
        };
}

static SessionGate *find_gate(ImapSession *s, ImapTag tag) {
        for (size_t i = 0; i < s->n_gates; i++)
                if (s->gates[i].tag == tag)
                        return &s->gates[i];

        return NULL;
}

static void remove_gate(ImapSession *s, SessionGate *gate) {
        size_t i = (size_t) (gate - s->gates);

        s->n_gates--;
        if (i < s->n_gates)
                memmove(gate, gate + 1, (s->n_gates - i) * sizeof(*gate));
}

/* Take a gate away with what stands behind it. */
static void refuse_gate(ImapSession *s, SessionGate *gate) {
        size_t begin = s->out_pos + (size_t) (gate->offset - s->sent), size = (size_t) gate->size;
        size_t behind = s->out.size - begin - size;

        for (SessionGate *later = gate + 1; later < s->gates + s->n_gates; later++)
                later->offset -= gate->size;
        if (behind > 0)
                memmove(s->out.data + begin, s->out.data + begin + size, behind);
        s->out.size -= size;
        if (size > 0)
                explicit_bzero(s->out.data + s->out.size, size);

        if (s->append_tag == gate->tag)
                s->append_refused = true;
        remove_gate(s, gate);
}

/* Make room for one more command, its bytes and a gate, so that what follows cannot fail. */
static int reserve_command(ImapSession *s, size_t n) {
        size_t capacity = s->under_way_capacity > 0 ? s->under_way_capacity * 2 : 8;
        ImapTag *under_way;
        int r;

        r = output_reserve(s, n);
        if (r < 0)
                return r;
        r = reserve_gate(s);
        if (r < 0)
                return r;
        if (s->first_under_way + s->n_under_way < s->under_way_capacity)
                return 0;

        if (s->first_under_way > 0) {
                memmove(s->under_way, s->under_way + s->first_under_way,
                        s->n_under_way * sizeof(*under_way));
                s->first_under_way = 0;
        }
        if (s->n_under_way < s->under_way_capacity / 2)
                return 0;
        under_way = reallocarray(s->under_way, capacity, sizeof(*under_way));
        if (!under_way)
                return s->n_under_way < s->under_way_capacity ? 0 : -ENOMEM;
        s->under_way = under_way;
        s->under_way_capacity = capacity;
        return 0;
}

/* Commands that have been let out, or were never held back: those under way before the first turn. */
static size_t n_let_out(const ImapSession *s) {
        return s->n_under_way - s->n_turns;
}

static void wait_for_turn(ImapSession *s) {
        if (s->n_commands == 0 || n_let_out(s) < s->n_commands)
                return;

        add_gate(s, 0, false);
        s->n_turns++;
}

static void open_turns(ImapSession *s) {
        while (s->n_turns > 0 && (s->n_commands == 0 || n_let_out(s) < s->n_commands)) {
                remove_gate(s, find_gate(s, 0));
                s->n_turns--;
        }
}

void imap_session_set_limit(ImapSession *s, unsigned n_commands) {
        s->n_commands = n_commands;
        open_turns(s);
}

static void output_done_line(ImapSession *s) {
        SessionGate *gate = find_gate(s, s->idle_tag);

        output_append(s, BYTES("DONE\r\n"));
        if (gate)
                gate->size = sizeof("DONE\r\n") - 1;
        s->idle_tag = 0;
        s->idle_confirmed = false;
}

/* "<tag> <command><tail>", after DONE if it must be said first. A tag is a number: no shorter one
 * can be made. */
static int output_command(ImapSession *s, ByteView command, ByteView tail, ImapTag *ret_tag) {
        char tag[16];
        int n, r;

        n = snprintf(tag, sizeof(tag), "%" PRIu32 " ", s->last_tag + 1);
        r = reserve_command(s, sizeof("DONE\r\n") + (size_t) n + command.size + tail.size);
        if (r < 0)
                return r;

        if (s->idle_tag != 0)
                output_done_line(s);
        wait_for_turn(s);
        output_append(s, (ByteView){tag, (size_t) n});
        output_append(s, command);
        output_append(s, tail);

        s->last_tag++;
        s->under_way[s->first_under_way + s->n_under_way++] = s->last_tag;
        *ret_tag = s->last_tag;
        return 0;
}

int imap_session_submit(ImapSession *s, ByteView command, ImapTag *ret_tag) {
        assert(s->append_tag == 0);

        return output_command(s, command, BYTES("\r\n"), ret_tag);
}

int imap_session_submit_line(ImapSession *s, ByteView line) {
        int r;

        assert(s->append_tag == 0);

        r = output_reserve(s, line.size + 2);
        if (r < 0)
                return r;
        output_append(s, line);
        output_append(s, BYTES("\r\n"));
        return 0;
}

int imap_session_idle(ImapSession *s, ImapTag *ret_tag) {
        int r;

        assert(s->append_tag == 0);

        if (s->idle_tag != 0) {
                *ret_tag = s->idle_tag;
                return 0;
        }
        r = output_command(s, BYTES("IDLE"), BYTES("\r\n"), ret_tag);
        if (r < 0)
                return r;

        s->idle_tag = *ret_tag;
        s->idle_confirmed = false;
        add_gate(s, s->idle_tag, true);
        return 0;
}

int imap_session_done(ImapSession *s) {
        int r;

        if (s->idle_tag == 0)
                return 0;
        r = output_reserve(s, sizeof("DONE\r\n"));
        if (r < 0)
                return r;

        output_done_line(s);
        return 0;
}

bool imap_session_is_idle(const ImapSession *s) {
        return s->idle_tag != 0 && s->idle_confirmed;
}

/* " {42}\r\n", or " {42+}\r\n" if nobody waits for "+". */
static ByteView announce(char text[static 32], uint64_t size, bool sync) {
        char *p = text + 32;
        const char *const end = p;

        for (const char *tail = sync ? "\n\r}" : "\n\r}+"; *tail; tail++)
                *--p = *tail;
        do
                *--p = (char) ('0' + size % 10);
        while ((size /= 10) > 0);
        *--p = '{';
        *--p = ' ';
        return (ByteView){p, (size_t) (end - p)};
}

int imap_session_append_begin(ImapSession *s, ByteView command, uint64_t size, ImapLiteralMode mode,
                              ImapTag *ret_tag) {
        bool sync = mode == IMAP_LITERAL_SYNC ||
                    (mode == IMAP_LITERAL_MINUS && size > literal_minus_max);
        char text[32];
        int r;

        assert(s->append_tag == 0);

        r = output_command(s, command, announce(text, size, sync), ret_tag);
        if (r < 0)
                return r;

        s->append_tag = *ret_tag;
        s->append_left = size;
        s->append_refused = false;
        if (sync)
                add_gate(s, s->append_tag, false);
        return 0;
}

static void append_bytes(ImapSession *s, ByteView bytes) {
        SessionGate *gate = find_gate(s, s->append_tag);

        output_append(s, bytes);
        if (gate)
                gate->size += bytes.size;
}

ssize_t imap_session_append_data(ImapSession *s, ByteView data) {
        size_t n = data.size;
        int r;

        assert(s->append_tag != 0);

        if (n > s->append_left)
                return -EINVAL;
        if (!s->append_refused) {
                size_t waiting = output_size(s);

                n = waiting < s->limits.output ? MIN(n, s->limits.output - waiting) : 0;
                r = output_reserve(s, n);
                if (r < 0)
                        return r;
                append_bytes(s, (ByteView){data.data, n});
        }

        s->append_left -= n;
        return (ssize_t) n;
}

int imap_session_append_more(ImapSession *s, ByteView more, uint64_t size) {
        char text[32];
        ByteView announcement = announce(text, size, false);
        int r;

        assert(s->append_tag != 0 && !s->append_refused);

        if (s->append_left > 0)
                return -EINVAL;
        r = output_reserve(s, more.size + announcement.size);
        if (r < 0)
                return r;

        append_bytes(s, more);
        append_bytes(s, announcement);
        s->append_left = size;
        return 0;
}

int imap_session_append_end(ImapSession *s) {
        int r;

        assert(s->append_tag != 0);

        if (s->append_left > 0 && !s->append_refused)
                return -EINVAL;
        if (!s->append_refused) {
                r = output_reserve(s, 2);
                if (r < 0)
                        return r;
                append_bytes(s, BYTES("\r\n"));
        }

        s->append_tag = 0;
        return 0;
}

ByteView imap_session_pull(const ImapSession *s) {
        size_t n = output_size(s);

        if (s->n_gates > 0)
                n = (size_t) (s->gates[0].offset - s->sent);
        return n > 0 ? (ByteView){s->out.data + s->out_pos, n} : BYTES_NULL;
}

void imap_session_sent(ImapSession *s, size_t n) {
        assert(n <= imap_session_pull(s).size);

        if (n == 0)
                return;
        explicit_bzero(s->out.data + s->out_pos, n);
        s->out_pos += n;
        s->sent += n;

        if (s->out_pos < s->out.size)
                return;
        s->out.size = s->out_pos = 0;
        if (s->out.capacity > output_keep)
                buffer_done(&s->out);
}

size_t imap_session_n_under_way(const ImapSession *s) {
        return s->n_under_way;
}

size_t imap_session_n_owed(const ImapSession *s) {
        bool is_ours = s->append_tag != 0 && output_size(s) == 0 && s->n_gates == 0 &&
                       session_is_under_way(s, s->append_tag);

        return s->n_under_way - (is_ours ? 1 : 0);
}

ImapTag session_oldest_tag(const ImapSession *s) {
        return s->n_under_way > 0 ? s->under_way[s->first_under_way] : 0;
}

/* The place of a tag among those under way, or SIZE_MAX. */
static size_t find_under_way(const ImapSession *s, ImapTag tag) {
        const ImapTag *tags;
        size_t low = 0, high = s->n_under_way;

        if (high == 0)
                return SIZE_MAX;
        tags = s->under_way + s->first_under_way;
        if (tags[0] == tag)
                return 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (tags[middle] < tag)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low < s->n_under_way && tags[low] == tag ? low : SIZE_MAX;
}

bool session_is_under_way(const ImapSession *s, ImapTag tag) {
        return find_under_way(s, tag) != SIZE_MAX;
}

int session_complete(ImapSession *s, ImapTag tag) {
        size_t i = find_under_way(s, tag);
        SessionGate *gate = find_gate(s, tag);

        /* A command that was not sent cannot have been answered. */
        if (i == SIZE_MAX || i >= n_let_out(s) || (gate && gate->offset > s->sent))
                return -EBADMSG;

        if (gate)
                refuse_gate(s, gate);
        if (s->idle_tag == tag) {
                s->idle_tag = 0;
                s->idle_confirmed = false;
        }

        if (i > 0) {
                ImapTag *at = s->under_way + s->first_under_way + i;

                memmove(at, at + 1, (s->n_under_way - i - 1) * sizeof(*at));
        } else
                s->first_under_way++;
        s->n_under_way--;
        if (s->n_under_way == 0)
                s->first_under_way = 0;
        open_turns(s);
        return 0;
}

bool session_continue(ImapSession *s) {
        SessionGate gate;

        if (s->n_gates == 0 || s->gates[0].offset != s->sent || s->gates[0].tag == 0)
                return false;

        gate = s->gates[0];
        remove_gate(s, &s->gates[0]);
        if (gate.is_idle && s->idle_tag == gate.tag)
                s->idle_confirmed = true;
        return !gate.is_idle;
}
