"""Patches of cloudify_common_sdk, which public plugins share.

It finds the folders of deployments and blueprints only on a manager that is installed by the public packages.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from .state import own_ctx as ctx

UTILS = "cloudify_common_sdk.utils"


class _PatchingFinder(MetaPathFinder):
    """Patches the module when it is imported, so that plugins that do not use it pay nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != UTILS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(UTILS)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _patch(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install_import_hook() -> None:
    sys.meta_path.insert(0, _PatchingFinder())


def _patch(utils: ModuleType) -> None:
    original_deployment_dir, original_blueprint_dir = utils.get_deployment_dir, utils.get_blueprint_dir

    def get_deployment_dir(deployment_name: str | None = None, deployment_id: str | None = None) -> str:
        name = deployment_name or deployment_id
        is_own = name in (ctx.deployment.id, ctx.deployment.display_name)
        return str(ctx.local_deployment_workdir() if is_own else original_deployment_dir(name))

    def get_blueprint_dir(blueprint_id: str | None = None) -> str:
        is_own = blueprint_id in (None, ctx.blueprint.id)
        return str(ctx._static["resources"] if is_own else original_blueprint_dir(blueprint_id))

    vars(utils).update(get_deployment_dir=get_deployment_dir, get_blueprint_dir=get_blueprint_dir)
