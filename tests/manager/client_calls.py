"""Print the request of each method of the client of scripts, as JSON; needs `cloudify_rest_client` on its path."""

import importlib
import inspect
import json
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any


class Recorder:
    """Answers every request with an empty list, and keeps its method and path."""

    def __init__(self, *_arguments: object) -> None:
        self.calls: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def send(uri: str, *_arguments: object, **options: object) -> Any:
            self.calls.append((name.upper(), uri.partition("?")[0]))
            if options.get("stream"):
                return importlib.import_module("cloudify_rest_client.client").StreamedResponse(Empty())
            pagination = {"total": 1, "offset": 0, "size": 1}
            return {"items": [{"count": 1}], "metadata": {"pagination": pagination}, "version": 1}

        return send


class Empty:
    headers: dict[str, str] = {}

    def read(self, _size: int) -> bytes:
        return b""

    def close(self) -> None: ...


def methods(owner: object, name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    for attribute in dir(owner):
        value = getattr(owner, attribute)
        if not attribute.startswith("_") and inspect.ismethod(value):
            yield f"{name}.{attribute}", value
        elif hasattr(value, "api") and attribute != "api":
            yield from methods(value, f"{name}.{attribute}")


FILES = (
    "path", "archive_location", "archive_path", "icon_path", "plugin_path", "blueprint_path", "license_path",
    "new_manager_ca_cert", "new_broker_ca_cert",
)  # fmt: skip


def call(method: Callable[..., object], folder: str, **more: object) -> None:
    """Call a method with values for the parameters that have no default, and `{}` for each key in a path."""
    values: dict[str, object] = {"update_dict": {}, **dict.fromkeys(FILES, f"{folder}/blueprint.yaml"), **more}
    parameters = inspect.signature(method).parameters
    given = {
        name: values.get(name, "{}")
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    if "managers" in parameters:
        given["managers"] = ["here"]
    if "output_file" in parameters:
        given["output_file"] = tempfile.mkdtemp(dir=folder)
    method(**given | {name: value for name, value in more.items() if name in parameters})


def main() -> None:
    client_module = importlib.import_module("cloudify_rest_client.client")
    client_module.CloudifyClient.client_class = Recorder
    client = client_module.CloudifyClient()
    found: dict[str, list[tuple[str, str]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "blueprint.yaml").write_text("")
        for name in client_module.COLLECTIONS:
            for path, method in methods(getattr(client, name), name):
                client._client.calls = []
                if path == "executions.start":
                    method("{}", "{}")
                    continue
                call(method, folder)
                call(method, folder, filter_rules=[{}])
                call(method, folder, constraints={})
                call(method, folder, name="{}", role="{}")
                found[path] = client._client.calls
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
