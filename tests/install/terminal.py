"""Runs a command on a terminal of its own and passes on what it shows. Arguments: a shell command that must succeed
before the keys are pressed, the keys, and the command; ends with the command's exit status."""
import os
import pty
import select
import subprocess
import sys
import time

condition, keys, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
due = time.monotonic()
while True:
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # the last process on it has ended
            break
        sys.stdout.buffer.write(shown)
        sys.stdout.buffer.flush()
    if keys and time.monotonic() >= due:
        due = time.monotonic() + 0.05
        if subprocess.run(["sh", "-c", condition], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            os.write(terminal, keys.encode().decode("unicode_escape").encode())
            keys = ""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
