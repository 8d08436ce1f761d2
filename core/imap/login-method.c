/* How to log in, and how that is said. */

#include <errno.h>

#include "imap/command.h"
#include "imap/login-method.h"
#include "imap/sasl.h"

void buffer_wipe(Buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->capacity);
        buffer_done(buffer);
}

int login_format_plain(const ImapLoginOptions *options, LoginMethod method, Buffer *out) {
        const size_t size = strlen(options->user) + strlen(options->password) + 2;
        int r;

        r = buffer_reserve(out, sizeof("AUTHENTICATE PLAIN ") + (size + 2) / 3 * 4 + 1);
        if (r < 0)
                return r;
        if (method == LOGIN_METHOD_PLAIN_INITIAL)
                r = buffer_append_string(out, "AUTHENTICATE PLAIN ");
        return r < 0 ? r : sasl_plain(options->user, options->password, out);
}

static int format_login(const ImapLoginOptions *options, Buffer *out) {
        const ByteView user = bytes_of(options->user);
        const ByteView password = bytes_of(options->password);
        int r;

        /* Quoting doubles a byte at worst. */
        r = buffer_reserve(out, sizeof("LOGIN  ") + 2 * (user.size + password.size) + 4);
        if (r == 0)
                r = buffer_append_string(out, "LOGIN ");
        if (r == 0)
                r = imap_format_astring(user, out);
        if (r == 0)
                r = buffer_append_string(out, " ");
        return r < 0 ? r : imap_format_astring(password, out);
}

int login_method_choose(const ImapLoginOptions *options, const ImapCapabilities *offered,
                        LoginMethod *ret_method, Buffer *out) {
        _cleanup_(buffer_wipe) Buffer plain = BUFFER_NULL, by_login = BUFFER_NULL;
        const bool has_plain = imap_has(offered, IMAP_CAPABILITY_AUTH_PLAIN);
        const bool has_initial = has_plain && imap_has(offered, IMAP_CAPABILITY_SASL_IR);
        bool has_login = !imap_has(offered, IMAP_CAPABILITY_LOGINDISABLED);
        LoginMethod method = has_initial ? LOGIN_METHOD_PLAIN_INITIAL
                             : has_plain ? LOGIN_METHOD_PLAIN
                                         : LOGIN_METHOD_NONE;
        int r;

        if (has_login) {
                r = format_login(options, &by_login);
                if (r == -EINVAL)
                        has_login = false;
                else if (r < 0)
                        return r;
        }

        if (has_plain) {
                r = login_format_plain(options, method, &plain);
                if (r < 0 && r != -EINVAL)
                        return r;
                if (r == -EINVAL)
                        method = LOGIN_METHOD_NONE;
        }

        if (has_login && (method != LOGIN_METHOD_PLAIN_INITIAL || by_login.size <= plain.size)) {
                method = LOGIN_METHOD_LOGIN;
                *out = by_login;
                by_login = BUFFER_NULL;
        } else {
                *out = plain;
                plain = BUFFER_NULL;
        }
        *ret_method = method;
        return 0;
}
