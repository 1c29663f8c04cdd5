"""A consumer of RabbitMQ: each message is a list of probes, each answer a file in its folder."""

import json
import os

import pika

import shared

FOLDER = "/opt/hams/spool/sample_consumer"


def answer(channel, method, _properties, body):
    task = json.loads(body)
    shared.report(os.path.join(FOLDER, task["name"]), task["probes"])
    channel.basic_ack(method.delivery_tag)


login = pika.PlainCredentials(os.environ["RMQ_USER"], os.environ["RMQ_PASS"])
address = pika.ConnectionParameters(os.environ["RABBITMQ_HOST"], int(os.environ["RMQ_PORT"]), credentials=login)
channel = pika.BlockingConnection(address).channel()
channel.queue_declare("sample_tasks", durable=True)
channel.basic_qos(prefetch_count=1)
channel.basic_consume("sample_tasks", answer)
channel.start_consuming()
