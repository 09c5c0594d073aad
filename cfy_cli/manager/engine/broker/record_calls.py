"""Calls of records from elsewhere: a method, arguments in JSON, and an answer with the result or the error."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TypedDict, cast

from cfy_cli import errors
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.broker.messages import read_event
from cfy_cli.manager.engine.ports import Instance, Records, StaleVersion
from cfy_cli.manager.engine.tasks import Failure, OperationFailed

METHODS = frozenset(
    {
        "agent_script", "capability", "check_rights", "consumers", "download", "group_capability", "has_secret",
        "input", "install_plugin", "instance", "instance_ids", "instance_index", "instance_relationships", "instances",
        "label", "node", "node_of", "rest_token", "runtime_properties", "scaling_groups", "secret", "sys",
        "update_instance",
    }
)  # fmt: skip


class CallAnswer(TypedDict, total=False):
    """The answer to a call. `secrets` are the values to mask that it has read."""

    result: Json
    error: JsonObject
    secrets: list[str]


def answer(records: Records, method: str, arguments: Mapping[str, Json]) -> CallAnswer:
    """Call a method of records."""
    try:
        return {"result": _call(records, method, arguments)}
    except StaleVersion as error:
        return {"error": {"type": "StaleVersion", "message": str(error)}}
    except KeyError as error:
        return {"error": {"type": "KeyError", "message": str(error.args[0]) if error.args else ""}}
    except OperationFailed as error:
        return {"error": {"type": "OperationFailed", "failure": cast(JsonObject, asdict(error.failure))}}
    except CfyError as error:
        described: JsonObject = {"message": error.message, "hint": error.hint, "code": str(error.code)}
        return {"error": {"type": type(error).__name__, "status": error.status, **described}}


def _call(records: Records, method: str, arguments: Mapping[str, Json]) -> Json:
    if method == "emit":
        for event in cast("list[JsonObject]", arguments["events"]):
            records.emit(read_event(event))
        return None
    if method not in METHODS or not hasattr(records, method):
        raise Invalid(f"Operations have no call `{method}`")
    try:
        result = getattr(records, method)(**arguments)
    except TypeError as error:
        raise Invalid(f"The arguments of the call `{method}` are wrong: {error}") from None
    if isinstance(result, Instance):
        return cast(JsonObject, asdict(result))
    if method == "instances":
        return [cast(JsonObject, asdict(each)) for each in result]
    return cast(Json, str(result) if isinstance(result, Path) else result)


def read_answer(received: CallAnswer) -> Json:
    """Return the result. Raises the error as the records have raised it."""
    if "error" in received:
        _raise(received["error"])
    return received.get("result")


def _raise(error: JsonObject) -> NoReturn:
    kind, message = str(error["type"]), str(error.get("message", ""))
    if kind == "KeyError":
        raise KeyError(message)
    if kind == "StaleVersion":
        raise StaleVersion(message)
    if kind == "OperationFailed":
        raise OperationFailed(Failure(**cast("dict[str, object]", error["failure"])))  # type: ignore[arg-type]
    known = getattr(errors, kind, None)
    raised = CfyError(message) if known is None or known.__init__ is not CfyError.__init__ else known(message)
    raised.hint, raised.code, raised.status = error.get("hint"), str(error.get("code")), error.get("status", 400)
    raise raised
