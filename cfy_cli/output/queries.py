"""JMESPath: choosing from an answer, as `az` and `aws` do it too."""

from typing import Any

from cfy_cli.errors import Usage


class Query:
    """An expression, checked when it is typed: before anything is changed. Raises Usage."""

    def __init__(self, text: str) -> None:
        import jmespath

        self._failures = (jmespath.exceptions.JMESPathError, ValueError)
        self.text = text
        try:
            self._expression = jmespath.compile(text)
        except self._failures as error:
            raise self._wrong(error) from error

    def of(self, value: Any) -> Any:
        try:
            return self._expression.search(value)
        except self._failures as error:
            raise self._wrong(error) from error

    def _wrong(self, error: Exception) -> Usage:
        reason = " ".join(str(error).split())
        return Usage(f"--query `{self.text}`: {reason}", hint="It is JMESPath, such as [].id or [?state=='x'].id")
