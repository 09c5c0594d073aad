"""Evaluation of intrinsic functions."""

from .client import HTTPClient
from .item import Item, fields


class EvaluatedFunctions(Item):
    FIELDS = fields("deployment_id payload")


class EvaluateClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def functions(self, deployment_id: str, context: object, payload: object) -> EvaluatedFunctions:
        """Return the payload with its functions evaluated for a deployment."""
        body = {"deployment_id": deployment_id, "context": context, "payload": payload}
        return EvaluatedFunctions(self.api.post("/evaluate/functions", body))
