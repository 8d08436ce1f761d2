/* Fuzz the answer of a web server that is asked for an autoconfig file, header and all: what is found is a
 * server that can be dialled, within what was there. */

#include "base/macro.h"
#include "daemon/autoconfig.h"
#include "daemon/https.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_server(const AutoconfigServer *server) {
        const size_t n = strlen(server->host);

        assert(n > 0 && n < sizeof(server->host) && server->port > 0);
        assert(server->tls == TLS_IMPLICIT || server->tls == TLS_STARTTLS);
        for (size_t i = 0; i < n; i++)
                assert(server->host[i] > ' ' && server->host[i] < 0x7F && server->host[i] != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const ByteView text = {(const char *) data, size};
        ByteView body = text, host, path;
        AutoconfigServer server;
        HttpAnswer answer;

        if (http_parse(text, &answer) == 0) {
                assert(answer.status >= 100 && answer.status < 600);
                assert(answer.body.data >= text.data &&
                       answer.body.data + answer.body.size <= text.data + text.size);
                if (https_split(answer.location, &host, &path) == 0)
                        assert(host.size > 0 && *path.data == '/');
                body = answer.body;
        }
        if (autoconfig_parse(body, "example.org", &server) == 0)
                check_server(&server);
        return 0;
}
