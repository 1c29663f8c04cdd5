"""Publishes to the queue of DNS changes as any client would: pika, nothing of hams. An outage of the broker is waited for.

stdin: the password of `hams_rabbitmq`, then a message in base64 on each line. Each is persistent, and confirmed by the broker
before the next. `--restart-broker AFTER` restarts RabbitMQ once AFTER messages are confirmed; the next goes out while it is away.
`--header OCTETS`: each message has a header of that length.
Prints how many were confirmed and how often the connection was lost, as JSON.
"""

import argparse
import base64
import json
import socket
import subprocess
import sys
import time

import pika
from pika.exceptions import AMQPError, NackError, UnroutableError

QUEUE = "dns_zone_updates"
PATIENCE = 120


class Publisher:
    """A connection that is made again when it is lost."""

    def __init__(self, password, header=0):
        headers = {"long": "x" * header} if header else None
        self.properties = pika.BasicProperties("application/json", delivery_mode=2, headers=headers)
        credentials = pika.PlainCredentials("hams_rabbitmq", password)
        self.parameters = pika.ConnectionParameters("127.0.0.1", credentials=credentials)
        self.lost = 0
        self.channel = None

    def insist(self, attempt):
        """What `attempt` gives on a channel that works."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.channel is None:
                    self.channel = pika.BlockingConnection(self.parameters).channel()
                    self.channel.confirm_delivery()
                return attempt(self.channel)
            except (NackError, UnroutableError):
                raise
            except (AMQPError, OSError):
                self.lost += self.channel is not None
                self.channel = None
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def publish(self, body):
        # Not confirmed is not published: it goes out again, before the next.
        self.insist(lambda channel: channel.basic_publish("", QUEUE, body, self.properties, mandatory=True))

    def queue(self):
        """Messages that no consumer has, and consumers."""
        method = self.insist(lambda channel: channel.queue_declare(QUEUE, passive=True)).method
        return method.message_count, method.consumer_count


def is_away():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 5672)) != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--restart-broker", type=int)
    parser.add_argument("--header", type=int, default=0)
    arguments = parser.parse_args()
    publisher = Publisher(sys.stdin.readline().strip(), arguments.header)
    restart = None
    confirmed = 0
    for line in sys.stdin:
        if confirmed == arguments.restart_broker:
            restart = subprocess.Popen(["systemctl", "restart", "rabbitmq-server.service"])
            while restart.poll() is None and not is_away():
                time.sleep(0.01)
        publisher.publish(base64.b64decode(line))
        confirmed += 1
    if restart is not None and restart.wait() != 0:
        sys.exit("RabbitMQ did not restart")
    print(json.dumps({"confirmed": confirmed, "lost": publisher.lost}))


if __name__ == "__main__":
    main()
