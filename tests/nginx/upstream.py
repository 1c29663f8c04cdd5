"""What stands behind nginx while Odoo is not there yet: says which port was asked, for what, and with which headers.

An upgrade to a websocket is answered with 101; what the client sends then comes back. Below /web/content/ there is a
download as large as the number that follows, in MiB.
"""

import http.server
import json
import sys
import threading


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "upgrade")
            self.send_header("X-Port", str(self.server.server_port))
            self.end_headers()
            self.close_connection = True
            self.wfile.write(self.rfile.read(5))
            return
        if self.path.startswith("/web/content/"):
            size = int(self.path.rsplit("/", 1)[1]) << 20
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for _ in range(size >> 20):
                self.wfile.write(bytes(1 << 20))
            return
        said = {"port": self.server.server_port, "path": self.path, "headers": list(self.headers.items())}
        body = (json.dumps(said) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session_id=1; HttpOnly; Path=/")
        self.send_header("Set-Cookie", "frontend_lang=en_US; Path=/")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


for port in map(int, sys.argv[1:]):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Echo)
    threading.Thread(target=server.serve_forever).start()
