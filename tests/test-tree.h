#pragma once

/* A temporary directory for tests on real files; every failure here ends the test. */

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "test.h"

typedef struct TestTree {
        char path[64];
} TestTree;

static inline TestTree test_tree_new(void) {
        const char *tmp = getenv("TMPDIR");
        TestTree tree;

        assert(snprintf(tree.path, sizeof(tree.path), "%s/imapsyncd-tree-XXXXXX",
                        tmp && strlen(tmp) < 32 ? tmp : "/tmp") < (int) sizeof(tree.path));
        assert(mkdtemp(tree.path));
        return tree;
}

static inline int test_tree_unlink(const char *path, const struct stat *st, int type,
                                   struct FTW *where) {
        (void) st, (void) type, (void) where;
        return remove(path);
}

static inline void test_tree_done(TestTree *tree) {
        (void) nftw(tree->path, test_tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* Owned by the caller. */
static inline char *test_tree_path(const TestTree *tree, const char *name) {
        char *path;

        assert(asprintf(&path, "%s/%s", tree->path, name) > 0);
        return path;
}

static inline void test_tree_mkdir(const TestTree *tree, const char *name) {
        _cleanup_free_ char *path = test_tree_path(tree, name);

        assert(mkdir(path, 0700) == 0);
}

static inline void test_tree_link(const TestTree *tree, const char *to, const char *name) {
        _cleanup_free_ char *path = test_tree_path(tree, name);

        assert(symlink(to, path) == 0);
}

static inline void test_tree_fifo(const TestTree *tree, const char *name) {
        _cleanup_free_ char *path = test_tree_path(tree, name);

        assert(mkfifo(path, 0600) == 0);
}

static inline void test_tree_rename(const TestTree *tree, const char *from, const char *to) {
        _cleanup_free_ char *old_path = test_tree_path(tree, from);
        _cleanup_free_ char *new_path = test_tree_path(tree, to);

        assert(rename(old_path, new_path) == 0);
}

static inline void test_tree_remove(const TestTree *tree, const char *name) {
        _cleanup_free_ char *path = test_tree_path(tree, name);

        assert(remove(path) == 0);
}

static inline void test_tree_write_bytes(const TestTree *tree, const char *name, const char *data,
                                         size_t size) {
        _cleanup_free_ char *path = test_tree_path(tree, name);
        FILE *file = fopen(path, "we");

        assert(file);
        assert(fwrite(data, 1, size, file) == size);
        assert(fclose(file) == 0);
}

static inline void test_tree_write(const TestTree *tree, const char *name, const char *text) {
        test_tree_write_bytes(tree, name, text, strlen(text));
}

/* The type and permissions; 0 if there is nothing. */
static inline mode_t test_tree_mode(const TestTree *tree, const char *name) {
        _cleanup_free_ char *path = test_tree_path(tree, name);
        struct stat st;

        return lstat(path, &st) == 0 ? st.st_mode : 0;
}

/* The file is there and has this content. */
static inline void test_tree_check(const TestTree *tree, const char *name, const char *text) {
        _cleanup_free_ char *path = test_tree_path(tree, name);
        char content[4096];
        FILE *file = fopen(path, "re");
        size_t n;

        TEST_ROW(name, file != NULL);
        n = fread(content, 1, sizeof(content), file);
        (void) fclose(file);
        TEST_ROW(name, n == strlen(text) && memcmp(content, text, n) == 0);
}
