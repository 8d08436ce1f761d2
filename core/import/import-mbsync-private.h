#pragma once

/* What the two halves of the import from mbsync share: its configuration, and its state. */

#include "import/import-private.h"
#include "import/mbsync-config.h"

/* A channel between one server and one Maildir. */
typedef struct MbsyncChannel {
        const MbsyncLine *head; /* borrowed */
        size_t account;         /* position */
        char *far, *near;       /* stores; owned */
        char *box;     /* owned; the one mailbox, as the near side calls it; NULL: by patterns */
        char *far_box; /* owned; as the far side does */
        Direction direction;
} MbsyncChannel;

typedef struct MbsyncReader {
        Import *import;
        MbsyncConfig config;
        MbsyncChannel *channels; /* owned */
        size_t n_channels;
} MbsyncReader;

/* The first word behind the key of a line; NULL: there is none, or no line. */
const char *mbsync_value(const MbsyncLine *line);

/* The line in the section, or what the file says for all of its kind; or NULL. */
const MbsyncLine *mbsync_find_anywhere(const MbsyncReader *reader, const MbsyncLine *head,
                                       const char *key);

/* The next line of patterns of a channel; @after: NULL for the first. Or NULL. */
const MbsyncLine *mbsync_patterns(const MbsyncReader *reader, const MbsyncLine *head,
                                  const MbsyncLine *after);

/* import-mbsync-channels.c: which way a channel goes, and what comes of that for each account. A refusal is said; one
 * leaves *ret_direction alone. */
int mbsync_read_direction(MbsyncReader *reader, const MbsyncLine *head, Direction *ret_direction);
int mbsync_judge_directions(MbsyncReader *reader);
/* The mailboxes of channels that have two names, as “map”. */
int mbsync_judge_maps(MbsyncReader *reader);

/* Is it one that the channel synchronises? @name: on the near side, as mbsync writes it. */
bool mbsync_channel_has(const MbsyncReader *reader, const MbsyncChannel *channel, const char *name);

/* Take the state of a folder over; for import_each_folder(), @userdata: the MbsyncReader. */
int import_mbsync_folder(Import *import, ImportAccount *account, const char *name, void *userdata);
