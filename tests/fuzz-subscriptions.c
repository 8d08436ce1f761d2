/*
 * Fuzz Dovecot's file of subscriptions in a Maildir: any bytes are a list of names; one more is put in
 * and taken out, and the others stay. The first byte chooses the layout.
 */

#include <fcntl.h>
#include <unistd.h>

#include "store/maildir.h"
#include "test-tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char added[] = "added by us/Ä";

static MaildirRoot *roots[2];
static TestTree tree;
static char *file; /* owned */

static void end(void) {
        test_tree_done(&tree);
        for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
                maildir_root_free(roots[i]);
        free(file);
}

static void begin(void) {
        tree = test_tree_new();
        file = test_tree_path(&tree, MAILDIR_SUBSCRIPTIONS_FILE);
        assert(maildir_root_open(tree.path, MAILDIR_LAYOUT_FS, false, &roots[0]) == 0);
        assert(maildir_root_open(tree.path, MAILDIR_LAYOUT_MAILDIRPLUSPLUS, false, &roots[1]) == 0);
        atexit(end);
}

static void write_file(ByteView text) {
        const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert(fd >= 0 && write(fd, text.data, text.size) == (ssize_t) text.size);
        (void) close(fd);
}

/* The names, a line each, but for the one that is ours. */
static void names(const MaildirRoot *root, bool is_added, Buffer *out) {
        _cleanup_(maildir_subscriptions_done) MaildirSubscriptions subscriptions =
                MAILDIR_SUBSCRIPTIONS_NULL;

        assert(maildir_subscriptions_load(root, &subscriptions) == 0);
        assert(subscriptions.exists);
        assert(maildir_subscriptions_have(&subscriptions, added) == is_added);
        for (size_t i = 0; i < subscriptions.n_names; i++) {
                const char *name = subscriptions.names[i];

                assert(name[0] != '\0' && !strchr(name, '\n'));
                if (strcmp(name, added) != 0)
                        assert(buffer_append_format(out, "%s\n", name) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer before = BUFFER_NULL, with = BUFFER_NULL, after = BUFFER_NULL;
        const MaildirRoot *root;

        if (!roots[0])
                begin();
        if (size < 1)
                return 0;
        root = roots[data[0] & 1];
        write_file((ByteView){(const char *) data + 1, size - 1});

        if (memmem(data, size, "added by us", strlen("added by us")))
                return 0;
        names(root, false, &before);
        assert(maildir_subscribe(root, added, true) == 0);
        names(root, true, &with);
        assert(maildir_subscribe(root, added, false) == 0);
        names(root, false, &after);
        assert(bytes_equal(buffer_view(&before), buffer_view(&with)));
        assert(bytes_equal(buffer_view(&before), buffer_view(&after)));
        return 0;
}
