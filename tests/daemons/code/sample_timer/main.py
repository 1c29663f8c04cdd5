"""Runs to its end: leaves what it sees in its folder."""

import shared

shared.report("/opt/hams/spool/sample_timer/run", [("read", "/opt/hams/spool/sample_consumer")])
