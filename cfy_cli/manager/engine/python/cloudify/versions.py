"""Versions of managers."""

import functools
import re


@functools.total_ordering
class ManagerVersion:
    """A version that can be compared with others; what follows a hyphen does not count."""

    def __init__(self, raw_version: str) -> None:
        numbers = [int(number) for number in re.findall(r"\d+", raw_version.partition("-")[0])]
        self.major, self.minor, self.service = (*numbers, 0, 0, 0)[:3]

    def greater_than(self, other: "ManagerVersion") -> bool:
        return self > other

    def equals(self, other: "ManagerVersion") -> bool:
        return self == other

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.service}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ManagerVersion) and str(self) == str(other)

    def __lt__(self, other: "ManagerVersion") -> bool:
        return (self.major, self.minor, self.service) < (other.major, other.minor, other.service)

    def __hash__(self) -> int:
        return hash(str(self))
