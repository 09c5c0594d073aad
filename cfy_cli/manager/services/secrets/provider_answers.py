"""Answers of secrets providers, and the failures that they stand for; nothing of their text is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.errors import CfyError, ErrorCode, Invalid

if TYPE_CHECKING:
    import requests

TEMPORARY_STATUSES = (408, 425, 429)  # and those from 500
CHUNK_SIZE = 1 << 14  # bytes


class ProviderFailed(Invalid):
    """A secrets provider that gives no value; `is_temporary` when it may give one at the next try."""

    code = ErrorCode.SECRETS_PROVIDER

    def __init__(self, message: str, *, is_temporary: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.is_temporary = is_temporary


@dataclass(frozen=True, slots=True)
class Connection:
    """Hold what is needed to ask a provider once the transaction has ended in which it was read."""

    storage_id: int  # 0: of no row
    name: str
    type: str
    parameters: Mapping[str, str]

    def failure(self, what: str, *, is_temporary: bool = False, hint: str | None = None) -> ProviderFailed:
        """Return the error that says what is wrong with the provider."""
        name = f"`{self.name}`" if self.name else f"of the type {self.type}"
        return ProviderFailed(f"The secrets provider {name} {what}", is_temporary=is_temporary, hint=hint)

    def refusal(self, status: int, place: str) -> ProviderFailed:
        """Return the error for a status other than 200 in the answer about a place at the provider."""
        if status in (401, 403):
            return self.failure(f"refuses the credentials that it was given: it answered {status}")
        if status == 404:
            return self.failure(f"has no {place}: it answered 404")
        is_temporary = status >= 500 or status in TEMPORARY_STATUSES
        return self.failure(f"answered {status} when it was asked for the {place}", is_temporary=is_temporary)


def limit_size(session: "requests.Session", max_bytes: int) -> None:
    """Let the session read answers up to a size. Its requests raise AnswerTooLarge for larger ones."""

    def read(response: "requests.Response", **_options: Any) -> None:
        content = bytearray()
        for chunk in response.iter_content(CHUNK_SIZE):
            content += chunk
            if len(content) > max_bytes:
                response.close()
                raise AnswerTooLarge
        response._content = bytes(content)  # what `iter_content` has consumed, as `content` would have stored it

    session.hooks["response"].append(read)


class AnswerTooLarge(Exception):
    """An answer that is larger than allowed."""


def parse_object(connection: Connection, content: bytes) -> JsonObject:
    """Return the JSON object that a provider answered. Raises ProviderFailed."""
    try:
        answer = parse_json(content, "The answer")
    except CfyError:
        answer = None
    if not isinstance(answer, dict):
        raise connection.failure("did not answer as services of its type do")
    return answer
