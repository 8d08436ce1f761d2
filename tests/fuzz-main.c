/* Replay a corpus: every file of the folders and every file named is one input of the target. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static void replay_file(const char *path) {
        static uint8_t data[1 << 20];
        FILE *file = fopen(path, "re");
        size_t size;

        assert(file);
        size = fread(data, 1, sizeof(data), file);
        fclose(file);
        (void) LLVMFuzzerTestOneInput(data, size);
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

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                replay(argv[i]);

        printf("%u inputs replayed\n", n_inputs);
        return n_inputs > 0 ? 0 : 1;
}
