"""What a real PowerDNS makes of record contents, by its API. First line of stdin: the key. Each further line: a JSON list
[owner, type, content] below a zone of this script's own. Prints a JSON list in the same order: [taken, what it says, what is
read back or null]. The zone is gone after that.
"""

import json
import sys
import urllib.error
import urllib.request

BASE = "http://127.0.0.1:8081/api/v1/servers/localhost/zones"
ZONE = "roundtrip.example."
key = sys.stdin.readline().strip()


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-API-Key": key, "Content-Type": "application/json", "Accept": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers, method=method)) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


candidates = [json.loads(line) for line in sys.stdin]
status, made = ask("POST", "", {"name": ZONE, "kind": "Native", "nameservers": ["ns1.example."]})
if status != 201:
    sys.exit(f"cannot create {ZONE}: {status} {made}")
try:
    answers = []
    for owner, rtype, content in candidates:
        records = [{"content": content, "disabled": False}]
        rrset = {"name": owner, "type": rtype, "ttl": 60, "changetype": "REPLACE", "records": records}
        answers.append(ask("PATCH", "/" + ZONE, {"rrsets": [rrset]}))
    _, zone = ask("GET", "/" + ZONE)
    stored = {(rrset["name"], rrset["type"]): rrset["records"][0]["content"] for rrset in zone["rrsets"]}
    print(json.dumps([
        [status == 204, f"{status} {said}", stored.get((owner, rtype))]
        for (owner, rtype, _), (status, said) in zip(candidates, answers)
    ]))
finally:
    ask("DELETE", "/" + ZONE)
