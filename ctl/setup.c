/* imapsyncctl setup: the conversation, from the address to the running daemon. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "ctl/client.h"
#include "ctl/setup-ask.h"
#include "ctl/setup-private.h"
#include "ctl/setup-show.h"
#include "ctl/setup.h"

static void setup_done(Setup *setup) {
        if (setup->password) {
                explicit_bzero(setup->password, PASSWORD_MAX);
                (void) munmap(setup->password, PASSWORD_MAX);
        }
        probe_reply_done(&setup->reply);
        found_server_done(&setup->server);
        config_free(setup->config);
        file_before_done(&setup->before);
        free(setup->address);
        free(setup->domain);
        free(setup->name);
        free(setup->user);
        free(setup->maildir);
        free(setup->command);
        free(setup->folder);
        setup_options_done(&setup->options);
}

void say(const Setup *setup, const char *format, ...) {
        _cleanup_(buffer_done) Buffer safe = BUFFER_NULL, lines = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        va_list args;
        int n;

        if (setup->is_mute)
                return;
        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return;
        }
        if (text_escape(&safe, text) < 0 ||
            text_append_wrapped(&lines, buffer_view(&safe), 0, setup->screen.width) < 0)
                return;
        fwrite(lines.data, 1, lines.size, stdout);
        (void) fflush(stdout);
}

static void print(const Setup *setup, const Buffer *text) {
        if (setup->is_mute)
                return;
        fwrite(text->data, 1, text->size, stdout);
        (void) fflush(stdout);
}

/* --- before a question is asked: can it be written at all? --- */

static int look_at_file(Setup *setup) {
        const char *path = setup->options.config_path, *slash = strrchr(path, '/');
        int r;

        setup->folder =
                slash > path ? strndup(path, (size_t) (slash - path)) : strdup(slash ? "/" : ".");
        if (!setup->folder)
                return -ENOMEM;
        r = file_read(path, &setup->before);
        if (r < 0) {
                complain("%s cannot be read: %s", path, strerror(-r));
                return SETUP_SAID;
        }
        r = file_make_folder(path);
        if (r == 0)
                r = file_try_folder(setup->before.path);
        if (r < 0) {
                complain("%s cannot be written to: %s. Nothing was done.", setup->folder,
                         strerror(-r));
                return SETUP_SAID;
        }
        r = setup_load(&setup->before, &setup->config);
        if (r == -EINVAL) {
                complain("Mend that first; nothing was done.");
                return SETUP_SAID;
        }
        return r;
}

static int map_password(Setup *setup) {
        void *memory = mmap(NULL, PASSWORD_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                            -1, 0);

        if (memory == MAP_FAILED)
                return -errno;
        (void) mlock(memory, PASSWORD_MAX);
        (void) madvise(memory, PASSWORD_MAX, MADV_DONTDUMP);
        setup->password = memory;
        return 0;
}

/* --- the steps --- */

static void fill_account(Setup *setup) {
        const SecretPlace place = setup->account.secret;

        setup->account = (SetupAccount){
                .name = setup->name,
                .address = setup->address,
                .host = setup->server.host,
                .port = setup->server.port,
                .tls = setup->server.tls,
                .proxy = setup->options.proxy_url,
                .user = setup->user,
                .maildir = setup->maildir,
                .ca_file = setup->options.ca_file,
                .tls_pin = setup->options.tls_pin,
                .secret = place,
        };
}

static int gather(Setup *setup) {
        int r = setup_take_address(setup);

        if (r == 0)
                r = setup_take_server(setup);
        if (r == 0)
                r = setup_take_user(setup);
        if (r == 0)
                r = setup_take_name(setup);
        if (r == 0)
                r = setup_take_maildir(setup);
        if (r == 0)
                r = setup_take_secret(setup);
        if (r == 0)
                fill_account(setup);
        return r;
}

/* The whole file as it will be, before anybody types a password for it. */
static int draft(Setup *setup, Buffer *text) {
        _cleanup_(buffer_done) Buffer section = BUFFER_NULL;
        int r = setup_section(&setup->account, &section);

        if (r == 0)
                r = setup_configuration(&setup->before, buffer_view(&section), text);
        if (r == -EINVAL) {
                complain("So that account cannot be written; nothing was done.");
                return SETUP_SAID;
        }
        return r;
}

static int show_reply(const Setup *setup) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = show_server(&setup->reply, &setup->screen, &text);

        say(setup, "It works.");
        if (r == 0)
                r = buffer_append_string(&text, "\n");
        if (r == 0)
                r = show_mailboxes(&setup->reply, &setup->screen, &text);
        if (r == 0)
                r = buffer_append_string(&text, "\n");
        if (r == 0)
                print(setup, &text);
        return r;
}

static int agree(const Setup *setup) {
        const char *path = setup->options.config_path;
        _cleanup_(buffer_done) Buffer section = BUFFER_NULL;
        int r = setup_section_to_show(&setup->account, &section);

        if (r < 0)
                return r;
        say(setup, setup->before.exists ? "This will be added to %s:" : "This will be %s:", path);
        print(setup, &section);
        say(setup, " ");
        if (setup->options.yes)
                return 0;
        if (!setup->asks) {
                complain("Nothing was written: without a terminal to ask on, --yes is needed.");
                return SETUP_SAID;
        }
        r = ask_yes("Write it?", true);
        if (r != 0)
                return r < 0 ? r : 0;
        say(setup, "Nothing was written.");
        return SETUP_SAID;
}

static int keep(Setup *setup, const Buffer *text) {
        const char *path = setup->options.config_path;
        int r = 0;

        if (setup->password && *setup->password)
                r = secret_keep(&setup->account.secret, setup->password);
        if (r < 0) {
                complain("The password was not kept, and nothing else was written.");
                return SETUP_SAID;
        }
        r = file_replace(&setup->before, buffer_view(text));
        if (r == -EBUSY)
                complain("%s has been changed meanwhile and was left as it is; try again.", path);
        else if (r < 0)
                complain("%s cannot be written: %s", path, strerror(-r));
        else
                say(setup, "%s %s.", setup->before.exists ? "Added to" : "Written:", path);
        return r < 0 ? SETUP_SAID : 0;
}

static int converse(Setup *setup) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = look_at_file(setup), started;

        if (r == 0)
                r = gather(setup);
        if (r == 0)
                r = draft(setup, &text);
        if (r == 0)
                r = setup_login(setup);
        if (r == 0)
                r = show_reply(setup);
        if (r == 0)
                r = agree(setup);
        if (r == 0)
                r = keep(setup, &text);
        if (r != 0)
                return r;
        started = setup_take_up(setup);
        r = setup->options.json ? setup_print_json(setup) : 0;
        return r < 0 ? r : started;
}

int setup_run(int argc, char **argv, const Screen *screen) {
        _cleanup_(setup_done) Setup setup = {0};
        int r = setup_options_parse(argc, argv, &setup.options);

        if (r != 0)
                return r > 0 ? EXIT_DONE : EXIT_USAGE;
        setup.asks = ask_is_possible() && !setup.options.json;
        setup.is_mute = setup.options.json;
        setup.screen = *screen;
        ask_begin();
        r = map_password(&setup);
        if (r == 0)
                r = converse(&setup);
        if (r == -EINTR || r == -ENODATA) {
                complain("Interrupted; nothing was written.");
                return EXIT_INTERRUPTED;
        }
        if (r < 0)
                complain("%s", strerror(-r));
        return r == 0 ? EXIT_DONE : EXIT_SAYS_NO;
}
