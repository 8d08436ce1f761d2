/* imapsyncctl setup: what becomes of it. */

#include <inttypes.h>
#include <stdio.h>

#include "config/config-proxy.h"
#include "ctl/json.h"
#include "ctl/setup-private.h"
#include "ctl/setup-show.h"
#include "ctl/setup-unit.h"

int setup_take_up(Setup *setup) {
        static const char *const words[] = {"started", "reloaded", "absent", "failed"};
        UnitOutcome outcome;

        if (setup->options.no_enable) {
                setup->unit = "left";
                say(setup, "The daemon was left alone: systemctl --user enable --now imapsyncd");
                return 0;
        }
        outcome = unit_take_up(&setup->account.secret);
        setup->unit = words[outcome];
        switch (outcome) {
        case UNIT_STARTED:
                say(setup, "imapsyncd is started, now and at each login. See how it goes: "
                           "imapsyncctl status");
                return 0;
        case UNIT_RELOADED:
                say(setup,
                    "imapsyncd has taken the account up. See how it goes: imapsyncctl status");
                return 0;
        case UNIT_ABSENT:
                say(setup,
                    "There is no service manager of this user to start it: run imapsyncd, or "
                    "imapsyncd --once for a single sync.");
                return 0;
        case UNIT_FAILED:
                return SETUP_SAID;
        }

        abort(); /* the switch is complete */
}

static int append_member(Buffer *out, const char *name, const char *value) {
        int r = buffer_append_format(out, "%s\"%s\":", out->size > 1 ? "," : "", name);

        return r < 0 ? r : json_append_string(out, bytes_of(value));
}

static int append_proxy(Buffer *out, const Proxy *proxy) {
        _cleanup_(buffer_done) Buffer url = BUFFER_NULL;
        int r = proxy ? proxy_show(proxy, &url) : 0;

        if (r == 0)
                r = buffer_append(&url, "", 1);
        return r < 0 ? r : append_member(out, "proxy", url.data);
}

int setup_print_json(const Setup *setup) {
        static const char *const waits[] = {"notify", "idle", "poll"};
        static const char *const tls[] = {"implicit", "starttls", "none"};
        const ShowTotal total = show_total(&setup->reply);
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        int r = buffer_append_string(&out, "{");

        if (r == 0)
                r = append_member(&out, "account", setup->name);
        if (r == 0)
                r = append_member(&out, "config", setup->options.config_path);
        if (r == 0)
                r = append_member(&out, "host", setup->server.host);
        if (r == 0)
                r = append_proxy(&out, setup->options.proxy);
        if (r == 0)
                r = append_member(&out, "tls", tls[setup->server.tls]);
        if (r == 0)
                r = append_member(&out, "user", setup->user);
        if (r == 0)
                r = append_member(&out, "maildir", setup->maildir);
        if (r == 0)
                r = append_member(&out, "waits", waits[setup->reply.waits]);
        if (r == 0)
                r = append_member(&out, "unit", setup->unit);
        if (r == 0)
                r = buffer_append_format(&out,
                                         ",\"port\":%u,\"mailboxes\":%" PRIu64
                                         ",\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                                         setup->server.port, total.mailboxes, total.messages,
                                         total.bytes);
        if (r == 0)
                fwrite(out.data, 1, out.size, stdout);
        return r;
}
