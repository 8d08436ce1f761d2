#pragma once

/* A temporary tree (fs layout) with the Maildir of INBOX in it. */

#include "base/bytes.h"
#include "store/maildir.h"
#include "test-tree.h"

typedef struct Folder {
        TestTree tree;
        MaildirRoot *root;
        Maildir *maildir;
} Folder;

static inline Folder folder_open(void) {
        Folder folder = {.tree = test_tree_new()};

        assert(maildir_root_open(folder.tree.path, MAILDIR_LAYOUT_FS, false, &folder.root) == 0);
        assert(maildir_create(folder.root, "INBOX") == 0);
        assert(maildir_open(folder.root, "INBOX", &folder.maildir) == 0);
        return folder;
}

static inline void folder_close(Folder *folder) {
        maildir_free(folder->maildir);
        maildir_root_free(folder->root);
        test_tree_done(&folder->tree);
}

static inline bool folder_holds(const Folder *folder, const char *name, ByteView content) {
        _cleanup_free_ char *path = test_tree_path(&folder->tree, name);
        _cleanup_free_ char *data = malloc(content.size + 1);
        FILE *file = fopen(path, "re");
        size_t n;

        assert(file && data);
        n = fread(data, 1, content.size + 1, file);
        (void) fclose(file);
        return bytes_equal((ByteView){data, n}, content);
}

static inline int test_compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The lines of @text in order, with "," between. */
static inline char *test_sorted(const Buffer *text) {
        _cleanup_(buffer_done) Buffer out = BUFFER_NULL;
        _cleanup_free_ char *copy = bytes_dup(buffer_view(text));
        char *lines[32], *saved = NULL;
        size_t n = 0;

        for (char *p = strtok_r(copy, "\n", &saved); p; p = strtok_r(NULL, "\n", &saved)) {
                assert(n < ARRAY_SIZE(lines));
                lines[n++] = p;
        }
        qsort(lines, n, sizeof(lines[0]), test_compare_strings);
        for (size_t i = 0; i < n; i++)
                assert(buffer_append_format(&out, "%s%s", i > 0 ? "," : "", lines[i]) == 0);

        return buffer_steal_string(&out);
}
