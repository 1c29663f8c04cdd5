"""Needs a package that nothing lists."""

import pika  # noqa: F401
