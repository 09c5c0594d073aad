"""Evaluation of calls while a deployment runs."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan, ValuePlan
from cfy_cli.dsl.functions.evaluation import Evaluation
from cfy_cli.dsl.functions.function import EvaluationContext, FunctionFailed
from cfy_cli.dsl.functions.sizes import ValuesTooLarge
from cfy_cli.dsl.lookups import Lookups
from cfy_cli.errors import CfyError, ErrorCode


class EvaluationFailed(CfyError):
    """A call that cannot be evaluated while the deployment runs."""

    code = ErrorCode.FUNCTIONS_EVALUATION


class _RuntimeEvaluation(Evaluation):
    def __init__(self, lookups: Lookups) -> None:
        super().__init__()
        self._lookups = lookups

    def input(self, name: str) -> Json:
        return self._lookups.input(name)

    def node(self, name: str) -> NodePlan:
        try:
            return self._lookups.node(name)
        except KeyError:
            raise FunctionFailed(f"there is no node `{name}`") from None

    @property
    def lookups(self) -> Lookups:
        return self._lookups

    def fail(self, value: JsonObject, context: EvaluationContext, reason: str) -> Json:
        raise EvaluationFailed(f"{context.where}: {reason}" if context.where else reason)


def evaluate(
    value: Json,
    lookups: Lookups,
    *,
    self_id: str | None = None,
    source_id: str | None = None,
    target_id: str | None = None,
    where: str = "",
) -> Json:
    """Return `value` with all calls evaluated; the ids are of the node instances that SELF, SOURCE and TARGET mean.

    An attribute that does not exist is None. Raises EvaluationFailed, whose message begins with `where`.
    """
    context = EvaluationContext(
        where,
        self_node=lookups.node_of(self_id) if self_id else None,
        source_node=lookups.node_of(source_id) if source_id else None,
        target_node=lookups.node_of(target_id) if target_id else None,
        self_id=self_id,
        source_id=source_id,
        target_id=target_id,
    )
    try:
        return _RuntimeEvaluation(lookups).value_of(value, context)
    except ValuesTooLarge as error:
        raise EvaluationFailed(f"{where}: {error.message}" if where else error.message, hint=error.hint) from error


def evaluate_outputs(outputs: Mapping[str, ValuePlan], lookups: Lookups) -> JsonObject:
    """Return the values of outputs or capabilities; the value of one that fails is `<ERROR: ...>`."""
    values: JsonObject = {}
    for name, output in outputs.items():
        try:
            values[name] = evaluate(output.get("value"), lookups)
        except EvaluationFailed as error:
            values[name] = f"<ERROR: {error.message}>"
    return values
