/*
 * Fuzz mailbox names: what decodes can be encoded and decodes to itself, and is safe as a path. The
 * first byte is the delimiter, the rest the name on the wire.
 */

#include "base/macro.h"
#include "imap/mailbox-name.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *name) {
        char path[4100];
        int n = snprintf(path, sizeof(path), "/%s/", name);

        assert(n > 2 && (size_t) n < sizeof(path));
        assert(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../"));
        for (const char *p = path; *p; p++)
                assert((unsigned char) *p >= ' ' && *p != 0x7f);
}

static void check_wire(const char *wire, char delimiter, const char *name) {
        _cleanup_free_ char *again = NULL;

        for (const char *p = wire; *p; p++)
                assert(*p >= ' ' && *p < 0x7f);
        assert(mailbox_name_decode(bytes_of(wire), delimiter, &again) == 0);
        assert(strcmp(again, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = NULL, *wire = NULL;
        ByteView text;
        char delimiter;

        if (size == 0)
                return 0;
        delimiter = (char) data[0];
        text = (ByteView){(const char *) data + 1, size - 1};
        if (mailbox_name_decode(text, delimiter, &name) != 0) {
                assert(!name);
                return 0;
        }

        check_path(name);
        assert(mailbox_name_check(name) == 0);
        if (strlen(name) < 100)
                assert(mailbox_name_matches(name, name));

        assert(mailbox_name_encode(name, delimiter, &wire) == 0);
        check_wire(wire, delimiter, name);
        return 0;
}
