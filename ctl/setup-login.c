/*
 * imapsyncctl setup: the login is tried, and nothing is kept before it has worked
 *
 * A password that is there already is tried as the daemon will find it; one that is typed goes to imapsyncd in
 * a descriptor that nobody else has.
 */

#include <errno.h>
#include <stdio.h>

#include "config/config-proxy.h"
#include "ctl/client.h"
#include "ctl/setup-ask.h"
#include "ctl/setup-private.h"
#include "ctl/setup-program.h"

#define TRIES 3u

static int say_try(const Setup *setup) {
        _cleanup_(buffer_done) Buffer proxy = BUFFER_NULL;
        int r = setup->options.proxy ? proxy_show(setup->options.proxy, &proxy) : 0;

        if (r == 0)
                say(setup, "Trying to log in to %s as %s%s%.*s ...", setup->account.host,
                    setup->account.user, proxy.size > 0 ? " through " : "", (int) proxy.size,
                    proxy.size > 0 ? proxy.data : "");
        return r;
}

/* @fd: has the password; 0: the configuration's own place is tried. */
static int try_once(Setup *setup, int fd) {
        _cleanup_(buffer_done) Buffer section = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        const SecretPlace *place = &setup->account.secret;
        int r;

        if (fd > 0 && asprintf(&path, "/proc/self/fd/%d", fd) < 0)
                return -ENOMEM;
        if (fd == 0 && place->kind == SECRET_CREDENTIAL) {
                path = secret_path(place); /* it is the unit that has it as a credential */
                if (!path)
                        return -ENOMEM;
        }
        r = path ? setup_section_for_try(&setup->account, path, &section)
                 : setup_section(&setup->account, &section);
        if (r < 0)
                return r;
        r = say_try(setup);
        if (r < 0)
                return r;
        probe_reply_done(&setup->reply);
        r = probe_ask(buffer_view(&section), fd, &setup->reply);
        return r == 0 || r == -EINTR || r == -ENOMEM ? r : SETUP_SAID;
}

/* What went wrong, as one sentence. Return: 0 it went well; 1 another password may do; 2: not. */
static int judge(const Setup *setup) {
        const ProbeReply *reply = &setup->reply;
        const char *sentence = reply->sentence ? reply->sentence : "";

        switch (reply->outcome) {
        case PROBE_DONE:
                return 0;
        case PROBE_DENIED:
                complain("The login does not work: %s", sentence);
                return 1;
        case PROBE_REFUSED:
                complain("The login does not work: %s. Nothing was written.", sentence);
                return 2;
        case PROBE_LOST:
                complain("%s. Nothing was written; try again when it can be reached.", sentence);
                return 2;
        case PROBE_BROKEN:
                return 2;
        }

        abort(); /* the switch is complete */
}

static int try_kept(Setup *setup) {
        const bool is_command = secret_kind_is_command(setup->account.secret.kind);
        int r;

        if (!is_command)
                say(setup, "A password is there already, and is used (%s).",
                    secret_kind_sentence(setup->account.secret.kind));
        r = try_once(setup, 0);
        if (r != 0)
                return r;
        r = judge(setup);
        if (r == 1)
                complain("Nothing was written. Is it the right %s, and the right user name?",
                         is_command ? "command" : "password that is kept there");
        return r > 0 ? SETUP_SAID : 0;
}

static int try_typed(Setup *setup) {
        const int fd = program_text_fd(bytes_of(setup->password));
        int r;

        if (fd < 0)
                return fd;
        r = try_once(setup, fd);
        (void) close(fd);
        return r;
}

static int take_password(Setup *setup) {
        int r;

        if (setup->options.password_stdin)
                r = ask_read_line(setup->password, PASSWORD_MAX);
        else if (setup->asks)
                r = ask_secret("Password (not shown)", setup->password, PASSWORD_MAX);
        else {
                complain("There is no terminal to ask on: say --password-stdin, or keep the "
                         "password "
                         "first.");
                return SETUP_SAID;
        }
        if (r == -E2BIG)
                complain("No password is that long.");
        else if (r == 0 && !*setup->password)
                complain("The password is empty.");
        else
                return r;
        return SETUP_SAID;
}

int setup_login(Setup *setup) {
        const bool asks_again = setup->asks && !setup->options.password_stdin;
        int r = secret_exists(&setup->account.secret);

        if (r < 0)
                return r;
        if (r > 0)
                return try_kept(setup);

        for (unsigned i = 1;; i++) {
                r = take_password(setup);
                if (r == 0)
                        r = try_typed(setup);
                if (r != 0)
                        return r;
                r = judge(setup);
                if (r != 1)
                        return r > 0 ? SETUP_SAID : 0;
                if (!asks_again || i == TRIES)
                        break;
        }
        complain("%sNothing was written.%s%s", asks_again ? "Refused three times. " : "",
                 setup->server.provider && setup->server.provider->hint ? " " : "",
                 setup->server.provider && setup->server.provider->hint
                         ? setup->server.provider->hint
                         : "");
        return SETUP_SAID;
}
