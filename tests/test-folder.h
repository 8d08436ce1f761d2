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
