"""Saves a record in Odoo again and again, each time with another address, and watches when the name server says so.

Arguments: the name server, the database, the record's id, its name in the DNS, how many saves. stdin: the administrator's password.
Prints, as JSON and in milliseconds: how long each save took as its client sees it (`saves`), and how long after the client had
sent it (`from_sent`) and after Odoo had answered (`from_saved`: not below 0) the new address was first answered.
"""

import http.cookiejar
import json
import socket
import struct
import sys
import threading
import time
import urllib.request

ODOO = "http://127.0.0.1:8069"
EVERY = 0.002
PATIENCE = 30


class Watcher(threading.Thread):
    """Asks for the name's address without a pause, and notes when each was first there."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
        self.question = struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(1)
        self.socket.connect((server, 53))
        self.seen = {}
        self.changed = threading.Condition()

    def run(self):
        while True:
            self.socket.send(self.question)
            try:
                answer = self.socket.recv(512)
            except TimeoutError:
                continue
            if answer[6:8] == b"\0\1":
                with self.changed:
                    self.seen.setdefault(socket.inet_ntoa(answer[-4:]), time.monotonic())
                    self.changed.notify()
            time.sleep(EVERY)

    def wait_for(self, address):
        with self.changed:
            if not self.changed.wait_for(lambda: address in self.seen, PATIENCE):
                sys.exit(f"{address} was not answered within {PATIENCE} s")
            return self.seen[address]


def caller():
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def call(path, params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).encode()
        request = urllib.request.Request(ODOO + path, body, {"Content-Type": "application/json"})
        answer = json.load(opener.open(request, timeout=PATIENCE))
        if "error" in answer:
            sys.exit(f"{path}: {answer['error']['message']}")
        return answer["result"]

    return call


def main():
    server, database, record, name, count = sys.argv[1:]
    call = caller()
    login = {"db": database, "login": "admin", "password": sys.stdin.readline().rstrip("\n")}
    call("/web/session/authenticate", login)
    watcher = Watcher(server, name)
    watcher.start()
    saves, from_sent, from_saved = [], [], []
    for number in range(int(count)):
        address = f"198.18.{number // 250}.{number % 250 + 1}"
        values = [[int(record)], {"content": address}]
        params = {"model": "ham.dns.record", "method": "write", "args": values, "kwargs": {}}
        sent = time.monotonic()
        call("/web/dataset/call_kw/ham.dns.record/write", params)
        saved = time.monotonic()
        answered = watcher.wait_for(address)
        saves.append(1000 * (saved - sent))
        from_sent.append(1000 * (answered - sent))
        from_saved.append(1000 * max(0, answered - saved))
    print(json.dumps({"saves": saves, "from_sent": from_sent, "from_saved": from_saved}))


if __name__ == "__main__":
    main()
