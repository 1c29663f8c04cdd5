"""Publishes messages to the queue of DNS changes as any client would: pika, nothing of hams.

Reads the password of `hams_rabbitmq` from the first line of stdin and one message from every line after it; each is
published as persistent and confirmed by the broker.
"""

import sys

import pika

QUEUE = "dns_zone_updates"

password = sys.stdin.readline().rstrip("\n")
credentials = pika.PlainCredentials("hams_rabbitmq", password)
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", credentials=credentials))
channel = connection.channel()
channel.queue_declare(QUEUE, durable=True)
channel.confirm_delivery()
persistent = pika.BasicProperties(content_type="application/json", delivery_mode=2)
count = 0
for line in sys.stdin:
    channel.basic_publish("", QUEUE, line.rstrip("\n").encode(), persistent, mandatory=True)
    count += 1
connection.close()
print(f"published and confirmed: {count}")
