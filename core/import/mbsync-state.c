/* What mbsync knows of a mailbox. */

#include <errno.h>

#include "import/mbsync-state.h"

MessageFlags import_letters(ByteView letters) {
        MessageFlags flags = 0;

        for (size_t i = 0; i < letters.size; i++)
                switch (letters.data[i]) {
                case 'D':
                        flags |= FLAG_DRAFT;
                        break;
                case 'F':
                        flags |= FLAG_FLAGGED;
                        break;
                case 'P':
                        flags |= FLAG_FORWARDED;
                        break;
                case 'R':
                        flags |= FLAG_ANSWERED;
                        break;
                case 'S':
                        flags |= FLAG_SEEN;
                        break;
                case 'T':
                        flags |= FLAG_DELETED;
                        break;
                }
        return flags;
}

static int take_number(ByteView *line, uint32_t *ret_number) {
        const ByteView word = bytes_take_until(line, ' ');
        uint64_t number = 0;
        int r = 0;

        if (!bytes_equal(word, BYTES("-1"))) /* of old: as good as 0 */
                r = bytes_to_u64(word, UINT32_MAX, &number);
        *ret_number = (uint32_t) number;
        return r;
}

/* A name that is not known is of another version, and says nothing that matters here. */
static int take_header(ByteView line, MbsyncState *state) {
        static const struct {
                ByteView name, old_name;
        } names[] = {
                {BYTES("FarUidValidity"),  BYTES("MasterUidValidity")},
                {BYTES("NearUidValidity"), BYTES("SlaveUidValidity") },
                {BYTES("MaxPulledUid"),    BYTES("MaxPulledUid")     },
                {BYTES("MaxPushedUid"),    BYTES("MaxPushedUid")     },
        };
        uint32_t *const numbers[] = {
                &state->far_uidvalidity,
                &state->near_uidvalidity,
                &state->max_pulled,
                &state->max_pushed,
        };
        const ByteView name = bytes_take_until(&line, ' ');
        uint32_t number;

        if (take_number(&line, &number) < 0 || line.size > 0)
                return -EBADMSG;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (bytes_equal(name, names[i].name) || bytes_equal(name, names[i].old_name))
                        *numbers[i] = number;
        return 0;
}

static int take_record(ByteView line, MbsyncRecord *ret_record) {
        static const char marks[] = "<>^~";
        int r;

        r = take_number(&line, &ret_record->far);
        if (r >= 0)
                r = take_number(&line, &ret_record->near);
        if (r < 0)
                return r;

        for (; line.size > 0; line = (ByteView){line.data + 1, line.size - 1}) {
                const char *mark = memchr(marks, line.data[0], sizeof(marks) - 1);

                if (mark)
                        ret_record->marks |= 1u << (mark - marks);
                else if (line.data[0] == 'X') /* of old */
                        ret_record->marks |= MBSYNC_EXPIRED;
                else
                        break;
        }
        for (size_t i = 0; i < line.size; i++)
                if (line.data[i] < 'A' || line.data[i] > 'Z')
                        return -EBADMSG;
        ret_record->flags = import_letters(line);
        return 0;
}

int mbsync_state_parse(ByteView text, MbsyncState *ret_state,
                       int (*each)(const MbsyncRecord *record, void *userdata), void *userdata) {
        bool is_header = true;

        *ret_state = (MbsyncState){0};
        if (text.size == 0 || text.data[text.size - 1] != '\n')
                return -EBADMSG; /* the last line was not written whole */
        while (text.size > 0) {
                const ByteView line = bytes_take_until(&text, '\n');
                MbsyncRecord record = {0};
                int r = 0;

                ret_state->bad_line++;
                if (is_header && line.size > 0)
                        r = take_header(line, ret_state);
                else if (!is_header)
                        r = take_record(line, &record);
                if (r >= 0 && !is_header)
                        r = each(&record, userdata);
                if (r < 0)
                        return r;
                is_header &= line.size > 0;
        }
        return is_header || ret_state->far_uidvalidity == 0 ? -EBADMSG : 0;
}
