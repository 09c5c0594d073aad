"""The size of what one request stores for every deployment of a group: a small request must not fill the disk."""

import json
from collections.abc import Mapping

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import TooLarge


class GroupValues:
    """Adds up the bytes of JSON values; one that several deployments share is measured once."""

    def __init__(self) -> None:
        self._measured: dict[int, tuple[Mapping[str, Json], int]] = {}  # by identity, and kept for it
        self._total = 0

    def add(self, value: Mapping[str, Json], times: int = 1) -> None:
        """Add a value that is stored so many times. Raises TooLarge."""
        if id(value) not in self._measured:
            self._measured[id(value)] = value, len(json.dumps(value))
        self._total += self._measured[id(value)][1] * times
        what = "The bytes of the inputs and parameters for all deployments of the group"
        active_limits().check("group_values", self._total, what, TooLarge)
