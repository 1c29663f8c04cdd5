"""Stands between the agent and PowerDNS's API and does wrong on demand.

Listens on 127.0.0.1:18081, speaks HTTP with PowerDNS at 127.0.0.1:8081. What it does is read from the file `mode` beside its log
for every request: a line for each fault, of which a request gets one at random. No line, or a fault's second word (per cent)
not met: the request passes.

  slow        the answer comes 0.3 s later
  stall       PowerDNS is asked, and its answer never given
  half        PowerDNS is asked, and half of its answer given
  lost        PowerDNS is asked, and the connection reset
  refuse      nobody listens
  NUMBER      that status for an answer, PowerDNS is not asked; 422 goes before all others

A change whose content holds the word `poison` is always refused with 422, as one that PowerDNS does not take.
Each request becomes a line in the log: the monotonic time, what became of it, method and path.
"""

import http.client
import json
import os
import random
import socket
import sys
import threading
import time

FOLDER = sys.argv[1]
MODE = os.path.join(FOLDER, "mode")
LOG = open(os.path.join(FOLDER, "log"), "a", buffering=1)
ADDRESS = ("127.0.0.1", 18081)
SERVER = ("127.0.0.1", 8081)
LONGEST = 60


def faults():
    with open(MODE) as file:
        return [line.split() for line in file if line.strip()]


def drawn():
    """What the next request gets."""
    given = faults()
    if not given:
        return "pass"
    # One 422 of many would be a refusal: nobody could tell it from PowerDNS's own.
    fault = next((fault for fault in given if fault[0] == "422"), random.choice(given))
    percent = int(fault[1]) if len(fault) > 1 else 100
    return fault[0] if random.random() * 100 < percent else "pass"


def read_request(connection):
    """Head and body of a request, as they came."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None, b""
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return None, b""
        body += more
    return head, body


def ask(head, body):
    """The whole answer of PowerDNS; nothing where it is away."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    try:
        with socket.create_connection(SERVER, timeout=LONGEST) as server:
            server.sendall(b"\r\n".join(lines + [b"Connection: close"]) + b"\r\n\r\n" + body)
            return b"".join(iter(lambda: server.recv(65536), b""))
    except OSError:
        return b""


def own_answer(status, text):
    body = json.dumps({"error": text}).encode()
    reason = http.client.responses.get(status, "")
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def reset(connection):
    # With this a close sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def deal_with(connection):
    with connection:
        connection.settimeout(LONGEST)
        head, body = read_request(connection)
        if head is None:
            return
        fault = drawn()
        method, path = head.split(b" ")[:2]
        # Whatever becomes of the answer: PowerDNS itself would take it.
        is_poison = b"poison" in body
        met = "poison" if fault == "pass" and is_poison else fault
        LOG.write(f"{time.monotonic():.3f} {met} {method.decode()} {path.decode()}\n")
        if fault.isdigit():
            connection.sendall(own_answer(int(fault), "as the test wants it"))
        else:
            answer = own_answer(422, "this record is not taken") if is_poison else ask(head, body)
            if fault == "slow":
                time.sleep(0.3)
            elif fault == "stall":
                time.sleep(LONGEST)
                answer = b""
            elif fault == "half":
                # Half a body where there is one, else half a head.
                start = answer.find(b"\r\n\r\n") + 4
                rest = len(answer) - start
                answer = answer[: start + rest // 2] if rest > 1 else answer[: len(answer) // 2]
            elif fault == "lost" or not answer:
                answer = b""
                reset(connection)
            connection.sendall(answer)


def serve_quietly(connection):
    try:
        deal_with(connection)
    except OSError:
        # The agent waits no longer.
        pass


def listen():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen(64)
    listener.settimeout(0.05)
    return listener


def main():
    listener = listen()
    while True:
        refuses = ["refuse"] in faults()
        if refuses and listener is not None:
            listener.close()
            listener = None
        if listener is None:
            time.sleep(0.05)
            listener = None if refuses else listen()
            continue
        try:
            connection, _ = listener.accept()
        except socket.timeout:
            continue
        threading.Thread(target=serve_quietly, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
