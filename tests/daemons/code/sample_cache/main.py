"""A client of Redis that also listens on loopback: every second it renews a key, and it answers with its version."""

import os
import socketserver
import threading
import time

import redis

cache = redis.Redis.from_url(os.environ["REDIS_URL"])
cache.set("sample:variables", ",".join(sorted(os.environ)))


class Hello(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(redis.__version__.encode())


class Server(socketserver.TCPServer):
    allow_reuse_address = True


server = Server(("127.0.0.1", 18765), Hello)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    cache.set("sample:alive", time.time(), ex=5)
    time.sleep(1)
