"""Run a workflow in the Python of its plugin: `python run_workflow.py function MODULE.FUNCTION`, `... script FILE`.

Where the plugin brought cloudify-common, `import cloudify` is that, but what describes workflows is ours.
"""

import importlib
import sys

from run_operation import OURS, package  # type: ignore[import-not-found]

PARTS = (
    "workflows",
    "workflows.workflow_api",
    "workflows.tasks",
    "workflows.tasks_graph",
    "workflows.workflow_context",
    "plugins.lifecycle",
    "plugins.workflows",
)


def lend() -> None:
    """Put our parts in the place of those of the plugin's own package."""
    for part in PARTS:
        ours = importlib.import_module(f"{OURS}.{part}")
        sys.modules[f"cloudify.{part}"] = ours
        holder, _, name = f"cloudify.{part}".rpartition(".")
        setattr(importlib.import_module(holder), name, ours)


if __name__ == "__main__":
    ours = package()
    if ours == OURS:
        lend()
    importlib.import_module(f"{ours}.workflow").run(*sys.argv[1:])
