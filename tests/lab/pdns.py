"""Asks PowerDNS's API. First line of stdin: the key; each one after it: [method, path below zones, body or null] as JSON.
Prints a JSON list of [status, answer]."""

import json
import sys
import urllib.error
import urllib.request

BASE = "http://127.0.0.1:8081/api/v1/servers/localhost/zones"
key = sys.stdin.readline().strip()


def ask(method, path, body):
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return [answer.status, json.loads(answer.read() or "null")]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]


print(json.dumps([ask(*json.loads(line)) for line in sys.stdin]))
