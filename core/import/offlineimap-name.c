/* What other programs have written into the name of a file, and OfflineIMAP's old list. */

#include <errno.h>

#include "import/mbsync-state.h"
#include "import/offlineimap-name.h"

#define FMD5_SIZE 32u

/* What follows the last @mark, or nothing. */
static ByteView behind(ByteView text, ByteView mark) {
        for (size_t i = text.size; i >= mark.size; i--)
                if (memcmp(text.data + i - mark.size, mark.data, mark.size) == 0)
                        return (ByteView){text.data + i, text.size - i};
        return BYTES_NULL;
}

int import_name_uid(ByteView base, uint32_t *ret_uid, ByteView *ret_fmd5) {
        ByteView rest = behind(base, BYTES(",U="));
        ByteView fmd5 = behind(base, BYTES(",FMD5="));
        uint64_t uid = 0;
        size_t n = 0;

        while (n < rest.size && rest.data[n] >= '0' && rest.data[n] <= '9')
                n++;
        if (n == 0 || bytes_to_u64((ByteView){rest.data, n}, UINT32_MAX, &uid) < 0 || uid == 0)
                return -ENOENT;

        *ret_uid = (uint32_t) uid;
        *ret_fmd5 = fmd5.size < FMD5_SIZE ? BYTES_NULL : (ByteView){fmd5.data, FMD5_SIZE};
        return 0;
}

int offlineimap_list_parse(ByteView text,
                           int (*each)(uint32_t uid, MessageFlags flags, void *userdata),
                           void *userdata) {
        const ByteView magic =
                BYTES("OFFLINEIMAP LocalStatus CACHE DATA - DO NOT MODIFY - FORMAT ");
        ByteView head;

        if (text.size == 0 || text.data[text.size - 1] != '\n')
                return -EBADMSG;
        head = bytes_take_until(&text, '\n');
        if (!bytes_starts_fold(head, magic) || head.size == magic.size)
                return -EBADMSG;
        while (text.size > 0) {
                const bool has_more = head.data[magic.size] == '2'; /* uid|flags|mtime|labels */
                ByteView line = bytes_take_until(&text, '\n');
                const ByteView number = bytes_take_until(&line, has_more ? '|' : ':');
                const ByteView letters = has_more ? bytes_take_until(&line, '|') : line;
                uint64_t uid;
                int r;

                if (bytes_to_u64(number, UINT32_MAX, &uid) < 0 || uid == 0)
                        return -EBADMSG;
                r = each((uint32_t) uid, import_letters(letters), userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}
