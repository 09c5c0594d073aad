"""JMESPath queries of --query, as in `az` and `aws`."""

from cfy_cli.errors import Usage


class Query:
    """A compiled query. Raises Usage when created, before the command changes anything."""

    def __init__(self, text: str) -> None:
        import jmespath

        self._errors = (jmespath.exceptions.JMESPathError, ValueError)
        self.text = text
        try:
            self._expression = jmespath.compile(text)
        except self._errors as error:
            raise self._usage(error) from error

    def search(self, data: object) -> object:
        """Return what the query finds in the data. Raises Usage."""
        try:
            result: object = self._expression.search(data)
        except self._errors as error:
            raise self._usage(error) from error
        return result

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of fields that the query mentions."""
        found: list[str] = []
        nodes = [self._expression.parsed]
        while nodes:
            node = nodes.pop()
            if node["type"] == "field":
                found.append(node["value"])
            nodes += [child for child in node["children"] if isinstance(child, dict)]
        return tuple(dict.fromkeys(reversed(found)))

    def _usage(self, error: Exception) -> Usage:
        reason = " ".join(str(error).split())
        return Usage(f"--query `{self.text}`: {reason}", hint="Give a JMESPath query: [].id, or [?state=='x'].id")
