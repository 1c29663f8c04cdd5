"""What the sweep is measured beside: octodns on the same zones, when there is nothing to change.

usage: octodns.py COUNT
stdin: PowerDNS's API key. Runs in a virtual environment with `octodns` and `octodns-powerdns`. Writes the first COUNT zones of
many.py as YAML, has `octodns-sync` compare them with PowerDNS, and prints the seconds that it took, as JSON. Anything that it
would change ends it with an error.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import yaml

API_KEY = "PDNS_API_KEY"
NAMESERVERS = ["ns1.hams.test.", "ns2.hams.test."]
ZONE = {
    "": [
        {"type": "MX", "ttl": 300, "values": [{"exchange": "mail.example.com.", "preference": 10}]},
        {"type": "NS", "ttl": 3600, "values": NAMESERVERS},
        {"type": "TXT", "ttl": 300, "value": "v=spf1 -all"},
    ],
    "www": {"type": "A", "ttl": 300, "value": "192.0.2.1"},
}


def configuration(folder, names):
    powerdns = {
        "class": "octodns_powerdns.PowerDnsProvider",
        "host": "127.0.0.1",
        "port": 8081,
        "api_key": f"env/{API_KEY}",
    }
    source = {"class": "octodns.provider.yaml.YamlProvider", "directory": folder, "default_ttl": 300}
    zone = {"sources": ["source"], "targets": ["powerdns"]}
    providers = {"source": source, "powerdns": powerdns}
    return {"providers": providers, "zones": {name: zone for name in names}}


def main():
    key = sys.stdin.readline().strip()
    names = [f"m{number:05}.u.hams.test." for number in range(int(sys.argv[1]))]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            with open(f"{folder}/{name}yaml", "w", encoding="utf-8") as file:
                yaml.safe_dump(ZONE, file)
        path = f"{folder}/configuration"
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(configuration(folder, names), file, default_flow_style=False)
        command = [os.path.join(os.path.dirname(sys.executable), "octodns-sync"), "--config-file", path]
        begun = time.monotonic()
        ended = subprocess.run(command, env={API_KEY: key}, capture_output=True, text=True, check=False)
        took = time.monotonic() - begun
    if ended.returncode != 0 or "No changes were planned" not in ended.stdout + ended.stderr:
        sys.exit(f"octodns-sync ended with {ended.returncode}: {ended.stdout}{ended.stderr[-2000:]}")
    print(json.dumps({"seconds": took}))


if __name__ == "__main__":
    main()
