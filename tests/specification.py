"""The endpoints of the published specification of the API."""

from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("specification.tsv")


@dataclass(frozen=True)
class Row:
    """An endpoint: its answer names a resource, `*` stands for a list."""

    method: str
    path: str
    answer: str


def read_rows() -> list[Row]:
    lines = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [Row(*line, *[""] * (3 - len(line))) for line in lines]
