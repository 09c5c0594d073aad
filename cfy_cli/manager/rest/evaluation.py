"""Endpoint that evaluates the functions of a blueprint."""

from typing import TypedDict

from cfy_cli import dsl
from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.store.models import Deployment

ENTITIES = ("self", "source", "target")

routes = Routes("evaluate")


class Functions(Body):
    deployment_id: str
    context: dict[str, AnyJson] | None = None
    payload: dict[str, AnyJson]


class Evaluated(TypedDict):
    deployment_id: str
    payload: dict[str, Json]


@routes.post("/evaluate/functions", "functions_evaluate")
def evaluate_functions(call: Call, body: Functions) -> Evaluated:
    """Answer the payload with its functions evaluated; `self`, `source` and `target` of the context are instances."""
    ids: dict[str, str | None] = dict.fromkeys(ENTITIES)
    for name, value in (body.context or {}).items():
        if name not in ENTITIES or not (value is None or isinstance(value, str)):
            raise Invalid(f"The context holds ids of node instances as {', '.join(ENTITIES)}, not `{name}: {value}`")
        ids[name] = value
    deployment = call.store.get(Deployment, body.deployment_id)
    lookups = deployments.user_lookups(call.app, call.scope, deployment)
    answer: Evaluated = {"deployment_id": deployment.id, "payload": dict(body.payload)}

    def evaluate() -> None:
        for name, value in answer["payload"].items():
            answer["payload"][name] = dsl.evaluate(
                value, lookups, self_id=ids["self"], source_id=ids["source"], target_id=ids["target"]
            )

    call.after_transaction(evaluate)
    return answer
