/* Text of servers and files on D-Bus: what sd-bus would refuse must not close a connection. */

#include <sys/socket.h>

#include "base/bytes.h"
#include "daemon/control-message.h"
#include "test.h"

static void test_text(void) {
        static const struct {
                const char *label, *text, *fit;
        } rows[] = {
                {"none",          NULL,               ""                                                },
                {"empty",         "",                 ""                                                },
                {"UTF-8",         "Entwürfe 日本", "Entwürfe 日本"                                },
                {"control",       "a\033\n",          "a\033\n"                                         },
                {"Latin-1",
                 "f\xfc"
                 "r",                                 "f\xef\xbf\xbdr"                                  },
                {"cut",           "a\xe2\x82",        "a\xef\xbf\xbd\xef\xbf\xbd"                       },
                {"overlong",      "\xc0\xaf",         "\xef\xbf\xbd\xef\xbf\xbd"                        },
                {"surrogate",     "\xed\xa0\x80",     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"            },
                {"U+FDD0",        "\xef\xb7\x90",     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"            },
                {"U+FFFF",        "\xef\xbf\xbf",     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"            },
                {"before U+FFFE", "\xef\xbf\xbd",     "\xef\xbf\xbd"                                    },
                {"U+1FFFE",       "\xf0\x9f\xbf\xbe", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *fit = message_text(rows[i].text);

                TEST_ROW(rows[i].label, fit && strcmp(fit, rows[i].fit) == 0);
        }
}

/* However it begins, the end is no half of a code point. */
static void test_cut(void) {
        static char text[20000];

        for (size_t offset = 0; offset < 3; offset++) {
                _cleanup_free_ char *fit = NULL, *again = NULL;

                memset(text, 'x', offset);
                for (size_t i = offset; i + 3 < sizeof(text); i += 3)
                        memcpy(text + i, "日", 3);
                fit = message_text(text);
                assert(fit && strlen(fit) >= 4096 && strlen(fit) < 4096 + 3);
                again = message_text(fit);
                assert(again && strcmp(fit, again) == 0 && strncmp(fit, text, strlen(fit)) == 0);
        }
}

/* Every byte there is, in every field that takes text. */
static void test_append(void) {
        static const ControlEvent none;
        sd_bus_message *message = NULL;
        sd_bus *bus = NULL;
        char bytes[256];
        int fds[2];

        for (size_t i = 0; i < 255; i++)
                bytes[i] = (char) (i + 1);
        bytes[255] = '\0';
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        assert(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        assert(sd_bus_start(bus) >= 0);
        assert(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C") >= 0);

        assert(message_append_account(
                       message,
                       &(AccountStatus){.name = bytes, .remote = bytes, .sentence = bytes}) == 0);
        assert(message_append_mailbox(message, &(MailboxStatus){.name = bytes, .error = bytes}) ==
               0);
        assert(message_append_held(message, &(HeldStatus){.mailbox = bytes, .reason = bytes}) == 0);
        assert(message_append_difference(message, &(VerifyDifference){.what = bytes}) == 0);
        assert(message_append_event(message, 1, &(ControlEvent){.message = bytes}) == 0);
        assert(message_append_event(message, 1, &none) == 0);
        assert(message_append_progress(message, &(ControlProgress){.mailbox = bytes}) == 0);
        assert(sd_bus_message_seal(message, 1, 0) >= 0);
        assert(strcmp(sd_bus_message_get_signature(message, 1),
                      "a{sv}a{sv}a{sv}a{sv}a{sv}a{sv}a{sv}") == 0);

        sd_bus_message_unref(message);
        sd_bus_unref(bus);
        (void) close(fds[1]);
}

static void test_states(void) {
        for (AccountState i = 0; i < _ACCOUNT_STATE_MAX; i++) {
                assert(account_state_name(i)[0] != '\0');
                for (AccountState j = 0; j < i; j++)
                        assert(strcmp(account_state_name(i), account_state_name(j)) != 0);
        }
}

int main(void) {
        test_text();
        test_cut();
        test_append();
        test_states();
        return 0;
}
