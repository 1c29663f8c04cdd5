"""What a user may do with the broker. First line of stdin: its password; arguments: its name and what to try."""
import sys

import pika
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

QUEUE = "dns_zone_updates"
EVENT = (
    '{"action": "upsert", "zone": "pika.u.hams.test.", '
    '"rrsets": [{"name": "www", "type": "A", "ttl": 300, "records": ["192.0.2.77"]}]}'
)
TRIES = {
    "declare": lambda channel: channel.queue_declare(QUEUE, durable=True),
    "declare-other": lambda channel: channel.queue_declare("other", durable=True),
    "declare-exchange": lambda channel: channel.exchange_declare("other"),
    "publish": lambda channel: publish(channel, "", QUEUE),
    "publish-direct": lambda channel: publish(channel, "amq.direct", QUEUE),
    "publish-dead": lambda channel: publish(channel, "dns.dlx", ""),
    "read": lambda channel: channel.basic_get(QUEUE),
    "read-dead": lambda channel: channel.basic_get(QUEUE + ".dlq"),
}


def publish(channel, exchange, key):
    channel.confirm_delivery()
    channel.basic_publish(exchange, key, EVENT, pika.BasicProperties(delivery_mode=2), mandatory=True)


def said(connection, attempt):
    try:
        attempt(connection.channel())
        return "yes"
    except ChannelClosedByBroker as closed:
        return str(closed.reply_code)


user = sys.argv[1]
password = sys.stdin.readline().strip()
credentials = pika.PlainCredentials(user, password)
try:
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", credentials=credentials))
except ProbableAuthenticationError:
    print("no entry")
else:
    for name in sys.argv[2:]:
        print(name, said(connection, TRIES[name]))
    connection.close()
