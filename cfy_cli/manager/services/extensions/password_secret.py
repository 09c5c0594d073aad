"""Random passwords that are kept as secrets."""

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.extensions.subject import Subject


def refused(subject: Subject) -> None:
    raise Invalid(
        f"{subject.scope.operation.node_id} is a password to be kept as a secret, and this manager keeps no secrets yet"
    )
