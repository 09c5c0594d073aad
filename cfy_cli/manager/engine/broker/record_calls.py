"""Calls of records from elsewhere: a method, arguments in JSON, and an answer with the result or the error."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TypedDict, cast

from cfy_cli import errors
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.broker.messages import read_event
from cfy_cli.manager.engine.functions import evaluate_functions
from cfy_cli.manager.engine.ports import Instance, InstanceEnds, OperationRecords, StaleVersion
from cfy_cli.manager.engine.tasks import Failure, OperationFailed

CALL_FAILED = 424  # the status of an answer that describes an error, where a file was expected
METHODS = frozenset(
    {
        "agent_script", "evaluate", "install_plugin", "instance", "instance_ids", "node", "node_of", "rest_token",
        "update_instance",
    }
)  # fmt: skip


class Prepared(TypedDict):
    """The rows that an operation probably needs, read in one call."""

    values: JsonObject
    instances: list[JsonObject]
    nodes: list[NodePlan]  # without those that the caller knows
    instance_ids: dict[str, list[str]]  # by node


class CallAnswer(TypedDict, total=False):
    """The answer to a call. `secrets` are the values to mask that it has read."""

    result: Json
    error: JsonObject
    secrets: list[str]


def answer(records: OperationRecords, method: str, arguments: Mapping[str, Json]) -> CallAnswer:
    """Call a method of records."""
    try:
        return {"result": _call(records, method, arguments)}
    except Exception as error:
        return describe_error(error)


def describe_error(error: Exception) -> CallAnswer:
    """Return the answer to a call that failed as records fail. Raises other errors again."""
    try:
        raise error
    except StaleVersion as error:
        return {"error": {"type": "StaleVersion", "message": str(error)}}
    except KeyError as error:
        return {"error": {"type": "KeyError", "message": str(error.args[0]) if error.args else ""}}
    except OperationFailed as error:
        return {"error": {"type": "OperationFailed", "failure": cast(JsonObject, asdict(error.failure))}}
    except CfyError as error:
        described: JsonObject = {"message": error.message, "hint": error.hint, "code": str(error.code)}
        return {"error": {"type": type(error).__name__, "status": error.status, **described}}


def _call(records: OperationRecords, method: str, arguments: Mapping[str, Json]) -> Json:
    if method == "emit":
        for event in cast("list[JsonObject]", arguments["events"]):
            records.emit(read_event(event))
        return None
    if method == "prepare":
        return cast(JsonObject, _prepare(records, **cast("dict[str, Any]", arguments)))
    if method not in METHODS or not hasattr(records, method):
        raise Invalid(f"Operations have no call `{method}`")
    try:
        result = getattr(records, method)(**arguments)
    except TypeError as error:
        raise Invalid(f"The arguments of the call `{method}` are wrong: {error}") from None
    if isinstance(result, Instance):
        return cast(JsonObject, asdict(result))
    return cast(Json, str(result) if isinstance(result, Path) else result)


def _prepare(
    records: OperationRecords, values: JsonObject, ends: InstanceEnds, instance_ids: list[str], known_nodes: list[str]
) -> Prepared:
    evaluated = evaluate_functions(values, records, ends)
    instances = []
    for instance_id in instance_ids:
        with suppress(KeyError, CfyError):  # it tells who asks for that one
            instances.append(records.instance(instance_id))
    node_ids = {each.node_id for each in instances}
    return {
        "values": evaluated,
        "instances": [cast(JsonObject, asdict(each)) for each in instances],
        "nodes": [records.node(node_id) for node_id in node_ids.difference(known_nodes)],
        "instance_ids": {node_id: records.instance_ids(node_id) for node_id in node_ids},
    }


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
