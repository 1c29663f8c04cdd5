"""Publishes an event to RabbitMQ once its transaction is committed.

Where the broker is and who asks comes from the environment of Odoo's unit, by the platform's names. As the platform's
own publisher does, it logs an event that cannot be published, and loses it: the agent's sweep is there for that.
"""

import json
import logging
import os

import pika

QUEUE = "dns_zone_updates"

_logger = logging.getLogger(__name__)


def publish_after_commit(env, action, model, ids, zone_ids, zones):
    """One event for a change of `ids` of `model`, in the zones `zone_ids` of the names `zones`."""
    event = {"action": action, "model": model, "ids": list(ids), "zone_ids": list(zone_ids)}
    if len(zones) == 1:
        event["zone"] = zones[0]
    env.cr.postcommit.add(lambda: _publish(event))


def _publish(event):
    try:
        with pika.BlockingConnection(_parameters()) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(queue=QUEUE, durable=True)
            properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
            channel.basic_publish("", QUEUE, json.dumps(event).encode(), properties, mandatory=True)
    except (pika.exceptions.AMQPError, OSError, KeyError):
        _logger.exception("lost: %s", event)


def _parameters():
    return pika.ConnectionParameters(
        host=os.environ.get("RABBITMQ_HOST", "localhost"),
        port=int(os.environ.get("RMQ_PORT", "5672")),
        credentials=pika.PlainCredentials(os.environ["RMQ_USER"], os.environ["RMQ_PASS"]),
        blocked_connection_timeout=10,
        socket_timeout=5,
    )
