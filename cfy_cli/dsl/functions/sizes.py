"""The limit of the values that functions compute, which can double from call to call."""

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import active_limits, raise_hint
from cfy_cli.errors import Invalid

CHARACTERS = 16  # of a text that count as one more value


class ValuesTooLarge(Invalid):
    """The limit `evaluated_values` was reached; the evaluation ends at once, not only the call."""


class Sizes:
    """Counts the values that calls return during one evaluation."""

    def __init__(self) -> None:
        self._limit = active_limits().evaluated_values
        self._total = 0
        # By id: the same list or mapping may occur many times. It is kept, so that no other one gets its id.
        self._known: dict[int, tuple[Json, int]] = {}

    def count(self, value: Json) -> None:
        """Add the size of a value. Raises ValuesTooLarge."""
        self._total += self._size(value)
        if self._total > self._limit:
            raise ValuesTooLarge(
                f"the values that the functions compute are too large: more than {self._limit:,}",
                hint=raise_hint("evaluated_values"),
            )

    def _size(self, value: Json) -> int:
        if isinstance(value, str):
            return 1 + len(value) // CHARACTERS
        if not isinstance(value, list | dict):
            return 1
        known = self._known.get(id(value))
        if known is None:
            items = value.values() if isinstance(value, dict) else value
            known = self._known[id(value)] = (value, 1 + sum(map(self._size, items)))
        return known[1]
