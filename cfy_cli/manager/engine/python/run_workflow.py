"""Run a workflow in the Python of its plugin: `python run_workflow.py function MODULE.FUNCTION`, `... script FILE`.

If the plugin brought cloudify-common, `import cloudify` is that package, except for the modules of workflows.
"""

import importlib
import sys

from run_operation import OWN_NAME, make_importable  # type: ignore[import-not-found]

REPLACED_MODULES = (
    "workflows",
    "workflows.workflow_api",
    "workflows.tasks",
    "workflows.tasks_graph",
    "workflows.workflow_context",
    "plugins.lifecycle",
    "plugins.workflows",
)


def replace_modules() -> None:
    """Replace the modules of workflows in cloudify-common by ours."""
    for name in REPLACED_MODULES:
        module = importlib.import_module(f"{OWN_NAME}.{name}")
        sys.modules[f"cloudify.{name}"] = module
        package, _, attribute = f"cloudify.{name}".rpartition(".")
        setattr(importlib.import_module(package), attribute, module)


if __name__ == "__main__":
    package_name = make_importable()
    if package_name == OWN_NAME:
        replace_modules()
    importlib.import_module(f"{package_name}.workflow").run(*sys.argv[1:])
