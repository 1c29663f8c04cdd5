"""Every dead letter, without taking it away. First line of stdin: the password of the user `reader`. Prints a JSON list."""

import base64
import json
import sys

import pika

credentials = pika.PlainCredentials("reader", sys.stdin.readline().strip())
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", credentials=credentials))
channel = connection.channel()
letters = []
while True:
    method, properties, body = channel.basic_get("dns_zone_updates.dlq")
    if method is None:
        break
    letters.append(
        {
            "body": base64.b64encode(body).decode(),
            "headers": {name: str(value) for name, value in (properties.headers or {}).items()},
            "persistent": properties.delivery_mode == 2,
            "content_type": properties.content_type,
        }
    )
# Not acknowledged, so they are in the queue again.
connection.close()
print(json.dumps(letters))
