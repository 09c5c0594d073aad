"""The folders of a deployment and a blueprint, for the common kit of public plugins (cloudify_common_sdk).

It knows them in one place alone, that of a manager installed as the only one of its machine.
"""

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from .state import ctx

KIT = "cloudify_common_sdk.utils"


class _Finder(MetaPathFinder):
    """Has the kit taught when somebody imports it, so that others pay nothing."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != KIT:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(KIT)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                _teach(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def watch() -> None:
    sys.meta_path.insert(0, _Finder())


def _teach(kit: Any) -> None:
    deployment_of, blueprint_of = kit.get_deployment_dir, kit.get_blueprint_dir

    def get_deployment_dir(deployment_name: str | None = None, deployment_id: str | None = None) -> str:
        name = deployment_name or deployment_id
        own = name in (ctx.deployment.id, ctx.deployment.display_name)
        return str(ctx.local_deployment_workdir() if own else deployment_of(name))

    def get_blueprint_dir(blueprint_id: str | None = None) -> str:
        own = blueprint_id in (None, ctx.blueprint.id)
        return str(ctx._static["resources"] if own else blueprint_of(blueprint_id))

    kit.get_deployment_dir, kit.get_blueprint_dir = get_deployment_dir, get_blueprint_dir
