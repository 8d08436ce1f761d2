/* The daemon takes the account up. */

#include <errno.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/client.h"
#include "ctl/find.h"
#include "ctl/setup-file.h"
#include "ctl/setup-program.h"
#include "ctl/setup-unit.h"

static int systemctl(const char *verb, const char *option, const char *unit, bool be_quiet) {
        const char *const words[] = {"systemctl",          "--user", verb, unit ? unit : option,
                                     unit ? option : NULL, NULL};
        const Program program = {.words = words, .be_quiet = be_quiet};

        return program_run(&program);
}

static bool has_manager(void) {
        return systemctl("show-environment", NULL, NULL, true) == 0;
}

static bool has_unit(void) {
        return systemctl("cat", NULL, "imapsyncd.service", true) == 0;
}

/* In a unit "%" begins a specifier. */
static int append_path(Buffer *out, const char *path) {
        int r = 0;

        for (; r == 0 && *path; path++)
                r = buffer_append(out, *path == '%' ? "%%" : path, *path == '%' ? 2 : 1);
        return r;
}

/* ~/.config/systemd/user/imapsyncd.service.d/imap.NAME.conf */
static int drop_in_path(const char *account, char **ret_path) {
        const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        const char *const format =
                base ? "%s/systemd/user/imapsyncd.service.d/imap.%s.conf"
                     : "%s/.config/systemd/user/imapsyncd.service.d/imap.%s.conf";

        if (!base && !home)
                return -ENOENT;
        return asprintf(ret_path, format, base ? base : home, account) < 0 ? -ENOMEM : 0;
}

static int write_drop_in(const SecretPlace *place) {
        _cleanup_free_ char *path = NULL, *secret = secret_path(place);
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = secret ? drop_in_path(place->account, &path) : -ENOMEM;

        if (r == 0)
                r = buffer_append_format(&text,
                                         "[Service]\nLoadCredential=imap.%s:", place->account);
        if (r == 0)
                r = append_path(&text, secret);
        if (r == 0)
                r = buffer_append_string(&text, "\n");
        if (r == 0)
                r = file_create(path, buffer_view(&text));
        if (r == -EEXIST)
                r = 0; /* of a time before: it says the same */
        if (r < 0)
                complain("%s: %s", path ? path : "imapsyncd.service.d", strerror(-r));
        return r;
}

/* One that runs without a unit. */
static UnitOutcome tell_daemon(void) {
        _cleanup_(sockets_done) Sockets sockets = SOCKETS_NULL;
        sd_bus *bus = NULL;
        int status;

        if (sockets_find(NULL, &sockets) < 0 ||
            client_try_connect(sockets.paths[0], &bus) != EXIT_DONE)
                return UNIT_ABSENT;
        status = client_call(bus, NULL, "Reload", NULL);
        sd_bus_close_unref(bus);
        return status == EXIT_DONE ? UNIT_RELOADED : UNIT_FAILED;
}

/* Credentials are read when the unit starts. */
static UnitOutcome tell_unit(const SecretPlace *place) {
        const bool is_active = systemctl("is-active", "--quiet", "imapsyncd.service", true) == 0;
        const char *verb = place->kind == SECRET_CREDENTIAL ? "restart" : "reload";

        if (!is_active && systemctl("enable", "--now", "imapsyncd.service", false) == 0)
                return UNIT_STARTED;
        if (is_active && systemctl(verb, NULL, "imapsyncd.service", false) == 0)
                return UNIT_RELOADED;
        complain("systemctl --user %s imapsyncd has failed; systemctl --user status imapsyncd says "
                 "why.",
                 is_active ? verb : "enable --now");
        return UNIT_FAILED;
}

UnitOutcome unit_take_up(const SecretPlace *place) {
        if (place->kind == SECRET_CREDENTIAL && write_drop_in(place) < 0)
                return UNIT_FAILED;
        if (!has_manager())
                return tell_daemon();
        (void) systemctl("daemon-reload", NULL, NULL, true);
        return has_unit() ? tell_unit(place) : tell_daemon();
}
