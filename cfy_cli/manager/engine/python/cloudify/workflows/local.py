"""Names of the local environment of the public packages, which tests of plugins import; here a manager runs workflows.

`cfy install blueprint.yaml` runs a blueprint on this machine.
"""

from typing import NoReturn

from ..exceptions import NonRecoverableError

IGNORED_LOCAL_WORKFLOW_MODULES: tuple[str, ...] = ()


def _refuse(*_arguments: object, **_options: object) -> NoReturn:
    raise NonRecoverableError("There is no local environment here. `cfy install blueprint.yaml` runs a blueprint.")


class _Storage:
    def __init__(self, *arguments: object, **options: object) -> None:
        _refuse(*arguments, **options)


class InMemoryStorage(_Storage):
    """Refuses to be created."""


class FileStorage(_Storage):
    """Refuses to be created."""


init_env = load_env = create_local_env = _refuse
