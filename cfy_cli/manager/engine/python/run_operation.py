"""Run an operation of a plugin in the plugin's Python: `python run_operation.py MODULE.FUNCTION`.

If the plugin brought cloudify-common, `import cloudify` is that package; ours then has another name, raises the
exceptions of that package and gives it its `ctx`. Otherwise `cloudify` is ours.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

OWN_NAME = "cloudify_operation"


def make_importable() -> str:
    """Make our package importable and return its name."""
    folder = sys.path.pop(0)  # this folder, which Python put first
    if importlib.util.find_spec("cloudify") is None:
        sys.path.append(folder)
        return "cloudify"
    package = Path(folder, "cloudify")
    spec = importlib.util.spec_from_file_location(
        OWN_NAME, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    errors = importlib.import_module("cloudify.exceptions")
    errors.NotInContext = importlib.import_module("cloudify.state").NotInContext  # type: ignore[attr-defined]
    sys.modules[f"{OWN_NAME}.exceptions"] = errors
    sys.modules[OWN_NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[OWN_NAME])
    return OWN_NAME


if __name__ == "__main__":
    importlib.import_module(f"{make_importable()}.plugin").run(sys.argv[1])
