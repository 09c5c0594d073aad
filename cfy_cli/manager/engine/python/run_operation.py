"""Run an operation of a plugin, in the plugin's Python: `python run_operation.py MODULE.FUNCTION`.

Where the plugin brought cloudify-common, `import cloudify` is that, and our own package, which gives it its `ctx`, goes
by another name and raises its errors; else `cloudify` is ours.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

OURS = "cloudify_operation"


def package() -> str:
    """The name under which our own package can be imported now."""
    folder = sys.path.pop(0)  # this one, which Python put first
    if importlib.util.find_spec("cloudify") is None:
        sys.path.append(folder)
        return "cloudify"
    place = Path(folder, "cloudify")
    spec = importlib.util.spec_from_file_location(OURS, place / "__init__.py", submodule_search_locations=[str(place)])
    assert spec is not None
    assert spec.loader is not None
    errors = importlib.import_module("cloudify.exceptions")
    errors.NotInContext = importlib.import_module("cloudify.state").NotInContext  # type: ignore[attr-defined]
    sys.modules[f"{OURS}.exceptions"] = errors
    sys.modules[OURS] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[OURS])
    return OURS


if __name__ == "__main__":
    importlib.import_module(f"{package()}.plugin").run(sys.argv[1])
