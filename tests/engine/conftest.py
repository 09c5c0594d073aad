"""Fixtures of the engine's tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment
from tests.engine.python_workflow import flow as flow
from tests.engine.subgraph_flow import subgraph_flow as subgraph_flow


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[..., Deployment]:
    """`deployment(nodes...)` creates a deployment in a temporary folder."""
    return lambda *nodes, **more: Deployment(tmp_path, *nodes, **more)
