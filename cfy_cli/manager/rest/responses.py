"""The responses of an endpoint, as the OpenAPI document declares them."""

from collections.abc import Collection
from typing import Any, NotRequired, TypedDict

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.rest.schemas import Answer, answer_of


class ErrorAnswer(TypedDict):
    """The body of every unsuccessful answer."""

    message: str
    error_code: str
    server_traceback: None
    hint: NotRequired[str]
    err_filter_rule: NotRequired[Json]  # the filter rule that is not valid
    err_reason: NotRequired[str]


ERROR = answer_of(ErrorAnswer)
_ERRORS = {
    400: "The request is not valid, or the state of the resource forbids it",
    401: "The credentials are missing or wrong",
    403: "The user lacks the permission",
    404: "The resource, or one that the request names, does not exist",
    405: "The resource is in a state that does not allow this",
    408: "The body arrives too slowly",
    409: "The name is taken, or the resource was changed meanwhile",
    413: "The body is too large",
    414: "The address of the request is too long",
    416: "The range begins behind the end of the file",
    422: "The request is not valid",
    421: "The Host header names another server",
    431: "The headers of the request are too long or too many",
    500: "The manager failed; its log says more",
    503: "The manager is busy: retry after the time in Retry-After",
}
EMPTY = {204: "Success, where nothing is to be answered", 304: "It is so already"}
PARTICULAR = frozenset((422,))


def responses_of(
    method: str,
    status: int,
    answer: Answer,
    particular: Collection[int] = (),
    *,
    empty_status: int = 0,
    other_status: int = 0,
) -> dict[int | str, dict[str, Any]]:
    """Describe every status that an endpoint answers, with those that few endpoints do."""
    success: JsonObject = {"description": "Success"}
    if status != 204:
        success["content"] = answer.content
    left_out = {
        *(PARTICULAR - set(particular)),
        *((408, 409) if method == "GET" else ()),
        *(() if answer.is_file else (416,)),
    }
    errors: dict[int | str, dict[str, Any]] = {
        code: {"description": description, "content": ERROR.content}
        for code, description in _ERRORS.items()
        if code not in left_out
    }
    if answer.is_file:
        errors[206] = {**success, "description": "The range that was asked for"}
    if empty_status:
        errors[empty_status] = {"description": EMPTY[empty_status]}
    if other_status:
        errors[other_status] = success
    return {status: success, **errors}
