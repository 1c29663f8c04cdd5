"""Publishes as publish.py does, and kills the agent (`kill -9`) while it works, once in each slice of the messages.

stdin: the password; a JSON list with a moment for each kill; then a message in base64 on each line. A moment is two numbers from
0 to 1: which part of the waiting messages may be left, and how far into the batch after that.

So that a kill hits work whatever the speeds are, the agent is frozen while most of a slice is published. It runs again when it is
killed, and what is printed for each kill shows what it was doing, as a JSON list: messages that waited when it ran on, and when
it was killed; messages that were left to the next start, and how many of these it had begun to apply.
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


def received():
    """Messages that this start of the agent has begun to apply."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(STATUS_SOCKET)
        connection.sendall(b"GET /status HTTP/1.0\r\nHost: agent\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer.split(b"\r\n\r\n", 1)[1])["sync"]["counters"]["received"]


def kill(publisher, slice_of_messages, moment, left_before):
    share, fraction = moment
    # Into the queue while the agent is down: it was killed just now.
    for body in slice_of_messages[:40]:
        publisher.publish(body)
    pid = running(publisher)
    os.kill(pid, signal.SIGSTOP)
    for body in slice_of_messages[40:]:
        publisher.publish(body)
    waiting, consumers = publisher.queue()
    os.kill(pid, signal.SIGCONT)
    thawed = time.monotonic()
    # What an agent has taken is not among the waiting: fewer waiting means that it has acknowledged some.
    until("work of the agent", lambda: publisher.queue()[0] < waiting)
    batch = time.monotonic() - thawed
    until("the moment of the kill", lambda: publisher.queue()[0] <= max(waiting * share, 50))
    end = time.monotonic() + batch * fraction
    while time.monotonic() < end:
        pass
    at_kill, _ = publisher.queue()
    begun = received()
    os.kill(pid, signal.SIGKILL)
    until("the end of the consumer", lambda: publisher.queue()[1] == 0)
    left, _ = publisher.queue()
    acknowledged = left_before + len(slice_of_messages) - left
    unacknowledged = begun - acknowledged
    return {"consumers": consumers, "waiting": waiting, "at_kill": at_kill, "left": left, "begun": unacknowledged}


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
