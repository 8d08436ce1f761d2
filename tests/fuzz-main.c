/*
 * Replay a corpus: every file of the folders and every file named is one input of the target
 *
 *      --changed N SEED FOLDER     first of all: N inputs more, each a file of the corpus changed in a few
 *                                  places. The same seed gives the same ones. Nothing is known of the
 *                                  code, other than libFuzzer does. An input stays in FOLDER as
 *                                  changed-SEED-K if the program ends over it.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, FILES_MAX = 256, CHANGES_MAX = 6 };

typedef struct Input {
        char *path;    /* owned */
        uint8_t *data; /* owned */
        size_t size;
} Input;

static Input inputs[FILES_MAX];
static unsigned n_inputs, n_changed;

static void replay_file(const char *path) {
        Input *input = &inputs[n_inputs];
        FILE *file = fopen(path, "re");

        assert(file && n_inputs < FILES_MAX);
        input->path = strdup(path);
        input->data = malloc(INPUT_MAX);
        assert(input->path && input->data);
        input->size = fread(input->data, 1, INPUT_MAX, file);
        fclose(file);
        (void) LLVMFuzzerTestOneInput(input->data, input->size);
        n_inputs++;
}

static void replay(const char *path) {
        DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir) {
                assert(errno == ENOTDIR);
                replay_file(path);
                return;
        }
        while ((entry = readdir(dir))) {
                char inner[4096];

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
                replay(inner);
        }
        closedir(dir);
}

/* By name, so that a seed means the same on every file system. */
static int compare_paths(const void *a, const void *b) {
        return strcmp(((const Input *) a)->path, ((const Input *) b)->path);
}

static uint64_t random_state;

/* xorshift64*: the same everywhere. Return: below @n. */
static size_t below(size_t n) {
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (size_t) ((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

/* One change: a bit, a byte, a number's digit, a piece of this or of another file put in, or cut out. */
static size_t change(uint8_t *data, size_t size) {
        static const uint8_t odd[] = {0,   '\n', '\r', '"', '(',  ')',  '{',
                                      '}', '*',  '0',  '9', 0x7f, 0x80, 0xff};
        const Input *other = &inputs[below(n_inputs)];
        size_t at = below(size + 1), n, from;

        switch (size > 0 && at < size ? below(5) : 4) {
        case 0:
                data[at] ^= (uint8_t) (1u << below(8));
                return size;
        case 1:
                data[at] = odd[below(sizeof(odd))];
                return size;
        case 2:
                data[at] = (uint8_t) below(256);
                return size;
        case 3:
                n = 1 + below(MIN(size - at, (size_t) 32));
                memmove(data + at, data + at + n, size - at - n);
                return size - n;
        default: /* no enum: what is left of five */
                from = below(other->size + 1);
                n = MIN(below(64), MIN(other->size - from, INPUT_MAX - size));
                memmove(data + at + n, data + at, size - at);
                memcpy(data + at, other->data + from, n);
                return size + n;
        }
}

static void keep(const char *path, const uint8_t *data, size_t size) {
        FILE *file = fopen(path, "we");

        assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* It is written before it is tried, and removed when it did no harm: whatever ends the program. */
static void try_changed(const char *folder, unsigned long n, unsigned long seed) {
        uint8_t *data = malloc(INPUT_MAX);
        char path[4096];

        assert(data && n_inputs > 0);
        qsort(inputs, n_inputs, sizeof(Input), compare_paths);
        for (unsigned long k = 0; k < n; k++) {
                const Input *input;
                size_t size;

                random_state = (seed * 1000003 + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
                input = &inputs[below(n_inputs)];
                size = input->size;
                memcpy(data, input->data, size);
                for (size_t i = 1 + below(CHANGES_MAX); i > 0; i--)
                        size = change(data, size);
                snprintf(path, sizeof(path), "%s/changed-%lu-%lu", folder, seed, k);
                keep(path, data, size);
                (void) LLVMFuzzerTestOneInput(data, size);
                assert(unlink(path) == 0);
                n_changed++;
        }
        free(data);
}

int main(int argc, char **argv) {
        unsigned long n = 0, seed = 0;
        const char *folder = "";
        int first = 1;

        if (argc > 4 && strcmp(argv[1], "--changed") == 0) {
                n = strtoul(argv[2], NULL, 10);
                seed = strtoul(argv[3], NULL, 10);
                folder = argv[4];
                first = 5;
        }
        for (int i = first; i < argc; i++)
                replay(argv[i]);
        if (n > 0)
                try_changed(folder, n, seed);

        printf("%u inputs replayed, %u changed ones tried\n", n_inputs, n_changed);
        for (unsigned i = 0; i < n_inputs; i++) {
                free(inputs[i].path);
                free(inputs[i].data);
        }
        return n_inputs > 0 ? 0 : 1;
}
