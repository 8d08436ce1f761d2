/* Messages that are in a mailbox more than once. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "ctl/client.h"
#include "ctl/duplicates.h"
#include "ctl/json.h"
#include "ctl/output-private.h"

#define HEAD_MAX  (64 * 1024)       /* of a message: its header is looked for in so much */
#define FOUND_MAX ((size_t) 100000) /* files that are told of, of one mailbox */
#define MARKS_MAX ((size_t) 1 << 20)

static const char *const subs[] = {"new", "cur"};

/* What is remembered of a message while all are looked through. */
typedef struct Mark {
        uint64_t key; /* of Message-ID and size */
        uint64_t inode;
} Mark;

/* One that is not alone with its key. */
typedef struct Found {
        uint64_t key;
        char *file; /* owned */
        bool done;
} Found;

typedef struct Search {
        int fd; /* of the folder; borrowed */
        size_t part, n_parts, max_marks;
        size_t n_messages; /* counted by the first pass */
        Mark *marks;       /* owned */
        size_t n_marks;
        Found *found; /* owned */
        size_t n_found;
} Search;

static void search_done(Search *search) {
        free(search->marks);
        for (size_t i = 0; i < search->n_found; i++)
                free(search->found[i].file);
        free(search->found);
}

/* --- a message --- */

/* FNV-1a, 64 bits: what it takes for alike is compared byte by byte later. */
static uint64_t hash(uint64_t key, const char *bytes, size_t n) {
        for (size_t i = 0; i < n; i++)
                key = (key ^ (unsigned char) bytes[i]) * UINT64_C(0x100000001b3);
        return key;
}

/* Read up to the end of the header. Return: its size, or a negative errno. */
static ssize_t read_head(int folder, const char *file, char head[static HEAD_MAX],
                         uint64_t *ret_size) {
        _cleanup_close_ int fd =
                openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        ssize_t n = 0;
        size_t size = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        while (size < HEAD_MAX && (n = read(fd, head + size, HEAD_MAX - size)) > 0) {
                const size_t from = size > 3 ? size - 3 : 0;

                size += (size_t) n;
                if (memmem(head + from, size - from, "\n\n", 2) ||
                    memmem(head + from, size - from, "\n\r\n", 3))
                        break;
        }
        if (n < 0)
                return -errno;
        *ret_size = (uint64_t) st.st_size;
        return (ssize_t) size;
}

static size_t header_size(const char *head, size_t size) {
        const char *lf = memmem(head, size, "\n\n", 2), *crlf = memmem(head, size, "\n\r\n", 3);

        if (lf && crlf)
                return (size_t) (MIN(lf, crlf) - head) + 1;
        return lf || crlf ? (size_t) ((lf ? lf : crlf) - head) + 1 : size;
}

/* The value of Message-ID, without the blanks around it; size 0: there is none. */
static ByteView find_message_id(ByteView header) {
        static const char name[] = "Message-ID:";
        size_t at = 0;

        while (at < header.size) {
                const char *line = header.data + at;
                const size_t left = header.size - at;
                const char *end = memchr(line, '\n', left);
                size_t n = end ? (size_t) (end - line) + 1 : left;

                if (n > strlen(name) && strncasecmp(line, name, strlen(name)) == 0) {
                        const char *value = line + strlen(name);

                        /* it may stand on the next line, behind a blank */
                        end = line + left;
                        while (value < end && strchr(" \t\r\n", *value))
                                value++;
                        n = 0;
                        while (value + n < end && !strchr(" \t\r\n", value[n]))
                                n++;
                        return (ByteView){value, n};
                }
                at += n;
        }
        return (ByteView){"", 0};
}

/* The key of a message; @ret_id, which may be NULL, gets its Message-ID. */
static int identify(int folder, const char *file, uint64_t *ret_key, uint64_t *ret_size,
                    Buffer *ret_id) {
        char head[HEAD_MAX];
        uint64_t size = 0;
        const ssize_t n = read_head(folder, file, head, &size);
        ByteView header, id;
        uint64_t key = UINT64_C(0xcbf29ce484222325);

        if (n < 0)
                return (int) n;
        header = (ByteView){head, header_size(head, (size_t) n)};
        id = find_message_id(header);
        key = hash(key, (const char *) &size, sizeof(size));
        key = id.size > 0 ? hash(key, id.data, id.size) : hash(key, header.data, header.size);
        *ret_key = key;
        *ret_size = size;
        return ret_id ? buffer_append_view(ret_id, id) : 0;
}

/* As many bytes as there are, up to @size. */
static ssize_t read_full(int fd, char *bytes, size_t size) {
        size_t n = 0;

        while (n < size) {
                const ssize_t more = read(fd, bytes + n, size - n);

                if (more < 0)
                        return -errno;
                if (more == 0)
                        break;
                n += (size_t) more;
        }
        return (ssize_t) n;
}

/* 1: all bytes are the same, 0: they are not, or a negative errno. */
static int compare_bytes(int folder, const char *a, const char *b) {
        _cleanup_close_ int fd_a = openat(folder, a, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_close_ int fd_b = openat(folder, b, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        char bytes_a[16384], bytes_b[16384];
        ssize_t n_a, n_b;

        if (fd_a < 0 || fd_b < 0)
                return -errno;
        do {
                n_a = read_full(fd_a, bytes_a, sizeof(bytes_a));
                n_b = read_full(fd_b, bytes_b, sizeof(bytes_b));
                if (n_a < 0 || n_b < 0)
                        return n_a < 0 ? (int) n_a : (int) n_b;
                if (n_a != n_b || memcmp(bytes_a, bytes_b, (size_t) n_a) != 0)
                        return 0;
        } while (n_a > 0);
        return 1;
}

/* --- all messages of a folder --- */

typedef int (*Visit)(Search *search, const char *file, uint64_t inode);

static int visit_sub(Search *search, const char *sub, Visit visit) {
        int fd = openat(search->fd, sub, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
        const struct dirent *entry;
        int r = 0;
        DIR *entries;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        entries = fdopendir(fd);
        if (!entries) {
                (void) close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(entries))) {
                char file[4 + sizeof(entry->d_name)];

                if (entry->d_name[0] == '.')
                        continue;
                (void) snprintf(file, sizeof(file), "%s/%s", sub, entry->d_name);
                r = visit(search, file, entry->d_ino);
        }
        (void) closedir(entries);
        return r;
}

static int visit_all(Search *search, Visit visit) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(subs) && r >= 0; i++)
                r = visit_sub(search, subs[i], visit);
        return r;
}

static int count(Search *search, const char *file, uint64_t inode) {
        (void) file;
        (void) inode;
        search->n_messages++;
        return 0;
}

/* What has gone meanwhile, or is no message, is not there. */
static bool is_gone(int r) {
        return r == -ENOENT || r == -EINVAL || r == -ELOOP || r == -ENXIO;
}

static int mark(Search *search, const char *file, uint64_t inode) {
        uint64_t key, size;
        int r = identify(search->fd, file, &key, &size, NULL);

        if (r < 0)
                return is_gone(r) ? 0 : r;
        if (key % search->n_parts != search->part || search->n_marks == search->max_marks)
                return 0; /* it came after they were counted: the next time */
        search->marks[search->n_marks++] = (Mark){key, inode};
        return 0;
}

static int compare_marks(const void *a, const void *b) {
        const Mark *x = a, *y = b;

        return x->key != y->key ? (x->key < y->key ? -1 : 1)
                                : (x->inode > y->inode) - (x->inode < y->inode);
}

static int compare_inodes(const void *a, const void *b) {
        const Mark *x = a, *y = b;

        return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Keep the marks that are not alone with their key, by inode. */
static void keep_twins(Search *search) {
        Mark *marks = search->marks;
        size_t n = 0;

        if (search->n_marks > 0)
                qsort(marks, search->n_marks, sizeof(*marks), compare_marks);
        for (size_t i = 0; i < search->n_marks;) {
                size_t end = i + 1;

                while (end < search->n_marks && marks[end].key == marks[i].key)
                        end++;
                if (end - i > 1) {
                        memmove(marks + n, marks + i, (end - i) * sizeof(*marks));
                        n += end - i;
                }
                i = end;
        }
        search->n_marks = n;
        if (n > 0)
                qsort(marks, n, sizeof(*marks), compare_inodes);
}

static int collect(Search *search, const char *file, uint64_t inode) {
        const Mark wanted = {.inode = inode};
        const Mark *twin = search->n_marks > 0 ? bsearch(&wanted, search->marks, search->n_marks,
                                                         sizeof(wanted), compare_inodes)
                                               : NULL;
        Found *grown;

        if (!twin || search->n_found == FOUND_MAX)
                return 0;
        grown = reallocarray(search->found, search->n_found + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        search->found = grown;
        grown[search->n_found] = (Found){.key = twin->key, .file = strdup(file)};
        return grown[search->n_found++].file ? 0 : -ENOMEM;
}

static int compare_found(const void *a, const void *b) {
        const Found *x = a, *y = b;

        return x->key != y->key ? (x->key < y->key ? -1 : 1) : strcmp(x->file, y->file);
}

/* --- telling --- */

static int tell_group(const Search *search, const char *const *files, size_t n, bool is_same,
                      int (*each)(const Duplicates *duplicates, void *userdata), void *userdata) {
        _cleanup_(buffer_done) Buffer id = BUFFER_NULL;
        _cleanup_free_ char *message_id = NULL;
        uint64_t key, size;
        int r = identify(search->fd, files[0], &key, &size, &id);

        if (r < 0)
                return is_gone(r) ? 0 : r;
        message_id = buffer_steal_string(&id);
        if (!message_id)
                return -ENOMEM;
        return each(&(Duplicates){message_id, size, is_same, (char *const *) files, n}, userdata);
}

/* Those of one key: which are the same as the first of them? The others are alike to it at least. */
static int tell_key(Search *search, Found *found, size_t n,
                    int (*each)(const Duplicates *duplicates, void *userdata), void *userdata) {
        const char **files = calloc(n, sizeof(*files));
        size_t n_kinds = 0;
        int r = files ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++) {
                size_t n_files = 0;

                if (found[i].done)
                        continue;
                n_kinds++;
                files[n_files++] = found[i].file;
                for (size_t j = i + 1; j < n && r >= 0; j++) {
                        if (found[j].done)
                                continue;
                        r = compare_bytes(search->fd, found[i].file, found[j].file);
                        found[j].done = r > 0;
                        if (r > 0)
                                files[n_files++] = found[j].file;
                        if (is_gone(r))
                                r = 0;
                }
                if (r >= 0 && n_files > 1)
                        r = tell_group(search, files, n_files, true, each, userdata);
        }
        if (r >= 0 && n_kinds > 1) {
                for (size_t i = 0; i < n; i++)
                        files[i] = found[i].file;
                r = tell_group(search, files, n, false, each, userdata);
        }
        free(files);
        return r < 0 ? r : 0;
}

static int tell_part(Search *search, int (*each)(const Duplicates *duplicates, void *userdata),
                     void *userdata) {
        int r = 0;

        if (search->n_found > 0)
                qsort(search->found, search->n_found, sizeof(*search->found), compare_found);
        for (size_t i = 0; i < search->n_found && r >= 0;) {
                size_t end = i + 1;

                while (end < search->n_found && search->found[end].key == search->found[i].key)
                        end++;
                if (end - i > 1)
                        r = tell_key(search, search->found + i, end - i, each, userdata);
                i = end;
        }
        for (size_t i = 0; i < search->n_found; i++)
                free(search->found[i].file);
        search->n_found = 0;
        return r;
}

int duplicates_find(const char *folder, size_t max_marks,
                    int (*each)(const Duplicates *duplicates, void *userdata), void *userdata) {
        _cleanup_close_ int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
        _cleanup_(search_done) Search search = {.fd = fd};
        int r;

        if (fd < 0)
                return -errno;
        r = visit_all(&search, count);
        if (r < 0 || search.n_messages == 0)
                return r;
        search.n_parts = 1 + 2 * search.n_messages / max_marks; /* half full, as keys fall */
        search.max_marks = search.n_parts == 1 ? search.n_messages : max_marks;
        search.marks = calloc(search.max_marks, sizeof(*search.marks));
        if (!search.marks)
                return -ENOMEM;
        for (search.part = 0; search.part < search.n_parts && r >= 0; search.part++) {
                search.n_marks = 0;
                r = visit_all(&search, mark);
                keep_twins(&search);
                if (r >= 0 && search.n_marks > 0)
                        r = visit_all(&search, collect);
                if (r >= 0)
                        r = tell_part(&search, each, userdata);
        }
        return r;
}

/* --- the verb --- */

typedef struct Report {
        sd_bus *bus; /* borrowed */
        const Screen *screen;
        const char *account, *mailbox;
        bool json;
        uint64_t n_groups, n_extra, extra_bytes;
} Report;

static int append_json_string(Buffer *buffer, const char *key, const char *text) {
        int r = buffer_append_format(buffer, "\"%s\":", key);

        return r < 0 ? r : json_append_string(buffer, bytes_of(text));
}

static int append_json(Buffer *buffer, const Report *report, const Duplicates *duplicates) {
        int r = buffer_append_string(buffer, "{");

        if (r == 0)
                r = append_json_string(buffer, "mailbox", report->mailbox);
        if (r == 0)
                r = buffer_append_string(buffer, ",");
        if (r == 0)
                r = append_json_string(buffer, "message_id", duplicates->message_id);
        if (r == 0)
                r = buffer_append_format(buffer, ",\"size\":%" PRIu64 ",\"same\":%s,\"files\":[",
                                         duplicates->size, duplicates->is_same ? "true" : "false");
        for (size_t i = 0; i < duplicates->n_files && r == 0; i++) {
                if (i > 0)
                        r = buffer_append_string(buffer, ",");
                if (r == 0)
                        r = json_append_string(buffer, bytes_of(duplicates->files[i]));
        }
        return r < 0 ? r : buffer_append_string(buffer, "]}\n");
}

static int append_text(Buffer *buffer, const Report *report, const Duplicates *duplicates) {
        char size[32];
        int r = buffer_append_string(buffer, style_begin(report->screen, STYLE_TITLE));

        if (r == 0)
                r = text_escape(buffer, report->mailbox);
        if (r == 0)
                r = buffer_append_format(
                        buffer, "%s: %zu %s, %s each: ", style_end(report->screen, STYLE_TITLE),
                        duplicates->n_files,
                        duplicates->is_same ? "times the same"
                                            : "with one Message-ID and size, but other bytes",
                        text_size(duplicates->size, size, sizeof(size)));
        if (r == 0)
                r = text_escape(buffer, duplicates->message_id[0] ? duplicates->message_id
                                                                  : "no Message-ID");
        for (size_t i = 0; i < duplicates->n_files && r == 0; i++) {
                r = buffer_append_string(buffer, "\n    ");
                if (r == 0)
                        r = text_escape(buffer, duplicates->files[i]);
        }
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

static int report_group(const Duplicates *duplicates, void *userdata) {
        _cleanup_(buffer_done) Buffer buffer = BUFFER_NULL;
        Report *report = userdata;
        int r = report->json ? append_json(&buffer, report, duplicates)
                             : append_text(&buffer, report, duplicates);

        if (r < 0)
                return r;
        fwrite(buffer.data, 1, buffer.size, stdout);
        report->n_groups++;
        if (duplicates->is_same) {
                report->n_extra += duplicates->n_files - 1;
                report->extra_bytes += (duplicates->n_files - 1) * duplicates->size;
        }
        return fflush(stdout) == 0 ? 0 : -errno;
}

/* Where the daemon has the mailbox. Return: an exit status. */
static int look_through(Report *report, const char *mailbox) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        int r, status = client_call(report->bus, &reply, "Explain", "ssus", report->account,
                                    mailbox, (uint32_t) 0, "");
        Row row;

        if (status != 0)
                return status;
        if (row_read(reply, &row) <= 0) {
                complain("The daemon's answer cannot be understood.");
                return EXIT_SAYS_NO;
        }
        if (!row_string(&row, "folder")[0]) {
                complain("%s: there is no Maildir to look through", mailbox);
                return EXIT_SAYS_NO;
        }
        report->mailbox = mailbox;
        r = duplicates_find(row_string(&row, "folder"), MARKS_MAX, report_group, report);
        if (r < 0)
                complain("%s: %s", mailbox, strerror(-r));
        return r < 0 ? EXIT_SAYS_NO : EXIT_DONE;
}

static int look_through_all(Report *report) {
        _cleanup_(message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(rows_done) Rows mailboxes = ROWS_NULL;
        int status = client_call(report->bus, &reply, "Mailboxes", "s", report->account);

        if (status != 0)
                return status;
        if (rows_read(reply, &mailboxes) < 0) {
                complain("The daemon's answer cannot be understood.");
                return EXIT_SAYS_NO;
        }
        for (size_t i = 0; i < mailboxes.n_rows; i++)
                if (!row_string(&mailboxes.rows[i], "left_out")[0]) {
                        const int one =
                                look_through(report, row_string(&mailboxes.rows[i], "name"));

                        status = MAX(status, one);
                }
        return status;
}

static void print_sum(const Report *report) {
        char size[32];

        if (report->json || report->n_groups == 0)
                return;
        printf("%" PRIu64 " cop%s too many, %s. Nothing was changed.\n", report->n_extra,
               report->n_extra == 1 ? "y" : "ies",
               text_size(report->extra_bytes, size, sizeof(size)));
        (void) fflush(stdout);
}

int duplicates_run(sd_bus *bus, const Screen *screen, bool json, const char *account,
                   char **mailboxes) {
        Report report = {.bus = bus, .screen = screen, .json = json, .account = account};
        int status = EXIT_DONE;

        if (!mailboxes[0])
                status = look_through_all(&report);
        for (size_t i = 0; mailboxes[i]; i++) {
                const int one = look_through(&report, mailboxes[i]);

                status = MAX(status, one);
        }
        print_sum(&report);
        if (!json && status == EXIT_DONE && report.n_groups == 0)
                puts("No message is there more than once.");
        return status != EXIT_DONE ? status : report.n_groups > 0 ? EXIT_SAYS_NO : EXIT_DONE;
}
