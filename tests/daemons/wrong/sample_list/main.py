"""Would run, if what it requires could be had."""

import time

time.sleep(1e6)
