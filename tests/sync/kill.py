"""Publishes as publish.py does, and kills the agent (`kill -9`) while it works, once in each slice of the messages.

stdin: the password; a JSON list with a moment for each kill; then a message in base64 on each line. A moment is two numbers from
0 to 1: which part of the slice is done by then, and how far into what follows of it.

So that a kill hits work whatever the speeds are, the agent is frozen while most of a slice is published. It runs again when it is
killed, and what is printed for each kill shows what it was doing, as a JSON list: consumers while it was frozen; messages of the
slice that it had done with when it was killed; messages that were left to the next start, and how many of these were done.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time

from publish import Publisher

UNIT = "hams-agent.service"
STATUS_SOCKET = "/run/hams-agent/agent.sock"
PATIENCE = 60


def until(what, question):
    end = time.monotonic() + PATIENCE
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            sys.exit(f"never came: {what}")
        time.sleep(0.001)


def running(publisher):
    """The process id of an agent that consumes."""
    until("an agent that consumes", lambda: publisher.queue()[1] == 1)
    text = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", UNIT], check=True, stdout=subprocess.PIPE)
    return int(text.stdout)


def done():
    """Messages that this start of the agent has applied, or found to be nothing to apply, acknowledged or not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(STATUS_SOCKET)
        connection.sendall(b"GET /status HTTP/1.0\r\nHost: agent\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    counters = json.loads(answer.split(b"\r\n\r\n", 1)[1])["sync"]["counters"]
    return sum(counters[name] for name in ("applied", "unchanged", "merged", "dropped_old", "dead_lettered"))


def kill(publisher, slice_of_messages, moment, left_before):
    share, fraction = moment
    pid = running(publisher)
    # Only the first of them has a history: the others were started by a kill.
    before = 0 if left_before else done()
    os.kill(pid, signal.SIGSTOP)
    for body in slice_of_messages:
        publisher.publish(body)
    _, consumers = publisher.queue()
    os.kill(pid, signal.SIGCONT)
    thawed = time.monotonic()
    # Two thirds at most: the rest must last until the kill.
    wanted = before + max(share * len(slice_of_messages) * 2 / 3, 1)
    until("work of the agent", lambda: done() >= wanted)
    end = time.monotonic() + (time.monotonic() - thawed) * fraction / 4
    while time.monotonic() < end:
        pass
    at_kill = done() - before
    os.kill(pid, signal.SIGKILL)
    until("the end of the consumer", lambda: publisher.queue()[1] == 0)
    left, _ = publisher.queue()
    acknowledged = left_before + len(slice_of_messages) - left
    return {"consumers": consumers, "done": at_kill, "left": left, "again": at_kill - acknowledged}


def main():
    publisher = Publisher(sys.stdin.readline().strip())
    moments = json.loads(sys.stdin.readline())
    bodies = [base64.b64decode(line) for line in sys.stdin]
    size = len(bodies) // len(moments)
    assert size * len(moments) == len(bodies), "slices of one size"
    slices = [bodies[number * size : (number + 1) * size] for number in range(len(moments))]
    kills = []
    for part, moment in zip(slices, moments):
        kills.append(kill(publisher, part, moment, kills[-1]["left"] if kills else 0))
    print(json.dumps(kills))
    assert publisher.lost == 0, "the broker was away"


if __name__ == "__main__":
    main()
