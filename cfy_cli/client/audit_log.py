"""Client of `/audit`."""

import json
from collections.abc import Iterator, Mapping

import requests

from cfy_cli.client import failures
from cfy_cli.client.collection import Collection, Item, Page


class AuditLog(Collection):
    def truncate(self, **query: object) -> Item:
        """Delete the records of changes before a time; return their number as `deleted`."""
        return self.http.item("DELETE", "audit", params=query)

    def stream(self, **query: object) -> Iterator[Item]:
        """Yield the records as they are made, until the manager ends the answer. Raises CfyError."""
        answer = self.http.download("audit/stream", query)
        try:
            for line in answer.iter_lines(chunk_size=None):
                if line.strip():
                    yield json.loads(line)
        except requests.RequestException as error:
            raise failures.from_exception(error, self.http.url, "GET") from error
        finally:
            answer.close()

    def _search(self, params: Mapping[str, object], rules: object) -> Page:
        # What changed is shown in one column that several fields make up.
        return super()._search({name: value for name, value in params.items() if name != "_include"}, rules)
