"""Imports of blueprints that are not files: addresses now; plugins and other blueprints when they are kept."""

from cfy_cli.dsl.resolver import Resolved
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.fetching import SCHEMES, fetch
from cfy_cli.manager.services.manager import Manager

MOST_BYTES = 5 * 1024 * 1024


class ManagerResolver:
    """What an uploaded blueprint may import from outside its own folder."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def resolve(self, name: str) -> Resolved | None:
        kind = name.partition(":")[0]
        if kind not in SCHEMES:
            raise Invalid(f"this manager keeps no {kind}s to import, only addresses ({', '.join(SCHEMES)})")
        with self._manager.files.receive() as (file, path):
            fetch(name, file, most=MOST_BYTES)
            file.flush()
            return Resolved(name, path.read_bytes())
