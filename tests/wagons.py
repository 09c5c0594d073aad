"""Plugins for tests: a wheel is a zip, a wagon is an archive of wheels and a package.json."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

OPS = """
from cloudify import ctx
from cloudify.decorators import operation
from cloudify.exceptions import NonRecoverableError

@operation
def create(who="nobody", **kwargs):
    ctx.logger.info("hello %s", who)
    ctx.instance.runtime_properties["version"] = VERSION
    return {"returned": VERSION}
"""
YAML = """
plugins:
  tiny:
    executor: central_deployment_agent
    package_name: {name}
    package_version: '{version}'
node_types:
  tiny.Node:
    derived_from: cloudify.nodes.Root
    properties: {{who: {{default: world}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: tiny.tiny_ops.create, inputs: {{who: {{default: {{get_property: [SELF, who]}}}}}}}}
"""


def wheel(name: str, version: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> tuple[str, bytes]:
    """Return the file name and the bytes of a wheel of pure Python."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    requirements = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requirements}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return f"{stem}-py3-none-any.whl", packed.getvalue()


def metadata(name: str, version: str, wheels: Mapping[str, bytes], **more: Any) -> dict[str, Any]:
    return {
        "package_name": name,
        "package_version": version,
        "package_source": ".",
        "archive_name": f"{name.replace('-', '_')}-{version}-py311-none-any.wgn",
        "supported_platform": "any",
        "supported_python_versions": ["py311"],
        "build_server_os_properties": {"distribution": None, "distribution_version": None},
        "wheels": list(wheels),
        **more,
    }


def wagon(
    name: str = "tiny-plugin",
    version: str = "1.0.0",
    ops: str = OPS,
    *,
    more_wheels: Mapping[str, bytes] = {},
    requires: tuple[str, ...] = (),
    zipped: bool = False,
    **more: Any,
) -> bytes:
    """Return a wagon whose package has the module `tiny_ops`."""
    file_name, content = wheel(name, version, {"tiny_ops.py": f"VERSION = {version!r}\n{ops}"}, requires)
    wheels = {file_name: content, **more_wheels}
    files = {
        f"{name}/package.json": json.dumps(metadata(name, version, wheels, **more)).encode(),
        **{f"{name}/wheels/{wheel_name}": data for wheel_name, data in wheels.items()},
    }
    packed = io.BytesIO()
    if zipped:
        with zipfile.ZipFile(packed, "w") as archive:
            for path, data in files.items():
                archive.writestr(path, data)
    else:
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path, data in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def package(
    name: str = "tiny-plugin",
    version: str = "1.0.0",
    *,
    yamls: Mapping[str, str] | None = None,
    icon: bytes | None = None,
    **wagon_options: Any,
) -> bytes:
    """Return what `cfy plugins upload` sends: a zip of the wagon, its YAML files and an icon."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tiny.wgn", wagon(name, version, **wagon_options))
        for file_name, text in (yamls or {"plugin.yaml": YAML.format(name=name, version=version)}).items():
            archive.writestr(file_name, text)
        if icon:
            archive.writestr("icon.png", icon)
    return packed.getvalue()


def bundle(*plugins: tuple[str, str], listed: str | None = None) -> bytes:
    """Return a bundle of plugins, given by name and version; `listed` replaces its list of YAML files."""
    files: dict[str, bytes] = {}
    pairs = {}
    for name, version in plugins:
        stem = f"{name}-{version}"
        pairs[f"{stem}.wgn"] = f"{stem}.yaml"
        files[f"{stem}.wgn"] = wagon(name, version)
        files[f"{stem}.yaml"] = YAML.format(name=name, version=version).encode()
    files["METADATA"] = (listed if listed is not None else json.dumps(pairs)).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(f"bundle/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


BACKEND = """
import pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "STEM.dist-info"
    name = "STEM-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for module in MODULES:
            wheel.writestr(module, pathlib.Path(module).read_text())
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: VERSION\\nREQUIRES")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def project(
    modules: Mapping[str, str], name: str = "tiny-plugin", version: str = "1.0.0", requires: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the files of a plugin's source, with a build backend of its own, so that pip fetches nothing."""
    placeholders = {
        "STEM": f"{name.replace('-', '_')}-{version}",
        "MODULES": repr([*modules]),
        "NAME": name,
        "VERSION": version,
        "REQUIRES": "".join(f"Requires-Dist: {requirement}\\n" for requirement in requires),
    }
    backend = BACKEND
    for placeholder, text in placeholders.items():
        backend = backend.replace(placeholder, text)
    system = "[build-system]\nrequires = []\nbuild-backend = 'own_backend'\nbackend-path = ['.']\n"
    return {**modules, "own_backend.py": backend, "pyproject.toml": system}
