"""Making the calls in values while a deployment lives."""

from collections.abc import Mapping
from typing import Any, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import ValuePlan
from cfy_cli.dsl.functions.evaluation import Evaluation
from cfy_cli.dsl.functions.function import Context, FunctionFailed
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.errors import CfyError, ErrorCode


class EvaluationFailed(CfyError):
    """A call that cannot be made while the deployment lives."""

    code = ErrorCode.FUNCTIONS_EVALUATION


class _Running(Evaluation):
    def __init__(self, lookups: Lookups) -> None:
        super().__init__()
        self._lookups = lookups

    def input(self, name: str) -> Json:
        return self._lookups.input(name)

    def node(self, name: str) -> Mapping[str, Any]:
        try:
            return self._lookups.node(name)
        except KeyError:
            raise FunctionFailed(f"there is no node `{name}`") from None

    @property
    def outside(self) -> Lookups:
        return self._lookups

    def failed(self, value: Json, context: Context, why: str) -> Json:
        raise EvaluationFailed(f"{context.where}: {why}" if context.where else why)


def evaluate(
    value: Json,
    lookups: Lookups,
    *,
    self_id: str | None = None,
    source_id: str | None = None,
    target_id: str | None = None,
    where: str = "",
) -> Json:
    """`value` with all calls in it made; the ids are of the node instances that SELF, SOURCE and TARGET mean.

    `where` begins the sentence of a failure. An attribute that nobody has is None. Raises EvaluationFailed.
    """
    context = Context(
        where,
        self_node=lookups.node_of(self_id) if self_id else None,
        source_node=lookups.node_of(source_id) if source_id else None,
        target_node=lookups.node_of(target_id) if target_id else None,
        self_id=self_id,
        source_id=source_id,
        target_id=target_id,
    )
    return cast("Json", _Running(lookups).value_of(value, context))


def evaluate_outputs(outputs: Mapping[str, ValuePlan], lookups: Lookups) -> JsonObject:
    """The values of outputs or capabilities; one that cannot be had reads `<ERROR: ...>`, and spoils no other."""
    values: JsonObject = {}
    for name, about in outputs.items():
        try:
            values[name] = evaluate(about.get("value"), lookups)
        except EvaluationFailed as error:
            values[name] = f"<ERROR: {error.message}>"
    return values
