"""The identity provider, which verifies the passwords of users."""

from .client import HTTPClient


class IdentityProviderClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def get(self) -> str:
        return str(self.api.get("/idp"))
