"""The token by which the workers of a manager, which run its operations, call its server; it is signed, not stored."""

from itsdangerous import BadData

from cfy_cli.errors import Unauthorized
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.signed_tokens import TokenSigner

PURPOSE = "worker"
CONTENT = "operations"


def create_worker_token(app: AppContext) -> str:
    return str(app.service(TokenSigner).serializer(PURPOSE).dumps(CONTENT))


def check_worker_token(app: AppContext, token: str) -> None:
    """Raise Unauthorized when this manager did not sign the token for its workers."""
    try:
        if app.service(TokenSigner).serializer(PURPOSE).loads(token) == CONTENT:
            return
    except BadData:
        pass
    raise Unauthorized("User unauthorized: The token is not that of a worker of this manager")
