/* imapsyncd: keeps an IMAP account and its local copy in sync. */

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/usage.h"
#include "daemon/control-socket.h"
#include "daemon/find-server.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/options.h"
#include "daemon/probe.h"
#include "daemon/state-lock.h"

/* Memory at the end of the heap goes back to the system from this size on, and blocks of this size are no
 * part of it. Left alone, glibc keeps twice the largest block that was ever freed, which the configuration's
 * buffer makes 2 MB: a heap that is as large as whatever the worst minute needed, for good. With less, the
 * buffers of a transfer would come and go, and each page of them be made anew. */
#define HEAP_SPARE (512 * 1024)

enum {
        EXIT_IN_SYNC = 0,
        EXIT_NOT_IN_SYNC = 1,
        EXIT_USAGE = 2,
};

static int load(const Options *options, Config **ret_config) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = config_load(options->config_path, getenv("HOME"), ret_config, &error);
        if (r < 0)
                log_lines(LOG_ERR, (LogSubject){.id = LOG_ID_CONFIG}, "",
                          error ? error : "out of memory");
        return r;
}

/* An account named on the command line that is not there is a mistake, not nothing to do. */
static int check_accounts(const Options *options, const Config *config) {
        for (char **name = options->accounts; *name; name++)
                if (!config_find(config, *name)) {
                        fprintf(stderr, "%s has no account “%s”\n", options->config_path, *name);
                        return -EINVAL;
                }
        return 0;
}

/* It does not come to a loop, and nobody will be served. */
static int give_up(int status) {
        const int n_fds = sd_listen_fds(false);

        for (int i = 0; i < n_fds; i++)
                control_socket_turn_away(SD_LISTEN_FDS_START + i);
        return status;
}

static int run(const Options *options, Config *borrowed) {
        _cleanup_(config_freep) Config *config = borrowed;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(state_lock_release) StateLock lock = STATE_LOCK_NULL;
        const ManagerOptions manager_options = {
                .config_path = options->config_path,
                .state_dir = options->state_dir,
                .socket_path = options->once ? NULL : options->socket_path,
                .accounts = options->accounts,
                .once = options->once,
                .dry_run = options->dry_run,
        };

        if (state_lock(options->state_dir, options->accounts, &lock) < 0)
                return give_up(EXIT_NOT_IN_SYNC);
        if (manager_new(&manager_options, TAKE_PTR(config), &manager) < 0)
                return give_up(EXIT_NOT_IN_SYNC);
        return manager_run(manager);
}

/* For completions in shells, which hide what is wrong with the file: then there are no accounts. */
static int complete(Options *options) {
        const char *const *words = (const char *const *) options->accounts;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        _cleanup_free_ char *error = NULL;
        const char *path;
        size_t n_words = 0;
        UsageWish wish;
        int r;

        while (words[n_words])
                n_words++;
        path = usage_option(words, n_words, "--config");
        if (!path)
                path = usage_option(words, n_words, "-c");
        r = usage_complete(options_usage, words, n_words, &buffer, &wish);
        if (r == 0 && wish.accounts &&
            config_load(path ? path : options->config_path, getenv("HOME"), &config, &error) == 0)
                for (size_t i = 0; i < config->n_accounts && r == 0; i++)
                        r = buffer_append_format(&buffer, "%s\t\n", config->accounts[i].name);
        if (r < 0)
                return EXIT_NOT_IN_SYNC;
        printf("%s\n%.*s",
               wish.files     ? "files"
               : wish.folders ? "folders"
                              : "words",
               (int) buffer.size, buffer.data ? buffer.data : "");
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(options_done) Options options = {0};
        _cleanup_(config_freep) Config *config = NULL;

        if (options_parse(argc, argv, &options) < 0)
                return EXIT_USAGE;
        if (options.help) {
                fputs(options_usage, stdout);
                return 0;
        }
        if (options.version) {
                puts("imapsyncd " IMAPSYNCD_VERSION);
                return 0;
        }

        if (options.complete)
                return complete(&options);

        (void) mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
        (void) mallopt(M_MMAP_THRESHOLD, HEAP_SPARE);
        umask(0077);
        log_init(options.verbose);
        if (options.find_server)
                return find_server_run(options.find_server);
        if (options.probe)
                return probe_run();
        if (load(&options, &config) < 0 || check_accounts(&options, config) < 0)
                return give_up(EXIT_USAGE);
        if (options.check) {
                printf("%s: %zu accounts, nothing wrong\n", options.config_path,
                       config->n_accounts);
                return 0;
        }
        return run(&options, TAKE_PTR(config));
}
