"""Publishes a task for the sample consumer, as the platform would: NAME PROBES(JSON); the password on stdin."""

import json
import sys

import pika

login = pika.PlainCredentials("hams_rabbitmq", sys.stdin.read())
channel = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", credentials=login)).channel()
channel.confirm_delivery()
task = {"name": sys.argv[1], "probes": json.loads(sys.argv[2])}
channel.basic_publish("", "sample_tasks", json.dumps(task), mandatory=True)
