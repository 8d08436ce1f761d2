/*
 * imapsyncctl import: take over what another program has synchronised
 *
 * First everything is read and judged, then the report is printed, and only then is anything written: the
 * state databases beside their places, then into them, and the configuration last. Nothing that is there
 * already is touched.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/client.h"
#include "ctl/import-json.h"
#include "ctl/import.h"
#include "daemon/state-lock.h"
#include "import/import.h"

typedef struct Places {
        char *from, *config, *state_dir; /* owned */
} Places;

static void places_done(Places *places) {
        free(places->from);
        free(places->config);
        free(places->state_dir);
}

static int failed(int error, const char *what, const char *path) {
        complain("%s %s: %s", path, what, strerror(-error));
        return EXIT_SAYS_NO;
}

static int out_of_memory(void) {
        complain("%s", strerror(ENOMEM));
        return EXIT_SAYS_NO;
}

/* --- places --- */

/* @given, made absolute; or $VARIABLE/REST; or $HOME/FALLBACK/REST. NULL: out of memory. */
static char *place(const char *given, const char *variable, const char *fallback,
                   const char *rest) {
        const char *base = getenv(variable);
        char *path = NULL;
        int n;

        if (given && given[0] == '/')
                return strdup(given);
        if (given) {
                _cleanup_free_ char *here = get_current_dir_name();

                n = here ? asprintf(&path, "%s/%s", here, given) : -1;
        } else if (base && base[0] == '/') {
                n = asprintf(&path, "%s/%s", base, rest);
        } else {
                n = asprintf(&path, "%s/%s/%s", getenv("HOME"), fallback, rest);
        }
        return n < 0 ? NULL : path;
}

static bool find_places(const ImportOptions *options, ImportProgram program, Places *places) {
        const char *state = getenv("STATE_DIRECTORY");

        if (!options->state_dir && state && state[0] == '/')
                places->state_dir = strdup(state);
        else
                places->state_dir =
                        place(options->state_dir, "XDG_STATE_HOME", ".local/state", "imapsyncd");
        places->config =
                place(options->config, "XDG_CONFIG_HOME", ".config", "imapsyncd/imapsyncd.conf");
        places->from = options->from ? place(options->from, "HOME", "", "")
                                     : import_default_path(program, getenv("HOME"),
                                                           getenv("XDG_CONFIG_HOME"));
        return places->from && places->config && places->state_dir;
}

/* --- judging --- */

/* "Sentence\n", each a line on stderr. */
static void complain_lines(ByteView text) {
        while (text.size > 0) {
                const ByteView line = bytes_take_until(&text, '\n');

                if (line.size > 0)
                        complain("%.*s", (int) line.size, line.data);
        }
}

static int read_other(Import *import) {
        int r = import_read(import);

        if (r == -ENOMEM)
                return out_of_memory();
        if (r < 0)
                return failed(r, "cannot be read", import->path);
        if (import->refusals.size == 0)
                return 0;
        complain_lines((ByteView){import->refusals.data, import->refusals.size});
        complain("Nothing is imported, and nothing was changed.");
        return EXIT_SAYS_NO;
}

/* What we are about to write must be what imapsyncd will read. */
static int check_config(const char *path, ByteView text) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;

        if (config_parse(text, path, 0600, getenv("HOME"), &config, &error) >= 0)
                return 0;
        if (!error)
                return out_of_memory();
        complain_lines(bytes_of(error));
        complain("The configuration made of it would not do; nothing was changed.");
        return EXIT_SAYS_NO;
}

static bool exists(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0;
}

static char *database_path(const Places *places, const ImportAccount *account, const char *suffix) {
        char *path;

        return asprintf(&path, "%s/%s.db%s", places->state_dir, account->name, suffix) < 0 ? NULL
                                                                                           : path;
}

/* Nothing is overwritten. */
static int check_places(const Import *import, const Places *places) {
        if (exists(places->config)) {
                complain("%s is there already, and is not touched: name another file with "
                         "--config, or "
                         "move it away.",
                         places->config);
                return EXIT_SAYS_NO;
        }
        for (size_t i = 0; i < import->n_accounts; i++) {
                _cleanup_free_ char *path = database_path(places, &import->accounts[i], "");

                if (!path)
                        return out_of_memory();
                if (exists(path)) {
                        complain("%s is there already, and is not touched: name another directory "
                                 "with "
                                 "--state-dir, or move it away.",
                                 path);
                        return EXIT_SAYS_NO;
                }
        }
        return 0;
}

/* --- writing --- */

static int make_parents(const char *path) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(copy, 0700) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

/* What is in a directory is there after a power cut. */
static int sync_parent(const char *path) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int fd = -1;

        if (!copy)
                return -ENOMEM;
        *strrchr(copy, '/') = '\0';
        fd = open(copy[0] ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int put_in_place(const char *from, const char *to) {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0) {
                const int error = -errno;

                (void) unlink(from);
                return error;
        }
        return sync_parent(to);
}

static int write_text(const char *path, ByteView text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        while (text.size > 0) {
                const ssize_t n = write(fd, text.data, text.size);

                if (n < 0)
                        return -errno;
                text = (ByteView){text.data + n, text.size - (size_t) n};
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int write_config(const Places *places, ByteView text) {
        _cleanup_free_ char *beside = NULL;
        int r;

        if (asprintf(&beside, "%s.import", places->config) < 0)
                return out_of_memory();
        r = make_parents(places->config);
        if (r >= 0) {
                (void) unlink(beside); /* of an import that did not come to its end */
                r = write_text(beside, text);
        }
        if (r >= 0)
                r = put_in_place(beside, places->config);
        return r < 0 ? failed(r, "cannot be written", places->config) : 0;
}

static int write_state(const Places *places, const ImportAccount *account) {
        _cleanup_free_ char *path = database_path(places, account, ""), *error = NULL,
                            *beside = database_path(places, account, ".import"),
                            *log = database_path(places, account, ".import-wal");
        int r;

        if (!path || !beside || !log)
                return out_of_memory();
        (void) unlink(beside);
        (void) unlink(log);
        r = import_write_state(account, beside, &error);
        if (r < 0) {
                (void) unlink(beside);
                (void) unlink(log);
                complain("%s", error ? error : strerror(-r));
                return EXIT_SAYS_NO;
        }
        r = put_in_place(beside, path);
        return r < 0 ? failed(r, "cannot be written", path) : 0;
}

/* Those that this import has made. */
static void take_back(const Import *import, const Places *places, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = database_path(places, &import->accounts[i], "");

                if (path)
                        (void) unlink(path);
        }
}

static int write_all(const Import *import, const Places *places, ByteView config) {
        _cleanup_(state_lock_release) StateLock lock = STATE_LOCK_NULL;
        size_t n = 0;
        int status;

        if (state_lock(places->state_dir, NULL, &lock) < 0) /* it has said why */
                return EXIT_SAYS_NO;
        status = check_places(import, places); /* once more: now it stays so */
        for (; status == 0 && n < import->n_accounts; n++)
                status = write_state(places, &import->accounts[n]);
        if (status == 0)
                return write_config(places, config) == 0
                               ? 0
                               : (take_back(import, places, n), EXIT_SAYS_NO);
        take_back(import, places, n > 0 ? n - 1 : 0);
        return status;
}

/* --- all of it --- */

static int print(ByteView text) {
        fwrite(text.data, 1, text.size, stdout);
        if (fflush(stdout) == 0)
                return 0;
        complain("Cannot write: %s", strerror(errno));
        return EXIT_SAYS_NO;
}

static int conclude(const Import *import, const Places *places) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = buffer_append_format(
                &text,
                "Written: %s, and the state in %s.\n"
                "Next: see that nothing starts %s any more; then start imapsyncd (systemctl --user "
                "enable "
                "--now imapsyncd), or look first with imapsyncd --once --dry-run.\n"
                "To go back: stop imapsyncd, remove %s and %s, and start %s again: no file of it "
                "was "
                "changed.\n",
                places->config, places->state_dir, import_program_name(import->program),
                places->config, places->state_dir, import_program_name(import->program));
        return r < 0 ? out_of_memory() : print((ByteView){text.data, text.size});
}

/* For programs: all in one line, once all is done. */
static int conclude_json(const Import *import, const Places *places, bool written) {
        const ImportOutcome outcome = {places->config, places->state_dir, written};
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        return import_format_json(import, &outcome, &text) < 0 ? out_of_memory()
                                                               : print(buffer_view(&text));
}

static int report(const Import *import) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        return import_format_report(import, &text) < 0 ? out_of_memory()
                                                       : print(buffer_view(&text));
}

static int carry_out(Import *import, const Places *places, bool dry_run, bool json) {
        _cleanup_(buffer_done) Buffer config = BUFFER_NULL;
        int status;

        status = read_other(import);
        if (status != 0)
                return status;
        if (import_format_config(import, &config) < 0)
                return out_of_memory();
        status = check_config(places->config, buffer_view(&config));
        if (status == 0 && !json)
                status = report(import);
        if (status == 0)
                status = check_places(import, places);
        if (status == 0 && !dry_run)
                status = write_all(import, places, buffer_view(&config));
        if (status == 0 && json)
                status = conclude_json(import, places, !dry_run);
        else if (status == 0 && !dry_run)
                status = conclude(import, places);
        explicit_bzero(config.data, config.size);
        return status;
}

int ctl_import(const ImportOptions *options, bool json) {
        _cleanup_(import_done) Import import = {.data = getenv("XDG_DATA_HOME")};
        _cleanup_(places_done) Places places = {};

        for (; import.program < _IMPORT_PROGRAM_MAX; import.program++)
                if (strcmp(import_program_name(import.program), options->program) == 0)
                        break;
        if (import.program == _IMPORT_PROGRAM_MAX) {
                complain("%s is not known: mbsync, offlineimap or interimap can be imported",
                         options->program);
                return EXIT_USAGE;
        }
        import.home = getenv("HOME");
        if (!import.home || import.home[0] != '/') {
                complain("HOME is not set");
                return EXIT_USAGE;
        }
        if (!find_places(options, import.program, &places))
                return out_of_memory();
        import.path = places.from;
        return carry_out(&import, &places, options->dry_run, json);
}
