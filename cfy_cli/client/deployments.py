"""Client of `/deployments`: outputs, capabilities, labels, site and workflows."""

from collections.abc import Iterable
from typing import cast

from cfy_cli.client.collection import Collection, Item
from cfy_cli.contract.labels import Label
from cfy_cli.contract.plan import Schema


class Deployments(Collection):
    def outputs(self, key: str) -> Item:
        return self.http.item("GET", f"{self.path(key)}/outputs")["outputs"] or {}

    def capabilities(self, key: str) -> Item:
        return self.http.item("GET", f"{self.path(key)}/capabilities")["capabilities"] or {}

    def workflows(self, key: str) -> list[Item]:
        return self.get(key, _include="workflows").get("workflows") or []

    def declared_parameters(self, key: str, workflow_id: str) -> Schema:
        workflows = [item for item in self.workflows(key) if item.get("name") == workflow_id]
        return cast("Schema", workflows[0].get("parameters") or {}) if workflows else {}

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        return self.patch(key, labels=[{name: value} for name, value in labels])

    def set_site(self, key: str, site_name: str | None) -> Item:
        """Move the deployment to a site; None removes it from its site."""
        return self.act("POST", key, "set-site", site_name=site_name, detach_site=site_name is None)
