"""The process of a host's agent that runs operations; it gets its settings over stdin, and ends with its parent."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from cfy_cli.agent.api_files import ApiFiles
from cfy_cli.agent.worker import run


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    ready = int(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(
        settings["broker"],
        [settings["queue"]],
        settings["manager_url"],
        settings["token"],
        ApiFiles(Path(settings["folder"])),
        name=f"agent-{settings['name']}",
        concurrency=settings["concurrency"],
        ca_certificate=settings["ca_certificate"],
        broker_ca_certificate=settings["broker_ca_certificate"],
        on_ready=lambda: os.write(ready, b"ready\n"),
    )


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
