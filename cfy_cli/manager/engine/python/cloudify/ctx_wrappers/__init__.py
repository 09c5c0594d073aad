"""Modules that plugins copy to other machines, where scripts import them in place of this package."""

import importlib.util
from pathlib import Path


def __getattr__(name: str) -> object:
    """Return a name of the module `ctx-py.py`."""
    spec = importlib.util.spec_from_file_location(f"{__name__}.ctx_py", Path(__file__).with_name("ctx-py.py"))
    if name.startswith("__") or spec is None or spec.loader is None:
        raise AttributeError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)
