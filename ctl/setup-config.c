/* The section of an account, and the configuration with it. */

#include <errno.h>
#include <stdio.h>

#include "config/config-value.h"
#include "ctl/client.h"
#include "ctl/setup-config.h"

static const char head[] = "# The configuration of imapsyncd; every key is in imapsyncd.conf(5).\n"
                           "# After a change: imapsyncctl reload\n";

/* In quotes where the reader would take a part of it for something else. */
static int append_value(Buffer *out, const char *value) {
        const size_t n = strlen(value);
        int r;

        if (n > 0 && value[0] != '"' && value[0] != ' ' && value[n - 1] != ' ' && value[0] != '#' &&
            value[0] != ';' && !strstr(value, " #") && !strstr(value, " ;") && !strchr(value, '\t'))
                return buffer_append_string(out, value);

        r = buffer_append_string(out, "\"");
        for (const char *c = value; r == 0 && *c; c++) {
                if (*c == '"' || *c == '\\')
                        r = buffer_append_string(out, "\\");
                if (r == 0)
                        r = buffer_append(out, c, 1);
        }
        return r < 0 ? r : buffer_append_string(out, "\"");
}

/* @value NULL: the key is left out. */
static int append_key(Buffer *out, const char *key, const char *value) {
        int r;

        if (!value)
                return 0;
        r = buffer_append_format(out, "%s = ", key);
        if (r == 0)
                r = append_value(out, value);
        return r < 0 ? r : buffer_append_string(out, "\n");
}

static const char *tls_word(TlsMode tls) {
        switch (tls) {
        case TLS_IMPLICIT:
                return NULL; /* the default */
        case TLS_STARTTLS:
                return "starttls";
        case TLS_NONE:
                return "none";
        }

        abort(); /* the switch is complete */
}

static int append_server(Buffer *out, const SetupAccount *account) {
        int r = append_key(out, "host", account->host);

        if (r == 0 && account->port != (account->tls == TLS_IMPLICIT ? 993 : 143))
                r = buffer_append_format(out, "port = %u\n", account->port);
        if (r == 0)
                r = append_key(out, "proxy", account->proxy);
        if (r == 0)
                r = append_key(out, "tls", tls_word(account->tls));
        if (r == 0)
                r = append_key(out, "ca-file", account->ca_file);
        if (r == 0)
                r = append_key(out, "tls-pin", account->tls_pin);
        return r < 0 ? r : append_key(out, "user", account->user);
}

int setup_section_for_try(const SetupAccount *account, const char *password_path, Buffer *out) {
        int r = buffer_append_format(out, "[account %s]\ntimeout = 30s\n", account->name);

        if (r == 0)
                r = append_server(out, account);
        if (r == 0)
                r = append_key(out, "password-file", password_path);
        return r < 0 ? r : append_key(out, "maildir", account->maildir);
}

/* What many come back to change. */
static const char choices[] =
        "# Only some mailboxes, one pattern a line, \"!\" excludes, the last match decides:\n"
        "#mailboxes =\n"
        "#        *\n"
        "#        !Junk\n"
        "# Deletions of more than this share of a mailbox wait for imapsyncctl confirm:\n"
        "#brake = 25%\n";

int setup_section(const SetupAccount *account, Buffer *out) {
        _cleanup_free_ char *value = NULL;
        const char *key;
        int r = secret_key(&account->secret, &key, &value);

        if (r == 0)
                r = buffer_append_format(out, "# %s\n[account %s]\n", account->address,
                                         account->name);
        if (r == 0)
                r = append_server(out, account);
        if (r == 0)
                r = buffer_append_format(out, "# The password: %s.\n",
                                         secret_kind_sentence(account->secret.kind));
        if (r == 0)
                r = append_key(out, key, value);
        if (r == 0)
                r = buffer_append_string(out, "# The mail on this machine:\n");
        if (r == 0)
                r = append_key(out, "maildir", account->maildir);
        return r < 0 ? r : buffer_append_string(out, choices);
}

/* USER:PASSWORD@ is the last but the place; a URL that has been read has the “://” and the “:”. */
static int hide_password(const char *url, char **ret_url) {
        const char *at = strrchr(url, '@'),
                   *colon = at ? strchr(strstr(url, "://") + 3, ':') : NULL;
        int n;

        if (!at)
                n = asprintf(ret_url, "%s", url);
        else
                n = asprintf(ret_url, "%.*s:***%s", (int) (colon - url), url, at);
        return n < 0 ? -ENOMEM : 0;
}

int setup_section_to_show(const SetupAccount *account, Buffer *out) {
        _cleanup_free_ char *proxy = NULL;
        SetupAccount shown = *account;
        int r = account->proxy ? hide_password(account->proxy, &proxy) : 0;

        if (r < 0)
                return r;
        shown.proxy = proxy;
        return setup_section(&shown, out);
}

static int check(ByteView text, const FileBefore *before, Config **ret_config) {
        const mode_t mode = before->exists ? before->stat.st_mode & 07777 : 0600;
        _cleanup_free_ char *error = NULL;
        int r = config_parse(text, before->path, mode, getenv("HOME"), ret_config, &error);

        if (r < 0)
                complain("%s", error ? error : strerror(-r));
        return r;
}

int setup_load(const FileBefore *before, Config **ret_config) {
        *ret_config = NULL;
        return before->exists ? check(buffer_view(&before->text), before, ret_config) : 0;
}

int setup_configuration(const FileBefore *before, ByteView section, Buffer *out) {
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        if (before->text.size > 0) {
                r = buffer_append_view(out, buffer_view(&before->text));
                if (r == 0 && out->data[out->size - 1] != '\n')
                        r = buffer_append_string(out, "\n");
        } else
                r = buffer_append_string(out, head);
        if (r == 0)
                r = buffer_append_string(out, "\n");
        if (r == 0)
                r = buffer_append_view(out, section);
        return r < 0 ? r : check(buffer_view(out), before, &config);
}
