"""A web server of the test's own: a few pages by HTTPS, and what was asked for."""

import http.server
import random
import ssl
import threading


class Website:
    """with Website(directory, hosts, pages) as site: on port 443 of site.address, an address of its own.

    directory: has ca.pem and ca.key
    pages:     {(host, path): (status, header, body)}
    """

    def __init__(self, directory, make_certificate, hosts, pages):
        make_certificate(directory, "site", hosts, ca="ca")
        self.address = f"127.{random.randrange(64, 250)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        self.asked = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = (self.headers["Host"], self.path)
                site.asked.append(page)
                status, header, body = pages.get(page, (404, {}, "no"))
                self.send_response(status)
                for name, value in header.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((self.address, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "site.pem", directory / "site.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
