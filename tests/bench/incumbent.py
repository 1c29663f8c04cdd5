"""What hams-agent is measured beside: a DNS worker of the common shape, with pika and requests.

usage: incumbent.py COUNT
stdin: the password of the broker's user `hams_agent`, then PowerDNS's API key.
At most 50 messages in hand; each becomes one PATCH of its zone, which is there already, and is acknowledged after it. After
COUNT messages it prints the seconds from the first to the last acknowledgement, as JSON. Any other answer than 204 ends it.
"""

import json
import sys
import time

import pika
import requests

API = "http://127.0.0.1:8081/api/v1/servers/localhost/zones/"
QUEUE = "dns_zone_updates"


def owner(name, apex):
    if name in ("", "@"):
        return apex
    return f"{name}.{apex}"


def replacement(rrset, apex):
    records = [{"content": content, "disabled": False} for content in rrset["records"]]
    changed = {"name": owner(rrset["name"], apex), "changetype": "REPLACE", "records": records}
    return changed | {"type": rrset["type"], "ttl": rrset["ttl"]}


def main():
    left = int(sys.argv[1])
    password, key = sys.stdin.readline().strip(), sys.stdin.readline().strip()
    http = requests.Session()
    http.headers["X-API-Key"] = key
    credentials = pika.PlainCredentials("hams_agent", password)
    broker = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", credentials=credentials))
    channel = broker.channel()
    channel.basic_qos(prefetch_count=50)
    begun = None
    for method, _, body in channel.consume(QUEUE):
        begun = begun or time.monotonic()
        event = json.loads(body)
        rrsets = [replacement(rrset, event["zone"]) for rrset in event["rrsets"]]
        answer = http.patch(API + event["zone"], json={"rrsets": rrsets}, timeout=10)
        if answer.status_code != 204:
            sys.exit(f"PowerDNS answered {answer.status_code} for {event['zone']}: {answer.text}")
        channel.basic_ack(method.delivery_tag)
        left -= 1
        if left == 0:
            break
    took = time.monotonic() - begun
    broker.close()
    print(json.dumps({"seconds": took}))


if __name__ == "__main__":
    main()
