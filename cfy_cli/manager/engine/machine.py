"""The machine that processes run on."""

import hashlib
import os
import socket
import uuid
from functools import cache
from pathlib import Path


@cache
def machine_id() -> str:
    """Return what processes have in common that see each other's ids; a restart of the machine changes it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        seen = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        seen = f"{uuid.getnode()} {socket.gethostname()}"
    return hashlib.sha256(seen.encode()).hexdigest()[:16]
