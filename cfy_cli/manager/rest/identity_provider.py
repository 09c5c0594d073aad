"""The endpoint that tells who verifies the passwords of users."""

from cfy_cli.manager.rest.api import Call, Routes

routes = Routes("users")


@routes.get("/idp", "identity_provider_get")
def get_identity_provider(call: Call) -> str:
    return "local"
