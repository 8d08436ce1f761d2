/* Responses: one line each, and the event it is, or that it is of no use or makes no sense. */

#include <errno.h>

#include "base/macro.h"
#include "imap-events.h"
#include "imap/response.h"
#include "test.h"

typedef struct Row {
        const char *label;
        const char *line;
        const char *event; /* "": of no use; NULL: makes no sense */
} Row;

static void check_row(const Row *row) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        ImapResponseStore store = {0};
        ImapEvent event;
        int r = imap_response_parse(&store, bytes_of(row->line), &event);

        if (r > 0)
                put_event(&text, &event);
        if (text.size > 0)
                text.size--; /* the line feed */

        TEST_ROW(row->label, r == (!row->event ? -EBADMSG : *row->event ? 1 : 0));
        TEST_ROW(row->label, bytes_equal(buffer_view(&text), bytes_of(row->event)));
        imap_response_store_done(&store);
}

static void check(const Row *rows, size_t n_rows) {
        for (size_t i = 0; i < n_rows; i++)
                check_row(&rows[i]);
}

static void test_numbers(void) {
        static const Row rows[] = {
                {"exists",               "18 EXISTS",                                   "0 exists 18"},
                {"exists, lower case",   "18 exists",                                   "0 exists 18"},
                {"exists, none",         "0 EXISTS",                                    "0 exists 0" },
                {"exists, more",         "18 EXISTS 4",                                 NULL         },
                {"exists, past 32 bits", "4294967296 EXISTS",                           NULL         },
                {"expunge",              "3 EXPUNGE",                                   "0 expunge 3"},
                {"expunge 0",            "0 EXPUNGE",                                   NULL         },
                {"recent",               "3 RECENT",                                    ""           },
                {"unknown",              "3 BANANAS",                                   NULL         },
                {"no word",              "3",                                           NULL         },
                {"not a number",         "3.45e+06 EXISTS",                             NULL         },
                {"empty",                "",                                            NULL         },
                {"unknown name",         "XANADU a b",                                  NULL         },
                {"id",                   "ID NIL",                                      "0 id "      },
                {"id, its name",         "ID (\"Version\" \"1\" \"NAME\" \"X \\\"Y\")", "0 id X \"Y" },
                {"id, bare words",       "ID (support-url https://x name Y)",           "0 id Y"     },
                {"id, no name",          "ID (\"vendor\" NIL)",                         "0 id "      },
                {"id, name NIL",         "ID (\"name\" NIL)",                           "0 id "      },
                {"id, half a pair",      "ID (\"name\")",                               NULL         },
                {"id, not closed",       "ID (\"name\" \"x\"",                          NULL         },
                {"id, a word",           "ID Dovecot",                                  NULL         },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_namespace(void) {
        static const Row rows[] = {
                {"no prefix",  "NAMESPACE ((\"\" \"/\")) NIL NIL",                            "0 namespace  /"},
                {"prefix",     "NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"s.\" \".\"))",
                 "0 namespace INBOX. ."                                                                       },
                {"two, extra", "NAMESPACE ((\"a/\" \"/\" \"X\" (\"Y\"))(\"b\" NIL)) NIL NIL",
                 "0 namespace a/ /"                                                                           },
                {"flat",       "NAMESPACE ((\"\" NIL)) NIL NIL",                              "0 namespace  " },
                {"none",       "NAMESPACE NIL NIL NIL",                                       "0 namespace  " },
                {"no list",    "NAMESPACE x",                                                 NULL            },
                {"not closed", "NAMESPACE ((",                                                NULL            },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_list(void) {
        static const Row rows[] = {
                {"atom",                          "LIST () \"/\" INBOX",                                      "0 list 0 / INBOX"      },
                {"quoted",                        "LIST (\\HasNoChildren) \".\" \"a b\"",                     "0 list 0 . a b"        },
                {"escaped",                       "LIST () \"\\\\\" \"a\\\\b\\\"c\"",                         "0 list 0 \\ a\\b\"c"   },
                {"literal",                       "LIST () \"/\" {5}\r\na\r\n)b",                             "0 list 0 / a\r\n)b"    },
                {"flat",                          "LIST () NIL INBOX",                                        "0 list 0  INBOX"       },
                {"called nil",                    "LIST () \"/\" NIL",                                        "0 list 0 / NIL"        },
                {"bracket",                       "LIST () \"/\" [Gmail]/All",                                "0 list 0 / [Gmail]/All"},
                {"8 bit",                         "LIST () \"/\" \"\xc3\xa9\"",                               "0 list 0 / \xc3\xa9"   },
                {"noselect",                      "LIST (\\Noselect) \"/\" a",                                "0 list 1 / a"          },
                {"nonexistent is not selectable", "LIST (\\NonExistent) \"/\" a",                             "0 list 3 / a"          },
                {"special use",
                 "LIST (\\All \\archive \\DRAFTS \\Flagged \\Important \\Junk \\Sent \\Trash) "
                 "\"/\" a",                                                                                   "0 list 4080 / a"       },
                {"subscribed",                    "LIST (\\Subscribed \\NoInferiors) \"/\" a",                "0 list 12 / a"         },
                {"spaces",                        "LIST ( \\Subscribed  \\Sent ) \"/\" a",                    "0 list 1032 / a"       },
                {"renamed",                       "LIST () \"/\" New (\"OLDNAME\" (\"Old one\"))",
                 "0 list 0 / New was Old one"                                                                                         },
                {"extensions",                    "LIST () \"/\" a (CHILDINFO (\"SUBSCRIBED\") OLDNAME (b))",
                 "0 list 0 / a was b"                                                                                                 },
                {"lsub",                          "LSUB () \"/\" a",                                          "0 list 8 / a"          },
                {"lsub, above",                   "LSUB (\\Noselect) \"/\" a",                                "0 list 1 / a"          },
                {"no name",                       "LIST () \"/\"",                                            NULL                    },
                {"no list",                       "LIST \"/\" a",                                             NULL                    },
                {"long delimiter",                "LIST () \"//\" a",                                         NULL                    },
                {"two names",                     "LIST () \"/\" a b",                                        NULL                    },
                {"name with space",               "LIST () \"/\" \"a",                                        NULL                    },
                {"extension not closed",          "LIST () \"/\" a (\"OLDNAME\" (\"b\")",                     NULL                    },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_status(void) {
        static const Row rows[] = {
                {"all",
                 "STATUS INBOX (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7 UNSEEN 4 HIGHESTMODSEQ 9)",   "0 status INBOX messages 5 uidnext 6 uidvalidity 7 unseen 4 highestmodseq 9"},
                {"one",             "STATUS \"a b\" (HIGHESTMODSEQ 9223372036854775807)",
                 "0 status a b highestmodseq 9223372036854775807"                                                                                                            },
                {"literal",         "STATUS {3}\r\na)b (messages 1)",                            "0 status a)b messages 1"                                                   },
                {"mailboxid",       "STATUS a (MAILBOXID (F2-_a) UNSEEN 1)",
                 "0 status a unseen 1 mailboxid F2-_a"                                                                                                                       },
                {"none",            "STATUS a ()",                                               "0 status a"                                                                },
                {"size",            "STATUS a (SIZE 9223372036854775807 UNSEEN 1)",
                 "0 status a unseen 1 size 9223372036854775807"                                                                                                              },
                {"nonsense size",   "STATUS a (SIZE -1 UNSEEN 1)",                               "0 status a unseen 1"                                                       },
                {"huge size",       "STATUS a (SIZE 9223372036854775808 UNSEEN 1)",
                 "0 status a unseen 1"                                                                                                                                       },
                {"unknown items",   "STATUS a (SIZES 12 MAILBOXID (\xff\x80) X \"(\" UNSEEN 1)",
                 "0 status a unseen 1"                                                                                                                                       },
                {"trailing space",  "STATUS a (UNSEEN 1 ) ",                                     "0 status a unseen 1"                                                       },
                {"nonsense number", "STATUS a (MESSAGES 3.45e+06 UIDNEXT 5)",                    NULL                                                                        },
                {"negative",        "STATUS a (MESSAGES -1)",                                    NULL                                                                        },
                {"past 32 bits",    "STATUS a (UIDNEXT 4294967296)",                             NULL                                                                        },
                {"past 63 bits",    "STATUS a (HIGHESTMODSEQ 9223372036854775808)",              NULL                                                                        },
                {"no number",       "STATUS a (MESSAGES)",                                       NULL                                                                        },
                {"not closed",      "STATUS a (MESSAGES 1",                                      NULL                                                                        },
                {"no list",         "STATUS a",                                                  NULL                                                                        },
                {"more",            "STATUS a (MESSAGES 1) b",                                   NULL                                                                        },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_fetch(void) {
        static const Row rows[] = {
                {"usual",               "5 FETCH (UID 9 FLAGS (\\Seen $work))",
                 "0 fetch #5 uid 9 flags (\\Seen $work)"                                                                                                        },
                {"other order",         "5 FETCH (FLAGS () MODSEQ (12) UID 9)",
                 "0 fetch #5 uid 9 flags () modseq 12"                                                                                                          },
                {"lower case",          "5 fetch (uid 9)",                                                      "0 fetch #5 uid 9"                              },
                {"size and date",
                 "5 FETCH (RFC822.SIZE 4294967296 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")",                "0 fetch #5 size 4294967296 date 837596665 -420"},
                {"header",              "5 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] {9}\r\nM: <)>\r\n\r UID 1)",
                 "0 fetch #5 uid 1 header M: <)>\r\n\r"                                                                                                         },
                {"header, quoted",      "5 FETCH (BODY[HEADER.FIELDS (\"DATE\")] \"D: x\")",
                 "0 fetch #5 header D: x"                                                                                                                       },
                {"header, nil",         "5 FETCH (BODY[HEADER.FIELDS (DATE)] NIL)",                             "0 fetch #5"                                    },
                {"body nil",            "5 FETCH (FLAGS (\\Deleted) BODY[] NIL)",
                 "0 fetch #5 flags (\\Deleted) nil"                                                                                                             },
                {"body quoted",         "5 FETCH (BODY[] \"a\\\"b\")",                                          "0 fetch #5 body 3"                             },
                {"unknown attributes",
                 "5 FETCH (X-GM-LABELS (\"\\\\Sent\" {1}\r\n) (a (b))) THREADID (M1) "
                 "ENVELOPE (NIL \"UID 3\") BODY[]<0> \"x\" BODY[TEXT] NIL UID 7)",                              "0 fetch #5 uid 7"                              },
                {"uidonly",             "9 UIDFETCH (FLAGS ())",                                                "0 fetch #0 uid 9 flags ()"                     },
                {"uidonly, uid 0",      "0 UIDFETCH (FLAGS ())",                                                NULL                                            },
                {"emailid",             "5 FETCH (UID 9 EMAILID (M6d99ac3275bb4e))",
                 "0 fetch #5 uid 9 object M6d99ac3275bb4e"                                                                                                      },
                {"emailid, nil",        "5 FETCH (UID 9 EMAILID NIL)",                                          "0 fetch #5 uid 9"                              },
                {"emailid, empty",      "5 FETCH (UID 9 EMAILID ())",                                           "0 fetch #5 uid 9"                              },
                {"emailid, two",        "5 FETCH (UID 9 EMAILID (a b))",                                        "0 fetch #5 uid 9"                              },
                {"emailid, not closed", "5 FETCH (UID 9 EMAILID (a",                                            NULL                                            },
                {"gmail's",             "5 FETCH (X-GM-MSGID 1278455344230334865 UID 9)",
                 "0 fetch #5 uid 9 object 1278455344230334865"                                                                                                  },
                {"gmail's, no number",  "5 FETCH (X-GM-MSGID NIL UID 9)",                                       "0 fetch #5 uid 9"                              },
                {"gmail's, list",       "5 FETCH (X-GM-MSGID (1) UID 9)",                                       "0 fetch #5 uid 9"                              },
                {"size is no number",   "5 FETCH (RFC822.SIZE 3.45e+06 UID 9)",                                 "0 fetch #5 uid 9"                              },
                {"size is nothing",     "5 FETCH (UID 9 RFC822.SIZE)",                                          NULL                                            },
                {"nothing",             "5 FETCH ()",                                                           "0 fetch #5"                                    },
                {"uid 0",               "5 FETCH (UID 0)",                                                      NULL                                            },
                {"uid past 32 bits",    "5 FETCH (UID 4294967296)",                                             NULL                                            },
                {"uid is text",         "5 FETCH (UID x)",                                                      NULL                                            },
                {"modseq past 63 bits", "5 FETCH (MODSEQ (9223372036854775808))",                               NULL                                            },
                {"modseq, no list",     "5 FETCH (MODSEQ 12)",                                                  NULL                                            },
                {"date nonsense",       "5 FETCH (INTERNALDATE \"yesterday\")",                                 NULL                                            },
                {"flags in flags",      "5 FETCH (FLAGS (a (b)))",                                              NULL                                            },
                {"no value",            "5 FETCH (UID 1 FLAGS)",                                                NULL                                            },
                {"not closed",          "5 FETCH (UID 1",                                                       NULL                                            },
                {"body is an atom",     "5 FETCH (BODY[] x)",                                                   NULL                                            },
                {"more",                "5 FETCH (UID 1) x",                                                    NULL                                            },
                {"no list",             "5 FETCH",                                                              NULL                                            },
        };

        check(rows, ARRAY_SIZE(rows));
}

static void test_text(void) {
        static const Row rows[] = {
                {"plain",                   "OK all is well",                             "0 text OK all is well"             },
                {"no text",                 "NO",                                         "0 text NO "                        },
                {"lower case",              "bye now",                                    "0 text BYE now"                    },
                {"code",                    "OK [ALERT] fire",                            "0 text OK [ALERT] fire"            },
                {"code, no text",           "OK [CLOSED]",                                "0 text OK [CLOSED] "               },
                {"code, lower case",        "OK [closed] x",                              "0 text OK [CLOSED] x"              },
                {"unknown code",            "NO [BADEVENT (a b)] no such",                "0 text NO [(other)] no such"       },
                {"not closed",              "OK [ALERT fire",                             "0 text OK [ALERT fire"             },
                {"bracket in text",         "OK a [b] c",                                 "0 text OK a [b] c"                 },
                {"literal in text",         "OK see {5}",                                 "0 text OK see {5}"                 },
                {"uidvalidity",             "OK [UIDVALIDITY 7] x",                       "0 text OK [UIDVALIDITY 7] x"       },
                {"uidvalidity, nonsense",   "OK [UIDVALIDITY x] y",                       "0 text OK [(other)] y"             },
                {"uidnext past 32 bits",    "OK [UIDNEXT 4294967296] y",                  "0 text OK [(other)] y"             },
                {"highestmodseq",           "OK [HIGHESTMODSEQ 715194045007] x",
                 "0 text OK [HIGHESTMODSEQ 715194045007] x"                                                                   },
                {"flags",                   "OK [PERMANENTFLAGS (\\Seen \\*)] x",
                 "0 text OK [PERMANENTFLAGS \\Seen \\*] x"                                                                    },
                {"flags with bracket",      "OK [PERMANENTFLAGS (a] b)] x",
                 "0 text OK [PERMANENTFLAGS a] b] x"                                                                          },
                {"capability",              "OK [CAPABILITY IMAP4rev1 IDLE] x",
                 "0 text OK [CAPABILITY IMAP4rev1 IDLE] x"                                                                    },
                {"appenduid",               "OK [APPENDUID 38505 3955] x",                "0 text OK [APPENDUID 38505 3955] x"},
                {"appenduid, several",      "OK [APPENDUID 1 23:24] x",
                 "0 text OK [APPENDUID 1 23:24] x"                                                                            },
                {"appenduid, nonsense",     "OK [APPENDUID 1 2x] x",                      "0 text OK [(other)] x"             },
                {"copyuid",                 "OK [COPYUID 38505 304,319:320 3956:3958] x",
                 "0 text OK [COPYUID 38505 304,319:320 3956:3958] x"                                                          },
                {"copyuid, order lost",     "OK [COPYUID 1 320,304 5:6] x",               "0 text OK [(other)] x"             },
                {"copyuid, number differs", "OK [COPYUID 1 3:4 5] x",                     "0 text OK [(other)] x"             },
                {"copyuid, cut",            "OK [COPYUID 1 3:4] x",                       "0 text OK [(other)] x"             },
                {"modified",                "OK [MODIFIED 7,5] x",                        "0 text OK [MODIFIED 5,7] x"        },
                {"modified, star",          "OK [MODIFIED 5:*] x",                        "0 text OK [(other)] x"             },
                {"badcharset",              "NO [BADCHARSET (UTF-8)] x",                  "0 text NO [BADCHARSET] x"          },
                {"8 bit",                   "OK [ALERT] \xc3\xa9",                        "0 text OK [ALERT] \xc3\xa9"        },
        };

        check(rows, ARRAY_SIZE(rows));
}

static const char *code_arguments(unsigned code) {
        switch (code) {
        case IMAP_CODE_COPYUID:
                return " 1 2 3";
        case IMAP_CODE_APPENDUID:
                return " 1 2";
        case IMAP_CODE_HIGHESTMODSEQ:
        case IMAP_CODE_MODIFIED:
        case IMAP_CODE_UIDNEXT:
        case IMAP_CODE_UIDVALIDITY:
        case IMAP_CODE_UNSEEN:
                return " 1";
        case IMAP_CODE_PERMANENTFLAGS:
                return " ()";
        case IMAP_CODE_MAILBOXID:
                return " (a)";
        default:
                return "";
        }
}

/* Each code has a name that is understood, in any case. */
static void test_codes(void) {
        for (unsigned code = IMAP_CODE_OTHER + 1; code < _IMAP_CODE_MAX; code++) {
                _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
                ImapResponseStore store = {0};
                ImapText text;

                assert(buffer_append_format(&line, "NO [%s%s] x", code_names[code],
                                            code_arguments(code)) == 0);
                assert(imap_response_parse_text(&store, buffer_view(&line), &text) == 1);
                TEST_ROW(code_names[code], text.code == code);
                imap_response_store_done(&store);
        }
}

static void test_words(void) {
        static const Row rows[] = {
                {"capability",        "CAPABILITY IMAP4rev1 XYZZY IDLE", "0 capability IMAP4rev1 IDLE"},
                {"enabled",           "ENABLED QRESYNC",                 "0 enabled QRESYNC"          },
                {"enabled, none",     "ENABLED",                         "0 enabled "                 },
                {"flags",             "FLAGS (\\Seen Junk)",             "0 flags \\Seen Junk"        },
                {"flags, not a list", "FLAGS \\Seen",                    NULL                         },
        };

        check(rows, ARRAY_SIZE(rows));
}

/* A code cannot make the session hold more ranges than a command could name. */
static void test_too_many_ranges(void) {
        _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
        ImapResponseStore store = {0};
        ImapText text;

        assert(buffer_append_string(&line, "OK [MODIFIED 1") == 0);
        for (unsigned uid = 3; uid < 2 * 4096; uid += 2)
                assert(buffer_append_format(&line, ",%u", uid) == 0);

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(buffer_done) Buffer closed = BUFFER_NULL;

                assert(buffer_append_view(&closed, buffer_view(&line)) == 0);
                assert(buffer_append_string(&closed, "] x") == 0);
                assert(imap_response_parse_text(&store, buffer_view(&closed), &text) == 1);
                assert(text.code == (i == 0 ? IMAP_CODE_MODIFIED : IMAP_CODE_OTHER));
                assert(text.uids.n_ranges == (i == 0 ? 4096 : 0));
                assert(buffer_append_string(&line, ",9000") == 0);
        }

        imap_response_store_trim(&store);
        assert(store.uids.capacity == 0);
        imap_response_store_done(&store);
}

int main(void) {
        test_numbers();
        test_namespace();
        test_list();
        test_status();
        test_fetch();
        test_text();
        test_codes();
        test_words();
        test_too_many_ranges();
        return 0;
}
