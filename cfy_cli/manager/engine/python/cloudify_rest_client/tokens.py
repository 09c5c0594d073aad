"""Tokens of the user."""

from .collection import Collection, given
from .item import Item, fields
from .responses import ListResponse


class Token(Item):
    FIELDS = fields("description expiration_date id last_used role username value")


class TokensClient(Collection[Token]):
    path, item = "/tokens", Token

    def list(self, **kwargs: object) -> ListResponse:
        return self._list(kwargs)

    def get(self, token_id: str) -> Token:
        return self._one(self.api.get(self._url(token_id)))

    def create(self, description: str | None = None, expiration: str | None = None) -> Token:
        return self._one(self.api.post(self.path, given(description=description, expiration_date=expiration)))

    def delete(self, token_id: str) -> None:
        self.api.delete(self._url(token_id))
