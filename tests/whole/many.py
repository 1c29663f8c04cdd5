"""Puts many zones into PowerDNS's database at once, as the agent would have put them there. Arguments: the database, how
many. PowerDNS must not be running."""

import sqlite3
import sys

database, count = sys.argv[1], int(sys.argv[2])
SOA = "ns1.hams.test hostmaster.hams.test 1 10800 3600 604800 3600"
# As gsqlite3 keeps them: an MX's priority in a column of its own, no name with its last dot.
SETS = [
    ("", "SOA", 3600, 0, SOA),
    ("", "NS", 3600, 0, "ns1.hams.test"),
    ("", "NS", 3600, 0, "ns2.hams.test"),
    ("www.", "A", 300, 0, "192.0.2.1"),
    ("", "TXT", 300, 0, '"v=spf1 -all"'),
    ("", "MX", 300, 10, "mail.example.com"),
]

with sqlite3.connect(database) as connection:
    for number in range(count):
        zone = f"m{number:05}.u.hams.test"
        row = connection.execute(
            "INSERT INTO domains (name, type, account) VALUES (?, 'NATIVE', 'hams')", (zone,)
        )
        # As of a zone that came through the API: without it, the serial tells of no change.
        connection.execute(
            "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (?, 'SOA-EDIT-API', 'DEFAULT')",
            (row.lastrowid,),
        )
        connection.executemany(
            "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, NULL, 1)",
            [(row.lastrowid, owner + zone, rtype, content, ttl, priority) for owner, rtype, ttl, priority, content in SETS],
        )
