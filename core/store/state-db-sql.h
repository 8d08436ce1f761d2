#pragma once

/* The SQL of the state database: its schema, and every statement by name. Private to state-db*.c. */

#define STATE_DB_VERSION 6

/* Messages that may be evicted: read, neither flagged nor drafts, and both sides agree on that. The index has
 * those whose date is kept (0: to be asked for). */
#define _MESSAGE_EVICTABLE " AND apart = 0 AND flags & 21 = 1"
#define _MESSAGE_DATED     " AND date IS NOT NULL" _MESSAGE_EVICTABLE
#define _MESSAGE_UNCHANGED                                                                         \
        " AND NOT EXISTS (SELECT 1 FROM temp.change c WHERE c.mailbox = ?1 AND c.remote = "        \
        "m.remote)"

/* Step n brings a database of version n to n + 1; a new one starts at 0. */
#define STATE_DB_MIGRATIONS                                                                        \
        "CREATE TABLE account (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"          \
        "CREATE TABLE mailbox ("                                                                   \
        " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, wire TEXT,"                           \
        " remote_uidvalidity INTEGER NOT NULL DEFAULT 0,"                                          \
        " remote_uidnext INTEGER NOT NULL DEFAULT 0,"                                              \
        " remote_modseq INTEGER NOT NULL DEFAULT 0,"                                               \
        " local_uidvalidity INTEGER NOT NULL DEFAULT 0,"                                           \
        " local_uidnext INTEGER NOT NULL DEFAULT 0,"                                               \
        " local_modseq INTEGER NOT NULL DEFAULT 0,"                                                \
        " stamp0 INTEGER NOT NULL DEFAULT 0, stamp1 INTEGER NOT NULL DEFAULT 0,"                   \
        " stamp2 INTEGER NOT NULL DEFAULT 0, stamp3 INTEGER NOT NULL DEFAULT 0,"                   \
        " messages INTEGER NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0,"                  \
        " remote_parked INTEGER NOT NULL DEFAULT 0, local_parked INTEGER NOT NULL DEFAULT 0,"      \
        " remote_gone INTEGER NOT NULL DEFAULT 0, local_gone INTEGER NOT NULL DEFAULT 0,"          \
        " gone_since INTEGER NOT NULL DEFAULT 0, last_change INTEGER NOT NULL DEFAULT 0);"         \
        "CREATE TABLE keyword (mailbox INTEGER NOT NULL, position INTEGER NOT NULL,"               \
        " name TEXT NOT NULL, PRIMARY KEY (mailbox, position)) WITHOUT ROWID;"                     \
        "CREATE TABLE message (mailbox INTEGER NOT NULL, remote INTEGER NOT NULL,"                 \
        " local INTEGER NOT NULL, flags INTEGER NOT NULL,"                                         \
        " PRIMARY KEY (mailbox, remote)) WITHOUT ROWID;"                                           \
        "CREATE UNIQUE INDEX message_local ON message (mailbox, local);"                           \
        "CREATE TABLE file (mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, name TEXT NOT NULL,"   \
        " unknown INTEGER NOT NULL, PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;"                    \
        "CREATE UNIQUE INDEX file_name ON file (mailbox, name);"                                   \
        "CREATE INDEX file_unknown ON file (mailbox) WHERE unknown;"                               \
        "CREATE TABLE intent (mailbox INTEGER NOT NULL, side INTEGER NOT NULL,"                    \
        " source_uid INTEGER NOT NULL, uidnext INTEGER NOT NULL, taken INTEGER NOT NULL,"          \
        " time INTEGER NOT NULL,"                                                                  \
        " PRIMARY KEY (mailbox, side, source_uid)) WITHOUT ROWID;"                                 \
        "CREATE TABLE staged (mailbox INTEGER PRIMARY KEY, first INTEGER NOT NULL,"                \
        " last INTEGER NOT NULL);"                                                                 \
        "CREATE TABLE parked (mailbox INTEGER NOT NULL, side INTEGER NOT NULL,"                    \
        " uid INTEGER NOT NULL, reason TEXT NOT NULL,"                                             \
        " PRIMARY KEY (mailbox, side, uid)) WITHOUT ROWID;",                                       \
                "CREATE TABLE rotation (mailbox INTEGER PRIMARY KEY, uid INTEGER NOT NULL,"        \
                " begun INTEGER NOT NULL, complete INTEGER NOT NULL, last INTEGER NOT NULL);"      \
                "CREATE TABLE object (object TEXT NOT NULL, mailbox INTEGER NOT NULL,"             \
                " remote INTEGER NOT NULL, PRIMARY KEY (object, mailbox, remote)) WITHOUT ROWID;"  \
                "CREATE UNIQUE INDEX object_message ON object (mailbox, remote);"                  \
                "CREATE TABLE life (mailbox INTEGER PRIMARY KEY, remote_object TEXT, "             \
                "local_object TEXT,"                                                               \
                " subscribed INTEGER NOT NULL, renaming TEXT, renaming_side INTEGER NOT NULL,"     \
                " removing INTEGER NOT NULL);"                                                     \
                "ALTER TABLE file ADD COLUMN object INTEGER NOT NULL DEFAULT 0;",                  \
                "ALTER TABLE rotation RENAME TO old_rotation;"                                     \
                "CREATE TABLE rotation (mailbox INTEGER NOT NULL, side INTEGER NOT NULL,"          \
                " uid INTEGER NOT NULL, begun INTEGER NOT NULL, complete INTEGER NOT NULL,"        \
                " last INTEGER NOT NULL, PRIMARY KEY (mailbox, side)) WITHOUT ROWID;"              \
                "INSERT INTO rotation SELECT mailbox, 0, uid, begun, complete, last"               \
                " FROM old_rotation;"                                                              \
                "DROP TABLE old_rotation;"                                                         \
                "ALTER TABLE mailbox RENAME COLUMN wire TO remote_wire;"                           \
                "ALTER TABLE mailbox ADD COLUMN local_wire TEXT;"                                  \
                "DROP INDEX object_message;"                                                       \
                "CREATE INDEX object_message ON object (mailbox, remote);",                        \
                "CREATE TABLE moved (mailbox INTEGER NOT NULL, side INTEGER NOT NULL,"             \
                " uid INTEGER NOT NULL, flags INTEGER NOT NULL,"                                   \
                " PRIMARY KEY (mailbox, side, uid)) WITHOUT ROWID;",                               \
                "ALTER TABLE message ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;"                 \
                "ALTER TABLE mailbox ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;"                 \
                "ALTER TABLE mailbox ADD COLUMN large INTEGER NOT NULL DEFAULT 0;"                 \
                "ALTER TABLE mailbox ADD COLUMN size_limit INTEGER NOT NULL DEFAULT 0;",           \
                "ALTER TABLE message ADD COLUMN date INTEGER;"                                     \
                "CREATE INDEX message_date ON message (mailbox, date)"                             \
                " WHERE date IS NOT NULL AND apart = 0 AND flags & 21 = 1;"                        \
                "ALTER TABLE mailbox ADD COLUMN old INTEGER NOT NULL DEFAULT 0;"                   \
                "ALTER TABLE mailbox ADD COLUMN surplus INTEGER NOT NULL DEFAULT 0;"               \
                "ALTER TABLE mailbox ADD COLUMN evicted INTEGER NOT NULL DEFAULT 0;"               \
                "ALTER TABLE mailbox ADD COLUMN age_limit INTEGER NOT NULL DEFAULT 0;"             \
                "ALTER TABLE mailbox ADD COLUMN count_limit INTEGER NOT NULL DEFAULT 0;"           \
                "ALTER TABLE mailbox ADD COLUMN left_until INTEGER NOT NULL DEFAULT 0;"            \
                "ALTER TABLE mailbox ADD COLUMN is_dated INTEGER NOT NULL DEFAULT 0;"              \
                "ALTER TABLE parked ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;",

/* Made on first use, and after a rollback: what one run gathers. Keyed by the base's remote UID, or by
 * side and UID. */
#define STATE_DB_TEMPORARY                                                                         \
        "DROP TABLE IF EXISTS temp.change; DROP TABLE IF EXISTS temp.listed;"                      \
        "DROP TABLE IF EXISTS temp.unknown;"                                                       \
        "CREATE TEMP TABLE change (mailbox INTEGER NOT NULL, remote INTEGER NOT "                  \
        "NULL,"                                                                                    \
        " side INTEGER NOT NULL, gone INTEGER NOT NULL, flags INTEGER NOT NULL, object TEXT,"      \
        " PRIMARY KEY (mailbox, remote, side)) WITHOUT ROWID;"                                     \
        "CREATE TEMP TABLE listed (mailbox INTEGER NOT NULL, side INTEGER NOT NULL,"               \
        " uid INTEGER NOT NULL, PRIMARY KEY (mailbox, side, uid)) WITHOUT ROWID;"                  \
        "CREATE TEMP TABLE unknown (mailbox INTEGER NOT NULL, side INTEGER NOT "                   \
        "NULL,"                                                                                    \
        " uid INTEGER NOT NULL, flags INTEGER NOT NULL DEFAULT 0, date INTEGER, zone INTEGER,"     \
        " size INTEGER, message_id TEXT, digest BLOB, tries INTEGER NOT NULL DEFAULT 0,"           \
        " object TEXT,"                                                                            \
        " PRIMARY KEY (mailbox, side, uid)) WITHOUT ROWID;"                                        \
        "CREATE INDEX temp.unknown_identity ON unknown (mailbox, size, message_id, "               \
        "side, date);"                                                                             \
        "CREATE INDEX temp.unknown_digest ON unknown (mailbox, side, digest)"                      \
        " WHERE digest IS NOT NULL;"                                                               \
        "CREATE INDEX temp.unknown_object ON unknown (mailbox, side, object)"                      \
        " WHERE object IS NOT NULL;"

/*
 * Pairs are looked for among messages of equal size and Message-ID; sides: 0 remote, 1 local. Thousands may
 * be alike in that (an automat's): each rung has an index that finds what it looks for among them.
 */
#define _PAIR_BY(index)                                                                            \
        " FROM temp.unknown r CROSS JOIN temp.unknown l INDEXED BY " index                         \
        " ON l.mailbox = r.mailbox AND l.size = r.size AND l.message_id = r.message_id"            \
        " AND l.side = 1 WHERE r.mailbox = ?1 AND r.side = 0 AND r.uid > ?2"
#define _PAIR_FROM   _PAIR_BY("unknown_identity")
#define _PAIR_DIGEST _PAIR_BY("unknown_digest")
#define _PAIR_TWIN(x, also)                                                                        \
        " AND NOT EXISTS (SELECT 1 FROM temp.unknown t INDEXED BY unknown_identity"                \
        " WHERE t.mailbox = ?1 AND t.side = " x ".side AND t.size = " x                            \
        ".size AND t.message_id = " x ".message_id" also " AND t.uid <> " x ".uid)"
/* gone: 1, or 2 if told after the counts were checked; what was told in time stays so. */
#define _GONE_STAYS                                                                                \
        " ON CONFLICT (mailbox, remote, side) DO UPDATE"                                           \
        " SET gone = CASE gone WHEN 1 THEN 1 ELSE excluded.gone END"
/* What is gone on side ?2 of mailbox ?1 while the other side (o) still has it: perhaps it was moved. */
#define _MOVE_FROM                                                                                 \
        " FROM temp.change c CROSS JOIN message m"                                                 \
        " ON m.mailbox = c.mailbox AND m.remote = c.remote LEFT JOIN temp.change o"                \
        " ON o.mailbox = m.mailbox AND o.remote = m.remote AND o.side = 1 - ?2"
#define _MOVE_WHERE                                                                                \
        " WHERE c.mailbox = ?1 AND c.side = ?2 AND c.gone = 1 AND coalesce(o.gone, 0) = 0"
#define _MOVE_GONE _MOVE_FROM _MOVE_WHERE
/* Its UID on that other side. */
#define _MOVE_HALF "CASE ?2 WHEN 0 THEN m.local ELSE m.remote END"
/* Alone in what it looks like. */
#define _MOVE_TWIN(where, x)                                                                       \
        " AND NOT EXISTS (SELECT 1 FROM temp.unknown t INDEXED BY unknown_identity"                \
        " WHERE t.mailbox = " where " AND t.side = " x ".side AND t.size = " x                     \
        ".size AND t.message_id = " x ".message_id AND t.date = " x ".date AND t.uid <> " x        \
        ".uid)"
#define _PAIR_COLUMNS "SELECT r.uid, l.uid, r.flags, l.flags"

/* New remote messages that no interrupted run can have sent to the local side. */
#define _UNKNOWN_UNSENT                                                                            \
        " AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.mailbox = ?1 AND i.side = 1"              \
        " AND i.source_uid = u.uid)"

/* What the base has of a message on each side: the local one may differ. */
#define _FLAGS_OF_REMOTE(m) m "flags"
#define _FLAGS_OF_LOCAL(m)  "((" m "flags | " m "apart) & ~(" m "flags & " m "apart))"

/* Volumes are ranges of one side's UIDs. */
#define _VOLUME_NEXT(own)                                                                          \
        "SELECT coalesce(max(" own "), 0), count(*) FROM (SELECT " own " FROM message"             \
        " WHERE mailbox = ?1 AND " own " > ?2 ORDER BY " own " LIMIT ?3)"
#define _VOLUME_RANGES(own)                                                                        \
        "SELECT count(*) FROM (SELECT 1 FROM message m WHERE mailbox = ?1"                         \
        " AND NOT EXISTS (SELECT 1 FROM message p WHERE p.mailbox = ?1"                            \
        " AND p." own " = m." own " - 1) LIMIT ?2)"
#define _VOLUME_COUNT(own)                                                                         \
        "SELECT count(*) FROM message WHERE mailbox = ?1 AND " own " BETWEEN ?2 AND ?3"
#define _VOLUME_NEWEST(own)                                                                        \
        "SELECT coalesce(min(" own "), 1) FROM (SELECT " own " FROM message"                       \
        " WHERE mailbox = ?1 AND " own " <= ?2 ORDER BY " own " DESC LIMIT ?3)"
#define _VOLUME_FLAGS(own, flags)                                                                  \
        "SELECT " flags " FROM message WHERE mailbox = ?1 AND " own                                \
        " BETWEEN ?2 AND ?3 AND " flags " <> 0"
#define _VOLUME_FLAGS_GONE(own, side, flags)                                                       \
        "SELECT " flags " FROM temp.change c CROSS JOIN message m"                                 \
        " ON m.mailbox = c.mailbox AND m.remote = c.remote"                                        \
        " WHERE c.mailbox = ?1 AND m." own " BETWEEN ?2 AND ?3 AND c.side = " side " AND c.gone"
#define _VOLUME_DIFFERS(own, side, flags)                                                          \
        "SELECT remote, local, flags, apart FROM message m WHERE mailbox = ?1"                     \
        " AND " own " BETWEEN ?2 AND ?3 AND ((" flags " & ?4) <> 0) <> ?5"                         \
        " AND NOT EXISTS (SELECT 1 FROM temp.change c WHERE c.mailbox = ?1"                        \
        " AND c.remote = m.remote AND c.side = " side " AND c.gone) ORDER BY " own " LIMIT 1"

#define STATE_DB_STATEMENTS(X)                                                                     \
        X(BEGIN, "BEGIN IMMEDIATE")                                                                \
        X(COMMIT, "COMMIT")                                                                        \
        X(ROLLBACK, "ROLLBACK")                                                                    \
        X(GET, "SELECT value FROM account WHERE key = ?1")                                         \
        X(SET, "INSERT INTO account VALUES (?1, ?2)"                                               \
               " ON CONFLICT (key) DO UPDATE SET value = excluded.value")                          \
        X(MAILBOX_EACH,                                                                            \
          "SELECT id, name, remote_wire, remote_uidvalidity, remote_uidnext, remote_modseq,"       \
          " local_uidvalidity, local_uidnext, local_modseq, stamp0, stamp1, stamp2, stamp3,"       \
          " messages, files, remote_parked, local_parked, remote_gone, local_gone,"                \
          " gone_since, last_change, local_wire, alone, large, size_limit, old, surplus, evicted," \
          " age_limit, count_limit, left_until, is_dated"                                          \
          " FROM mailbox ORDER BY name")                                                           \
        X(MAILBOX_ADD, "INSERT INTO mailbox (name, remote_wire, local_wire) VALUES (?1, ?2, ?3)")  \
        X(MAILBOX_SAVE,                                                                            \
          "UPDATE mailbox SET remote_wire = ?2, remote_uidvalidity = ?3, remote_uidnext = ?4,"     \
          " remote_modseq = ?5, local_uidvalidity = ?6, local_uidnext = ?7, local_modseq = ?8,"    \
          " stamp0 = ?9, stamp1 = ?10, stamp2 = ?11, stamp3 = ?12, messages = ?13, files = ?14,"   \
          " remote_parked = ?15, local_parked = ?16, remote_gone = ?17, local_gone = ?18,"         \
          " gone_since = ?19, last_change = ?20, local_wire = ?21, alone = ?22, large = ?23,"      \
          " size_limit = ?24, old = ?25, surplus = ?26, evicted = ?27, age_limit = ?28,"           \
          " count_limit = ?29, left_until = ?30, is_dated = ?31 WHERE id = ?1")                    \
        X(MAILBOX_FORGET, "DELETE FROM mailbox WHERE id = ?1")                                     \
        X(MAILBOX_RENAME,                                                                          \
          "UPDATE mailbox SET name = ?2, remote_wire = ?3, local_wire = ?4 WHERE id = ?1")         \
        X(LIFE_GET, "SELECT remote_object, local_object, subscribed, renaming, renaming_side,"     \
                    " removing FROM life WHERE mailbox = ?1")                                      \
        X(LIFE_SAVE, "INSERT OR REPLACE INTO life VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")            \
        X(LIFE_FORGET, "DELETE FROM life WHERE mailbox = ?1")                                      \
        X(KEYWORD_FORGET, "DELETE FROM keyword WHERE mailbox = ?1")                                \
        X(FILE_FORGET, "DELETE FROM file WHERE mailbox = ?1")                                      \
        X(INTENT_FORGET, "DELETE FROM intent WHERE mailbox = ?1")                                  \
        X(MOVED_FORGET, "DELETE FROM moved WHERE mailbox = ?1")                                    \
        X(MOVED_FORGET_SIDE, "DELETE FROM moved WHERE mailbox = ?1 AND side = ?2")                 \
        X(MOVED_ADD, "INSERT OR REPLACE INTO moved VALUES (?1, ?2, ?3, ?4)")                       \
        X(MOVED_REMOVE, "DELETE FROM moved WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")         \
        X(MOVED_FIND, "SELECT flags FROM moved WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")     \
        X(MOVED_ANY, "SELECT EXISTS (SELECT 1 FROM moved WHERE mailbox = ?1)")                     \
        X(PARKED_FORGET, "DELETE FROM parked WHERE mailbox = ?1")                                  \
        X(KEYWORD_EACH, "SELECT name FROM keyword WHERE mailbox = ?1 ORDER BY position")           \
        X(KEYWORD_ADD, "INSERT OR REPLACE INTO keyword VALUES (?1, ?2, ?3)")                       \
        X(MESSAGE_BY_REMOTE,                                                                       \
          "SELECT remote, local, flags, apart FROM message WHERE mailbox = ?1 AND remote = ?2")    \
        X(MESSAGE_NEXT,                                                                            \
          "SELECT remote, local, flags, apart FROM message WHERE mailbox = ?1 AND remote > ?2"     \
          " ORDER BY remote LIMIT 1")                                                              \
        X(MESSAGE_BY_LOCAL,                                                                        \
          "SELECT remote, local, flags, apart FROM message WHERE mailbox = ?1 AND local = ?2")     \
        X(MESSAGE_BOUND,                                                                           \
          "SELECT (SELECT remote FROM message WHERE mailbox = ?1 AND remote > 0"                   \
          " ORDER BY remote DESC LIMIT 1), (SELECT local FROM message WHERE mailbox = ?1"          \
          " AND local > 0 ORDER BY local DESC LIMIT 1)")                                           \
        X(MESSAGE_ADD, "INSERT INTO message (mailbox, remote, local, flags, apart)"                \
                       " VALUES (?1, ?2, ?3, ?4, ?5)")                                             \
        X(MESSAGE_SET_FLAGS, "UPDATE message SET flags = ?3, apart = ?4"                           \
                             " WHERE mailbox = ?1 AND remote = ?2")                                \
        X(MESSAGE_REMOVE, "DELETE FROM message WHERE mailbox = ?1 AND remote = ?2")                \
        X(MESSAGE_REMOVE_ALL, "DELETE FROM message WHERE mailbox = ?1")                            \
        X(OBJECT_NOTE, "INSERT OR REPLACE INTO object"                                             \
                       " SELECT CASE side WHEN 0 THEN '' ELSE 'local ' END || object, mailbox, ?4" \
                       " FROM temp.unknown WHERE mailbox = ?1 AND side = ?2 AND uid = ?3"          \
                       " AND object IS NOT NULL")                                                  \
        X(OBJECT_REMOVE, "DELETE FROM object WHERE mailbox = ?1 AND remote = ?2")                  \
        X(OBJECT_REMOVE_ALL, "DELETE FROM object WHERE mailbox = ?1")                              \
        X(OBJECT_ELSEWHERE,                                                                        \
          "SELECT twin.mailbox FROM object own CROSS JOIN object twin ON twin.object = own.object" \
          " CROSS JOIN message m ON m.mailbox = twin.mailbox AND m.remote = twin.remote"           \
          " WHERE own.mailbox = ?1 AND own.remote = ?2 AND twin.mailbox <> own.mailbox"            \
          " AND twin.mailbox > ?3"                                                                 \
          " AND NOT EXISTS (SELECT 1 FROM temp.change l WHERE l.mailbox = twin.mailbox"            \
          " AND l.remote = twin.remote AND l.side = ?4 AND l.gone)"                                \
          " ORDER BY twin.mailbox LIMIT 1")                                                        \
        X(TWIN_NEXT,                                                                               \
          "SELECT u.uid, u.flags, u.date, u.zone, m.mailbox, m.local FROM temp.unknown u"          \
          " CROSS JOIN object twin ON twin.object = u.object"                                      \
          " CROSS JOIN message m ON m.mailbox = twin.mailbox AND m.remote = twin.remote"           \
          " WHERE u.mailbox = ?1 AND u.side = 0 AND u.uid > ?2 ORDER BY u.uid LIMIT 1")            \
        X(MESSAGE_FROM_REMOTE,                                                                     \
          "SELECT remote FROM message WHERE mailbox = ?1 AND remote >= ?2 ORDER BY remote")        \
        X(MESSAGE_FROM_LOCAL,                                                                      \
          "SELECT local FROM message WHERE mailbox = ?1 AND local >= ?2 ORDER BY local")           \
        X(MESSAGE_EACH,                                                                            \
          "SELECT remote, local, flags, apart FROM message WHERE mailbox = ?1 ORDER BY remote")    \
        X(MESSAGE_KEEP_DATES, "UPDATE message SET date = 0 WHERE mailbox = ?1 AND date IS NULL")   \
        X(MESSAGE_SET_DATE,                                                                        \
          "UPDATE message SET date = max(?3, 1) WHERE mailbox = ?1 AND remote = ?2")               \
        X(MESSAGE_NOTE_DATE,                                                                       \
          "UPDATE message SET date = coalesce((SELECT max(date, 1) FROM temp.unknown"              \
          " WHERE mailbox = ?1 AND side = 0 AND uid = ?2), (SELECT max(date, 1) FROM temp.unknown" \
          " WHERE mailbox = ?1 AND side = 1 AND uid = ?3), 0)"                                     \
          " WHERE mailbox = ?1 AND remote = ?2")                                                   \
        X(MESSAGE_UNDATED,                                                                         \
          "SELECT remote FROM message INDEXED BY message_date WHERE mailbox = ?1 AND date = 0"     \
          " AND remote > ?2" _MESSAGE_DATED " ORDER BY remote LIMIT ?3")                           \
        X(MESSAGE_OLD,                                                                             \
          "SELECT remote, local, flags, apart FROM message m INDEXED BY message_date"              \
          " WHERE mailbox = ?1 AND date > 0 AND date < ?2" _MESSAGE_DATED _MESSAGE_UNCHANGED       \
          " ORDER BY date LIMIT ?3")                                                               \
        X(MESSAGE_ANY_OLD, "SELECT EXISTS (SELECT 1 FROM message INDEXED BY message_date"          \
                           " WHERE mailbox = ?1 AND date < ?2" _MESSAGE_DATED ")")                 \
        X(MESSAGE_SURPLUS,                                                                         \
          "SELECT remote, local, flags, apart FROM (SELECT remote, local, flags, apart"            \
          " FROM message WHERE mailbox = ?1 ORDER BY remote LIMIT ?2) m"                           \
          " WHERE 1" _MESSAGE_EVICTABLE _MESSAGE_UNCHANGED " LIMIT ?3")                            \
        X(UNKNOWN_OLD, "SELECT uid FROM temp.unknown u WHERE mailbox = ?1 AND side = 0"            \
                       " AND date < ?2" _UNKNOWN_UNSENT " ORDER BY uid")                           \
        X(UNKNOWN_SURPLUS, "SELECT uid FROM temp.unknown u WHERE mailbox = ?1 AND side = 0"        \
                           " AND uid < ?2" _UNKNOWN_UNSENT " ORDER BY uid")                        \
        X(UNKNOWN_ANY_OLD, "SELECT EXISTS (SELECT 1 FROM temp.unknown"                             \
                           " WHERE mailbox = ?1 AND side = 1 AND date <= ?2)")                     \
        X(NEWEST_FROM,                                                                             \
          "SELECT uid FROM (SELECT * FROM (SELECT remote AS uid FROM message WHERE mailbox = ?1"   \
          " ORDER BY remote DESC LIMIT ?2) UNION SELECT * FROM (SELECT uid FROM temp.unknown"      \
          " WHERE mailbox = ?1 AND side = 0 ORDER BY uid DESC LIMIT ?2))"                          \
          " ORDER BY uid DESC LIMIT 1 OFFSET ?2 - 1")                                              \
        X(MESSAGE_UNSEEN, "SELECT count(*) FROM message WHERE mailbox = ?1 AND NOT flags & 1")     \
        X(VOLUME_NEXT_REMOTE, _VOLUME_NEXT("remote"))                                              \
        X(VOLUME_NEXT_LOCAL, _VOLUME_NEXT("local"))                                                \
        X(VOLUME_RANGES_REMOTE, _VOLUME_RANGES("remote"))                                          \
        X(VOLUME_RANGES_LOCAL, _VOLUME_RANGES("local"))                                            \
        X(VOLUME_COUNT_REMOTE, _VOLUME_COUNT("remote"))                                            \
        X(VOLUME_COUNT_LOCAL, _VOLUME_COUNT("local"))                                              \
        X(VOLUME_COUNT_PARKED, "SELECT count(*) FROM parked"                                       \
                               " WHERE mailbox = ?1 AND side = ?4 AND uid BETWEEN ?2 AND ?3")      \
        X(VOLUME_COUNT_UNKNOWN, "SELECT count(*) FROM temp.unknown"                                \
                                " WHERE mailbox = ?1 AND side = ?4 AND uid BETWEEN ?2 AND ?3")     \
        X(VOLUME_NEWEST_REMOTE, _VOLUME_NEWEST("remote"))                                          \
        X(VOLUME_NEWEST_LOCAL, _VOLUME_NEWEST("local"))                                            \
        X(VOLUME_FLAGS_REMOTE, _VOLUME_FLAGS("remote", _FLAGS_OF_REMOTE("")))                      \
        X(VOLUME_FLAGS_LOCAL, _VOLUME_FLAGS("local", _FLAGS_OF_LOCAL("")))                         \
        X(VOLUME_FLAGS_UNKNOWN, "SELECT flags FROM temp.unknown WHERE mailbox = ?1 AND side = ?4"  \
                                " AND uid BETWEEN ?2 AND ?3 AND flags <> 0")                       \
        X(VOLUME_FLAGS_GONE_REMOTE, _VOLUME_FLAGS_GONE("remote", "0", _FLAGS_OF_REMOTE("m.")))     \
        X(VOLUME_FLAGS_GONE_LOCAL, _VOLUME_FLAGS_GONE("local", "1", _FLAGS_OF_LOCAL("m.")))        \
        X(VOLUME_DIFFERS_REMOTE, _VOLUME_DIFFERS("remote", "0", _FLAGS_OF_REMOTE("")))             \
        X(VOLUME_DIFFERS_LOCAL, _VOLUME_DIFFERS("local", "1", _FLAGS_OF_LOCAL("")))                \
        X(CHANGE_FLAGS, "SELECT flags FROM temp.change"                                            \
                        " WHERE mailbox = ?1 AND side = ?2 AND remote = ?3 AND NOT gone")          \
        X(ROTATION_GET, "SELECT uid, begun, complete, last FROM rotation"                          \
                        " WHERE mailbox = ?1 AND side = ?2")                                       \
        X(ROTATION_SET, "INSERT OR REPLACE INTO rotation VALUES (?1, ?2, ?3, ?4, ?5, ?6)")         \
        X(ROTATION_FORGET, "DELETE FROM rotation WHERE mailbox = ?1")                              \
        X(FILE_FIND, "SELECT uid FROM file WHERE mailbox = ?1 AND name = ?2")                      \
        X(FILE_NAME, "SELECT name FROM file WHERE mailbox = ?1 AND uid = ?2")                      \
        X(FILE_ADD, "INSERT INTO file VALUES (?1, ?2, ?3, ?4, ?5)")                                \
        X(FILE_OBJECT, "SELECT object FROM file WHERE mailbox = ?1 AND uid = ?2")                  \
        X(FILE_SET_UNKNOWN, "UPDATE file SET unknown = ?3 WHERE mailbox = ?1 AND uid = ?2")        \
        X(FILE_ALL_UNKNOWN, "UPDATE file SET unknown = 1 WHERE mailbox = ?1 AND uid NOT IN"        \
                            " (SELECT uid FROM parked WHERE mailbox = ?1 AND side = 1)")           \
        X(FILE_REMOVE, "DELETE FROM file WHERE mailbox = ?1 AND uid = ?2")                         \
        X(FILE_EACH, "SELECT uid, name FROM file WHERE mailbox = ?1 ORDER BY uid")                 \
        X(FILE_EACH_UNKNOWN, "SELECT uid, name FROM file INDEXED BY file_unknown"                  \
                             " WHERE mailbox = ?1 AND unknown")                                    \
        X(FILE_BOUNDS, "SELECT (SELECT uid FROM file WHERE mailbox = ?1 ORDER BY uid LIMIT 1),"    \
                       " (SELECT uid FROM file WHERE mailbox = ?1 ORDER BY uid DESC LIMIT 1)")     \
        X(INTENT_ADD, "INSERT OR REPLACE INTO intent VALUES (?1, ?2, ?3, ?4, ?5, ?6)")             \
        X(INTENT_NEWEST, "SELECT coalesce(max(time), 0) FROM intent WHERE side = ?1")              \
        X(INTENT_REMOVE,                                                                           \
          "DELETE FROM intent WHERE mailbox = ?1 AND side = ?2 AND source_uid = ?3")               \
        X(INTENT_REMOVE_SIDE, "DELETE FROM intent WHERE mailbox = ?1 AND side = ?2")               \
        X(INTENT_FIND, "SELECT uidnext, taken, time FROM intent"                                   \
                       " WHERE mailbox = ?1 AND side = ?2 AND source_uid = ?3")                    \
        X(INTENT_COUNT, "SELECT count(*) FROM intent WHERE mailbox = ?1")                          \
        X(STAGED_SET, "INSERT OR REPLACE INTO staged VALUES (?1, ?2, ?3)")                         \
        X(STAGED_GET, "SELECT first, last FROM staged WHERE mailbox = ?1")                         \
        X(STAGED_CLEAR, "DELETE FROM staged WHERE mailbox = ?1")                                   \
        X(PARK, "INSERT OR REPLACE INTO parked VALUES (?1, ?2, ?3, ?4, ?5)")                       \
        X(UNPARK, "DELETE FROM parked WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")              \
        X(PARKED_FIND, "SELECT 1 FROM parked WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")       \
        X(PARKED_FLAGS, "SELECT flags FROM parked"                                                 \
                        " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")                          \
        X(PARKED_REASON, "SELECT reason FROM parked"                                               \
                         " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")                         \
        X(PARKED_FROM, "SELECT uid FROM parked"                                                    \
                       " WHERE mailbox = ?1 AND side = ?2 AND uid >= ?3 ORDER BY uid")             \
        X(PARKED_IN, "SELECT uid FROM parked WHERE mailbox = ?1 AND side = ?2"                     \
                     " AND uid BETWEEN ?3 AND ?4 ORDER BY uid")                                    \
        X(PARKED_COUNT, "SELECT count(*) FROM parked WHERE mailbox = ?1 AND reason = ?2")          \
        X(PARKED_REFUSED, "SELECT uid FROM parked WHERE mailbox = ?1 AND side = ?2"                \
                          " AND reason NOT IN (?3, ?4, ?5, ?6, ?7) ORDER BY uid")                  \
        X(PARKED_FOR, "SELECT uid FROM parked"                                                     \
                      " WHERE mailbox = ?1 AND side = ?2 AND reason = ?3 ORDER BY uid")            \
        X(CHANGE_PUT, "INSERT OR REPLACE INTO temp.change (mailbox, remote, side, gone, flags)"    \
                      " VALUES (?1, ?3, ?2, ?4, ?5)")                                              \
        X(CHANGE_DROP, "DELETE FROM temp.change WHERE mailbox = ?1 AND side = ?2 AND remote = ?3") \
        X(CHANGE_GONE_REMOTE,                                                                      \
          "INSERT INTO temp.change (mailbox, remote, side, gone, flags) SELECT mailbox, remote, "  \
          "0, ?4, 0"                                                                               \
          " FROM message WHERE mailbox = ?1 AND remote BETWEEN ?2 AND ?3" _GONE_STAYS)             \
        X(CHANGE_GONE_LOCAL,                                                                       \
          "INSERT INTO temp.change (mailbox, remote, side, gone, flags) SELECT mailbox, remote, "  \
          "1, ?4, 0"                                                                               \
          " FROM message WHERE mailbox = ?1 AND local BETWEEN ?2 AND ?3" _GONE_STAYS)              \
        X(CHANGE_UNLISTED_REMOTE,                                                                  \
          "INSERT OR REPLACE INTO temp.change (mailbox, remote, side, gone, flags) SELECT "        \
          "mailbox, remote, 0, 1, 0"                                                               \
          " FROM message m WHERE mailbox = ?1 AND NOT EXISTS (SELECT 1 FROM temp.listed t"         \
          " WHERE t.mailbox = ?1 AND t.side = 0 AND t.uid = m.remote)")                            \
        X(CHANGE_UNLISTED_LOCAL,                                                                   \
          "INSERT OR REPLACE INTO temp.change (mailbox, remote, side, gone, flags) SELECT "        \
          "mailbox, remote, 1, 1, 0"                                                               \
          " FROM message m WHERE mailbox = ?1 AND NOT EXISTS (SELECT 1 FROM temp.listed t"         \
          " WHERE t.mailbox = ?1 AND t.side = 1 AND t.uid = m.local)")                             \
        X(CHANGE_COUNT_GONE, "SELECT count(*) FROM temp.change c CROSS JOIN message m"             \
                             " ON m.mailbox = c.mailbox AND m.remote = c.remote"                   \
                             " WHERE c.mailbox = ?1 AND c.side = ?2 AND c.gone = ?3")              \
        X(CHANGE_NEXT,                                                                             \
          "SELECT m.remote, m.local, m.flags, m.apart, r.gone, r.flags, l.gone, l.flags"           \
          " FROM temp.change c CROSS JOIN message m"                                               \
          " ON m.mailbox = c.mailbox AND m.remote = c.remote LEFT JOIN temp.change r"              \
          " ON r.mailbox = m.mailbox AND r.remote = m.remote AND r.side = 0"                       \
          " LEFT JOIN temp.change l"                                                               \
          " ON l.mailbox = m.mailbox AND l.remote = m.remote AND l.side = 1"                       \
          " WHERE c.mailbox = ?1 AND c.remote > ?2 ORDER BY c.remote LIMIT 1")                     \
        X(CHANGE_CLEAR, "DELETE FROM temp.change WHERE mailbox = ?1")                              \
        X(LISTED_PUT, "INSERT OR IGNORE INTO temp.listed VALUES (?1, ?2, ?3)")                     \
        X(LISTED_CLEAR, "DELETE FROM temp.listed WHERE mailbox = ?1")                              \
        X(LISTED_CLEAR_SIDE, "DELETE FROM temp.listed WHERE mailbox = ?1 AND side = ?2")           \
        X(PARKED_UNLISTED,                                                                         \
          "SELECT uid FROM parked p WHERE mailbox = ?1 AND side = ?2 AND NOT EXISTS"               \
          " (SELECT 1 FROM temp.listed t WHERE t.mailbox = ?1 AND t.side = ?2 AND t.uid = p.uid)"  \
          " ORDER BY uid")                                                                         \
        X(PARKED_CLEAR, "DELETE FROM parked WHERE mailbox = ?1 AND side = ?2")                     \
        X(UNKNOWN_REMOVE_UNLISTED,                                                                 \
          "DELETE FROM temp.unknown WHERE mailbox = ?1 AND side = ?2 AND uid NOT IN"               \
          " (SELECT uid FROM temp.listed WHERE mailbox = ?1 AND side = ?2)")                       \
        X(UNKNOWN_ADD_GONE,                                                                        \
          "INSERT OR IGNORE INTO temp.unknown (mailbox, side, uid, flags)"                         \
          " SELECT m.mailbox, 1 - ?2, " _MOVE_HALF ","                                             \
          " CASE WHEN o.gone = 0 THEN o.flags WHEN ?2 = 1 THEN m.flags ELSE " _FLAGS_OF_LOCAL(     \
                  "m.") " END" _MOVE_GONE)                                                         \
        X(UNKNOWN_REMOVE_KNOWN,                                                                    \
          "DELETE FROM temp.unknown WHERE mailbox = ?1 AND side = 1 AND EXISTS (SELECT 1"          \
          " FROM message m WHERE m.mailbox = ?1 AND m.local = temp.unknown.uid)")                  \
        X(UNKNOWN_REMOVE_KNOWN_REMOTE,                                                             \
          "DELETE FROM temp.unknown WHERE mailbox = ?1 AND side = 0 AND EXISTS (SELECT 1"          \
          " FROM message m WHERE m.mailbox = ?1 AND m.remote = temp.unknown.uid)")                 \
        X(CHANGE_OBJECT, "UPDATE temp.change SET object = ?4"                                      \
                         " WHERE mailbox = ?1 AND side = ?2 AND remote = ?3")                      \
        X(LOST_NEXT, "SELECT m.remote, m.local, m.flags, m.apart" _MOVE_GONE " AND c.remote > ?3"  \
                     " ORDER BY c.remote LIMIT 1")                                                 \
        X(MOVE_BY_OBJECT, "SELECT m.remote, m.local, m.flags, m.apart, u.uid" _MOVE_FROM           \
                          " CROSS JOIN temp.unknown u INDEXED BY unknown_object"                   \
                          " ON u.mailbox = ?4 AND u.side = ?2 AND u.object = c.object" _MOVE_WHERE \
                          " AND c.remote > ?3 ORDER BY c.remote LIMIT 1")                          \
        X(MOVE_BY_IDENTITY,                                                                        \
          "SELECT m.remote, m.local, m.flags, m.apart, u.uid" _MOVE_FROM                           \
          " CROSS JOIN temp.unknown h ON h.mailbox = ?1 AND h.side = 1 - ?2 AND h.uid "            \
          "= " _MOVE_HALF " CROSS JOIN temp.unknown u INDEXED BY unknown_identity"                 \
          " ON u.mailbox = ?4 AND u.size = h.size AND u.message_id = h.message_id"                 \
          " AND u.side = ?2" _MOVE_WHERE " AND c.remote > ?3"                                      \
          " AND h.message_id <> '' AND u.date = h.date" _MOVE_TWIN("?1", "h")                      \
                  _MOVE_TWIN("?4", "u") " ORDER BY c.remote LIMIT 1")                              \
        X(UNKNOWN_PUT,                                                                             \
          "INSERT INTO temp.unknown (mailbox, side, uid, flags, date, zone, size, message_id)"     \
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (mailbox, side, uid) DO UPDATE"    \
          " SET flags = CASE ?9 WHEN 1 THEN excluded.flags ELSE flags END,"                        \
          " date = coalesce(excluded.date, date), zone = coalesce(excluded.zone, zone),"           \
          " size = coalesce(excluded.size, size),"                                                 \
          " message_id = coalesce(excluded.message_id, message_id)")                               \
        X(UNKNOWN_OBJECT, "UPDATE temp.unknown SET object = ?4"                                    \
                          " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")                        \
        X(UNKNOWN_REMOVE,                                                                          \
          "DELETE FROM temp.unknown WHERE mailbox = ?1 AND side = ?2 AND uid BETWEEN ?3 AND ?4")   \
        X(UNKNOWN_COUNT, "SELECT count(*) FROM temp.unknown WHERE mailbox = ?1 AND side = ?2")     \
        X(UNKNOWN_UIDS, "SELECT uid FROM temp.unknown WHERE mailbox = ?1 AND side = ?2"            \
                        " AND uid > ?3 ORDER BY uid LIMIT ?4")                                     \
        X(UNKNOWN_NEWEST,                                                                          \
          "SELECT uid FROM (SELECT uid FROM temp.unknown WHERE mailbox = ?1 AND side = ?2"         \
          " AND uid > ?3 ORDER BY uid DESC LIMIT ?4) ORDER BY uid")                                \
        X(UNIDENTIFIED, "SELECT uid FROM temp.unknown WHERE mailbox = ?1 AND side = ?2"            \
                        " AND uid > ?3 AND date IS NULL ORDER BY uid LIMIT ?4")                    \
        X(UNKNOWN_GET, "SELECT flags, date, zone, size FROM temp.unknown"                          \
                       " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")                           \
        X(UNKNOWN_TRY, "UPDATE temp.unknown SET tries = tries + 1"                                 \
                       " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3 RETURNING tries")           \
        X(UNKNOWN_DIGEST, "UPDATE temp.unknown SET digest = ?4"                                    \
                          " WHERE mailbox = ?1 AND side = ?2 AND uid = ?3")                        \
        X(UNKNOWN_FORGET_SIZES, "UPDATE temp.unknown SET size = 0 WHERE mailbox = ?1")             \
        X(UNKNOWN_CLEAR, "DELETE FROM temp.unknown WHERE mailbox = ?1")                            \
        X(PAIR_BY_MESSAGE_ID, _PAIR_COLUMNS _PAIR_FROM " AND r.message_id <> ''" _PAIR_TWIN(       \
                                      "r", "") _PAIR_TWIN("l", "") " ORDER BY r.uid LIMIT 1")      \
        X(PAIR_BY_DATE, _PAIR_COLUMNS _PAIR_FROM                                                   \
          " AND r.message_id <> '' AND l.date = r.date" _PAIR_TWIN("r", " AND t.date = r.date")    \
                  _PAIR_TWIN("l", " AND t.date = l.date") " ORDER BY r.uid LIMIT 1")               \
        X(PAIR_BY_DIGEST_NEW, _PAIR_COLUMNS _PAIR_DIGEST                                           \
          " AND r.digest = l.digest AND NOT EXISTS (SELECT 1 FROM message m"                       \
          " WHERE m.mailbox = ?1 AND m.remote = r.uid) AND NOT EXISTS (SELECT 1 FROM message m"    \
          " WHERE m.mailbox = ?1 AND m.local = l.uid) ORDER BY r.uid, l.uid LIMIT 1")              \
        X(PAIR_BY_DIGEST,                                                                          \
          _PAIR_COLUMNS _PAIR_DIGEST " AND r.digest = l.digest ORDER BY r.uid, l.uid LIMIT 1")     \
        X(DOUBTFUL_NEXT,                                                                           \
          "SELECT u.uid FROM temp.unknown u WHERE u.mailbox = ?1 AND u.side = ?2 AND u.uid > ?3"   \
          " AND u.digest IS NULL AND EXISTS (SELECT 1 FROM temp.unknown t"                         \
          " WHERE t.mailbox = ?1 AND t.side = 1 - ?2 AND t.size = u.size"                          \
          " AND t.message_id = u.message_id) ORDER BY u.uid LIMIT 1")
