/* Coming from mbsync: what its channels say of an account together. */

#include <errno.h>

#include "imap/mailbox-map.h"
#include "imap/mailbox-name.h"
#include "import/import-mbsync-private.h"

/* --- which way --- */

static int refuse_sync(MbsyncReader *reader, const MbsyncLine *sync) {
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;
        int r = 0;

        for (size_t i = 1; r >= 0 && i < sync->n_words; i++)
                r = buffer_append_format(&words, "%s%s", i > 1 ? " " : "", sync->words[i]);
        if (r >= 0)
                r = buffer_append(&words, "", 1);
        return r < 0 ? r
                     : import_refuse(
                               reader->import, sync->line,
                               "“Sync %s” is not translated: what is imported goes both ways, "
                               "or one way with all that there is (All, Pull, Push); "
                               "“direction” in imapsyncd.conf(5) tells of more",
                               words.data);
}

/* All, Full, Pull, Push, or the last two together: each with all kinds of changes. */
int mbsync_read_direction(MbsyncReader *reader, const MbsyncLine *head, Direction *ret_direction) {
        const MbsyncLine *sync = mbsync_find_anywhere(reader, head, "Sync");
        bool pulls = !sync, pushes = !sync;

        for (size_t i = 1; sync && i < sync->n_words; i++) {
                const bool is_all = strcasecmp(sync->words[i], "All") == 0 ||
                                    strcasecmp(sync->words[i], "Full") == 0;

                if (!is_all && strcasecmp(sync->words[i], "Pull") != 0 &&
                    strcasecmp(sync->words[i], "Push") != 0)
                        return refuse_sync(reader, sync);
                pulls |= is_all || strcasecmp(sync->words[i], "Pull") == 0;
                pushes |= is_all || strcasecmp(sync->words[i], "Push") == 0;
        }
        if (!pulls && !pushes)
                return refuse_sync(reader, sync);
        *ret_direction = pulls && pushes ? DIRECTION_BOTH : pulls ? DIRECTION_PULL : DIRECTION_PUSH;
        return 0;
}

/* That of the channels with patterns, or else of the first one, is the account's. */
static const MbsyncChannel *leading_channel(const MbsyncReader *reader, size_t account) {
        const MbsyncChannel *first = NULL;

        for (size_t i = 0; i < reader->n_channels; i++) {
                const MbsyncChannel *channel = &reader->channels[i];

                if (channel->account != account)
                        continue;
                if (!channel->box)
                        return channel;
                if (!first)
                        first = channel;
        }
        return first;
}

static int add_direction(MbsyncReader *reader, const MbsyncChannel *channel) {
        ImportAccount *account = &reader->import->accounts[channel->account];
        _cleanup_free_ char *name = NULL;
        int r = mailbox_name_decode(bytes_of(channel->box), '/', &name);

        if (r < 0)
                return r;
        if (r > 0 || strpbrk(name, "*%\n"))
                return import_refuse(reader->import, channel->head->line,
                                     "a direction for a mailbox of the name “%s” cannot be written",
                                     channel->box);
        return buffer_append_format(&account->directions, "%s %s\n",
                                    direction_name(channel->direction), name);
}

/* The last line of “direction” that matches decides, and of several channels the first: only those of single mailboxes
 * may differ from the others. */
int mbsync_judge_directions(MbsyncReader *reader) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reader->n_channels; i++) {
                const MbsyncChannel *channel = &reader->channels[i];
                const MbsyncChannel *leading = leading_channel(reader, channel->account);

                reader->import->accounts[channel->account].direction = leading->direction;
                if (channel->direction == leading->direction)
                        continue;
                r = channel->box ? add_direction(reader, channel)
                                 : import_refuse(reader->import, channel->head->line,
                                                 "two channels with patterns go different ways, "
                                                 "which is not translated");
        }
        return r;
}

/* --- two names --- */

static int refuse_names(MbsyncReader *reader, const MbsyncChannel *channel) {
        return import_refuse(
                reader->import, channel->head->line,
                "the channel gives a mailbox another name (“%s” and “%s”), which “map” "
                "in imapsyncd.conf(5) cannot say beside the other names and patterns",
                channel->far_box, channel->box);
}

static bool has_two_names(const MbsyncChannel *channel) {
        return channel->box && strcmp(channel->box, channel->far_box) != 0;
}

/* A channel with patterns that takes one of the two as well would bring it to another place. */
static bool is_taken_too(const MbsyncReader *reader, const MbsyncChannel *channel) {
        for (size_t i = 0; i < reader->n_channels; i++) {
                const MbsyncChannel *other = &reader->channels[i];

                if (other->account == channel->account && !other->box &&
                    (mbsync_channel_has(reader, other, channel->box) ||
                     mbsync_channel_has(reader, other, channel->far_box)))
                        return true;
        }
        return false;
}

/* Return: 0, 1 if one of the names is none, or negative. */
static int decode_names(const MbsyncChannel *channel, char **ret_there, char **ret_here) {
        int r = mailbox_name_decode(bytes_of(channel->far_box), '/', ret_there);

        if (r == 0)
                r = mailbox_name_decode(bytes_of(channel->box), '/', ret_here);
        return r < 0 ? r : r > 0;
}

/* Takes @rule on success only. */
static int add_rule(ImportAccount *account, char *rule) {
        char **grown;
        size_t n = 0;

        while (account->map && account->map[n])
                n++;
        grown = reallocarray(account->map, n + 2, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        account->map = grown;
        grown[n] = rule;
        grown[n + 1] = NULL;
        return 0;
}

/* Return: 0, 1 if there can be no such rule, or negative. */
static int try_rule(ImportAccount *account, const MbsyncChannel *channel) {
        _cleanup_free_ char *there = NULL, *here = NULL, *rule = NULL;
        int r = decode_names(channel, &there, &here);

        if (r != 0)
                return r;
        if (asprintf(&rule, "%s -> %s", there, here) < 0) {
                rule = NULL;
                return -ENOMEM;
        }
        if (strchr(rule, '\n'))
                return 1;
        r = mailbox_map_check(account->map, rule);
        if (r == 0)
                r = add_rule(account, rule);
        if (r == 0)
                rule = NULL;
        return r < 0 ? r : r > 0;
}

/* Do all rules together call it what the channel does? Return: 0, 1 if not, or negative. */
static int check_rules(const ImportAccount *account, const MbsyncChannel *channel) {
        _cleanup_free_ char *there = NULL, *here = NULL, *mapped = NULL;
        int r = decode_names(channel, &there, &here);

        if (r == 0)
                r = mailbox_map_here(account->map, there, &mapped);
        if (r != 0)
                return r < 0 ? r : 1;
        return strcmp(mapped, here) != 0;
}

int mbsync_judge_maps(MbsyncReader *reader) {
        Import *import = reader->import;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reader->n_channels; i++) {
                const MbsyncChannel *channel = &reader->channels[i];

                if (!has_two_names(channel))
                        continue;
                r = is_taken_too(reader, channel)
                            ? 1
                            : try_rule(&import->accounts[channel->account], channel);
                if (r > 0)
                        r = refuse_names(reader, channel);
        }
        for (size_t i = 0; r >= 0 && i < reader->n_channels; i++) {
                const MbsyncChannel *channel = &reader->channels[i];
                const ImportAccount *account = &import->accounts[channel->account];

                if (!channel->box || !account->map || import->refusals.size > 0)
                        continue;
                r = check_rules(account, channel);
                if (r > 0)
                        r = refuse_names(reader, channel);
        }
        return r;
}
