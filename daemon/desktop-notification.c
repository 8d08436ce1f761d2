/* New mail of an account on the desktop. */

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "daemon/desktop-notification.h"
#include "daemon/log.h"
#include "daemon/timer.h"
#include "imap/command.h"
#include "imap/header-text.h"

#define SERVICE   "org.freedesktop.Notifications"
#define PATH      "/org/freedesktop/Notifications"
#define INTERFACE "org.freedesktop.Notifications"

#define N_LINES     5u
#define MAX_HEADER  32768u /* bytes of a file that are looked through for its sender and subject */
#define MAX_SENDER  80u
#define MAX_SUBJECT 160u
#define GATHER_USEC ((uint64_t) 500000) /* mail often comes in more than one */

typedef struct Line {
        char *sender, *subject; /* owned */
} Line;

struct DesktopNotification {
        sd_event *event;     /* ref */
        const char *account; /* borrowed */
        Timer timer;         /* until it is shown */
        uint64_t count;      /* of all messages */
        uint64_t shown;      /* as it was when they were shown last */
        uint64_t closed;     /* of those in notifications that were closed */
        Line lines[N_LINES]; /* of the newest: count % N_LINES is the next */
        unsigned n_read;     /* since it was shown last */
        bool is_due;

        sd_bus *bus;            /* NULL: not opened yet, or gone */
        sd_bus_slot *call;      /* the one under way */
        sd_bus_slot *on_closed; /* who tells that it was closed */
        sd_bus_slot *disconnected;
        sd_event_source *over; /* deferred: the bus is gone; this may be a callback of it */
        bool has_capabilities, has_markup;
        uint32_t id; /* of what stands on the desktop; 0: nothing */
        bool was_logged;
};

/* --- what a message says --- */

/* The C library knows the charsets that the decoder does not. */
static int convert(const char *charset, ByteView bytes, Buffer *out) {
        iconv_t cd = iconv_open("UTF-8", charset);
        char *in = (char *) bytes.data, *to;
        size_t n_in = bytes.size, room = 4 * bytes.size + 16;
        int r;

        if (cd == (iconv_t) -1)
                return errno == ENOMEM ? -ENOMEM : -EINVAL;
        r = buffer_reserve(out, room);
        if (r >= 0) {
                to = out->data + out->size;
                if (iconv(cd, &in, &n_in, &to, &room) == (size_t) -1)
                        r = -EINVAL;
                else
                        out->size = (size_t) (to - out->data);
        }
        (void) iconv_close(cd);
        return r;
}

static ssize_t read_beginning(const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        return fd < 0 ? -errno : read(fd, buffer, size);
}

static char *show_field(ByteView header, const char *name, size_t max,
                        int (*show)(ByteView value, HeaderConvertFn fn, size_t max, Buffer *out)) {
        _cleanup_(buffer_done) Buffer value = BUFFER_NULL, shown = BUFFER_NULL;

        if (imap_header_value(header, name, &value) < 0 ||
            show(buffer_view(&value), convert, max, &shown) < 0)
                return NULL;
        return shown.size > 0 ? buffer_steal_string(&shown) : NULL;
}

static void line_done(Line *line) {
        free(line->sender);
        free(line->subject);
        *line = (Line){0};
}

static void read_line(Line *line, const char *path) {
        static char beginning[MAX_HEADER];
        ByteView header = {beginning, 0};
        const char *end;
        ssize_t size;

        line_done(line);
        size = path ? read_beginning(path, beginning, sizeof(beginning)) : 0;
        if (size <= 0)
                return;
        header.size = (size_t) size;
        end = memmem(beginning, header.size, "\n\n", 2);
        if (end)
                header.size = (size_t) (end - beginning) + 1;
        line->sender = show_field(header, "From", MAX_SENDER, header_sender_append);
        line->subject = show_field(header, "Subject", MAX_SUBJECT, header_text_append);
}

static const char *sender_of(const Line *line) {
        return line->sender ? line->sender : "(no sender)";
}

static const char *subject_of(const Line *line) {
        return line->subject ? line->subject : "(no subject)";
}

/* --- what is shown --- */

/* Where the body may have markup, foreign text must not. */
static int add_text(const DesktopNotification *n, Buffer *body, const char *text) {
        int r = 0;

        for (; *text && r >= 0; text++)
                if (n->has_markup && *text == '&')
                        r = buffer_append_string(body, "&amp;");
                else if (n->has_markup && *text == '<')
                        r = buffer_append_string(body, "&lt;");
                else if (n->has_markup && *text == '>')
                        r = buffer_append_string(body, "&gt;");
                else
                        r = buffer_append(body, text, 1);
        return r;
}

/* The newest first. */
static int format_lines(const DesktopNotification *n, Buffer *body) {
        const uint64_t n_lines = MIN(n->count - n->closed, (uint64_t) N_LINES);
        int r = 0;

        for (uint64_t i = 1; i <= n_lines && r >= 0; i++) {
                const Line *line = &n->lines[(n->count - i) % N_LINES];

                if (!line->sender && !line->subject) /* one of many: it was not read */
                        continue;
                if (body->size > 0)
                        r = buffer_append_string(body, "\n");
                if (r >= 0)
                        r = add_text(n, body, sender_of(line));
                if (r >= 0)
                        r = buffer_append_string(body, ": ");
                if (r >= 0)
                        r = add_text(n, body, subject_of(line));
        }
        return r;
}

static int format(const DesktopNotification *n, char **ret_summary, char **ret_body) {
        _cleanup_(buffer_done) Buffer summary = BUFFER_NULL, body = BUFFER_NULL;
        const Line *line = &n->lines[(n->count - 1) % N_LINES];
        int r;

        if (n->count - n->closed == 1) {
                r = buffer_append_string(&summary, sender_of(line));
                if (r >= 0)
                        r = add_text(n, &body, subject_of(line));
        } else {
                r = buffer_append_format(&summary, "%llu new messages (%s)",
                                         (unsigned long long) (n->count - n->closed), n->account);
                if (r >= 0)
                        r = format_lines(n, &body);
        }
        if (r < 0)
                return r;
        *ret_summary = buffer_steal_string(&summary);
        *ret_body = buffer_steal_string(&body);
        return *ret_summary && *ret_body ? 0 : -ENOMEM;
}

/* --- the bus --- */

static void forget(DesktopNotification *n) {
        for (unsigned i = 0; i < N_LINES; i++)
                line_done(&n->lines[i]);
        n->closed = n->count;
        n->id = 0;
        n->is_due = false;
        n->on_closed = sd_bus_slot_unref(n->on_closed);
}

static void drop_bus(DesktopNotification *n) {
        n->call = sd_bus_slot_unref(n->call);
        n->on_closed = sd_bus_slot_unref(n->on_closed);
        n->disconnected = sd_bus_slot_unref(n->disconnected);
        n->bus = sd_bus_close_unref(n->bus);
        n->has_capabilities = false;
        n->id = 0;
}

/* Nobody can be told: of this mail no more. */
static void give_up(DesktopNotification *n, const char *why) {
        log_about(n->was_logged ? LOG_DEBUG : LOG_INFO, (LogSubject){n->account},
                  "new mail cannot be shown on the desktop: %s", why);
        n->was_logged = true;
        forget(n);
}

static int on_over(sd_event_source *source, void *userdata) {
        DesktopNotification *n = userdata;

        (void) source;
        drop_bus(n);
        if (n->is_due)
                give_up(n, "the session bus is gone");
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        DesktopNotification *n = userdata;

        (void) m, (void) reterr;
        (void) sd_event_source_set_enabled(n->over, SD_EVENT_ONESHOT);
        return 0;
}

static int open_bus(DesktopNotification *n) {
        int r;

        if (n->bus)
                return 0;
        r = sd_bus_open_user_with_description(&n->bus, "session");
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        n->bus, &n->disconnected, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                        on_disconnected, NULL, n);
        if (r >= 0)
                r = sd_bus_attach_event(n->bus, n->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                drop_bus(n);
        return r;
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        DesktopNotification *n = userdata;
        uint32_t id, reason;

        (void) reterr;
        if (sd_bus_message_read(m, "uu", &id, &reason) < 0 || id != n->id || id == 0)
                return 0;
        n->id = 0;
        n->closed = n->shown; /* what has come since is counted anew */
        if (!n->is_due)
                forget(n);
        return 0;
}

static void show(DesktopNotification *n);

/* Return: false if it says that something went wrong. */
static bool is_good(DesktopNotification *n, sd_bus_message *m) {
        const sd_bus_error *error = sd_bus_message_get_error(m);

        n->call = sd_bus_slot_unref(n->call);
        if (!error)
                return true;
        give_up(n, error->message ? error->message : error->name);
        return false;
}

static int on_notified(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        DesktopNotification *n = userdata;

        (void) reterr;
        if (!is_good(n, m) || sd_bus_message_read(m, "u", &n->id) < 0)
                return 0;
        if (!n->on_closed)
                (void) sd_bus_match_signal_async(n->bus, &n->on_closed, SERVICE, PATH, INTERFACE,
                                                 "NotificationClosed", on_closed, NULL, n);
        show(n); /* what has come meanwhile */
        return 0;
}

static int on_capabilities(sd_bus_message *m, void *userdata, sd_bus_error *reterr) {
        DesktopNotification *n = userdata;
        const char *name;

        (void) reterr;
        if (!is_good(n, m))
                return 0;
        n->has_capabilities = true;
        n->has_markup = false;
        if (sd_bus_message_enter_container(m, 'a', "s") > 0)
                while (sd_bus_message_read(m, "s", &name) > 0)
                        n->has_markup |= strcmp(name, "body-markup") == 0;
        show(n);
        return 0;
}

static int notify(DesktopNotification *n) {
        _cleanup_free_ char *summary = NULL, *body = NULL;
        int r;

        r = format(n, &summary, &body);
        if (r < 0)
                return r;
        n->is_due = false;
        n->n_read = 0;
        n->shown = n->count;
        return sd_bus_call_method_async(n->bus, &n->call, SERVICE, PATH, INTERFACE, "Notify",
                                        on_notified, n, "susssasa{sv}i", "imapsyncd", n->id,
                                        "mail-unread", summary, body, 0, 1, "category", "s",
                                        "email.arrived", -1);
}

/* As far as it goes now; answers go on. */
static void show(DesktopNotification *n) {
        int r;

        if (!n->is_due || n->call)
                return;
        r = open_bus(n);
        if (r >= 0)
                r = n->has_capabilities
                            ? notify(n)
                            : sd_bus_call_method_async(n->bus, &n->call, SERVICE, PATH, INTERFACE,
                                                       "GetCapabilities", on_capabilities, n, "");
        if (r < 0)
                give_up(n, strerror(-r));
}

static void on_gathered(void *userdata) {
        show(userdata);
}

void desktop_notification_add(DesktopNotification *n, const char *path) {
        Line *line = &n->lines[n->count++ % N_LINES];

        /* However much comes at once, only so many files are opened. */
        if (n->n_read++ < N_LINES)
                read_line(line, path);
        else
                line_done(line);
        if (n->is_due)
                return;
        n->is_due = true;
        if (timer_arm(&n->timer, n->event, GATHER_USEC, GATHER_USEC / 2, on_gathered, n) < 0)
                give_up(n, strerror(ENOMEM));
}

/* --- life --- */

int desktop_notification_new(sd_event *event, const char *account,
                             DesktopNotification **ret_notification) {
        _cleanup_(desktop_notification_freep) DesktopNotification *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        n->event = sd_event_ref(event);
        n->account = account;
        r = sd_event_add_defer(event, &n->over, on_over, n);
        if (r >= 0)
                r = sd_event_source_set_enabled(n->over, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret_notification = TAKE_PTR(n);
        return 0;
}

DesktopNotification *desktop_notification_free(DesktopNotification *n) {
        if (!n)
                return NULL;

        timer_done(&n->timer);
        forget(n);
        drop_bus(n);
        sd_event_source_disable_unref(n->over);
        sd_event_unref(n->event);
        free(n);
        return NULL;
}
