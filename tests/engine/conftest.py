"""`deployment(nodes...)` makes one in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[..., Deployment]:
    return lambda *nodes, **more: Deployment(tmp_path, *nodes, **more)
