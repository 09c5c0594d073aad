"""The manager itself, and the other parts of its cluster."""

from urllib.parse import quote

from .client import HTTPClient
from .collection import Fields, given
from .item import Answer, Item, fields
from .responses import ListResponse


class ConfigItem(Item):
    FIELDS = fields("admin_only is_editable name schema scope updated_at updater_name value")


class ManagerItem(Item):
    FIELDS = fields(
        "ca_cert_content distribution distro_release edition fs_sync_node_id hostname id networks private_ip public_ip "
        "version"
    )


class DBNodeItem(Item):
    FIELDS = fields("host is_external name")


class RabbitMQBrokerItem(Item):
    FIELDS = fields("ca_cert_content host is_external management_host name networks params password port username")


class ManagerClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def get_status(self) -> Answer:
        return self.api.get("/status")

    def get_version(self) -> Answer:
        return self.api.get("/version")

    def get_config(self, name: str | None = None, scope: str | None = None) -> Answer:
        """Return one setting of the manager, or a list of them."""
        if name:
            return ConfigItem(self.api.get(f"/config/{quote(f'{scope}.{name}' if scope else name, safe='')}"))
        return _list(self.api.get("/config", params={"scope": scope}), ConfigItem)

    def put_config(self, name: str, value: object, force: bool = False) -> ConfigItem:
        return ConfigItem(self.api.put(f"/config/{quote(name, safe='')}", {"value": value, "force": force}))

    def get_managers(self, hostname: str | None = None, _include: Fields | None = None) -> ListResponse:
        return _list(self.api.get("/managers", params={"hostname": hostname}, _include=_include), ManagerItem)

    def get_manager(self, hostname: str, _include: Fields | None = None) -> ManagerItem:
        return ManagerItem(self.api.get(f"/managers/{quote(hostname, safe='')}", _include=_include))

    def add_manager(
        self,
        hostname: str,
        private_ip: str,
        public_ip: str,
        version: str,
        edition: str,
        distribution: str,
        distro_release: str,
        ca_cert_content: str | None = None,
        fs_sync_node_id: str | None = None,
        networks: object = None,
    ) -> ManagerItem:
        body = given(
            hostname=hostname,
            private_ip=private_ip,
            public_ip=public_ip,
            version=version,
            edition=edition,
            distribution=distribution,
            distro_release=distro_release,
            ca_cert_content=ca_cert_content,
            fs_sync_node_id=fs_sync_node_id or None,
            networks=networks,
        )
        return ManagerItem(self.api.post("/managers", body))

    def update_manager(self, hostname: str, fs_sync_node_id: str, bootstrap_cluster: bool) -> ManagerItem:
        body = {"fs_sync_node_id": fs_sync_node_id, "bootstrap_cluster": bootstrap_cluster}
        return ManagerItem(self.api.put(f"/managers/{quote(hostname, safe='')}", body))

    def remove_manager(self, hostname: str) -> None:
        self.api.delete(f"/managers/{quote(hostname, safe='')}")

    def get_brokers(self) -> ListResponse:
        return _list(self.api.get("/brokers"), RabbitMQBrokerItem)

    def add_broker(
        self, name: str, address: str, port: int | None = None, networks: object = None
    ) -> RabbitMQBrokerItem:
        body = given(name=name, address=address, port=port, networks=networks)
        return RabbitMQBrokerItem(self.api.post("/brokers", body))

    def update_broker(self, name: str, networks: object) -> RabbitMQBrokerItem:
        return RabbitMQBrokerItem(self.api.put(f"/brokers/{quote(name, safe='')}", {"networks": networks}))

    def remove_broker(self, name: str) -> None:
        self.api.delete(f"/brokers/{quote(name, safe='')}")

    def get_db_nodes(self) -> ListResponse:
        return _list(self.api.get("/db-nodes"), DBNodeItem)

    def update_db_nodes(self) -> ListResponse:
        return _list(self.api.post("/db-nodes", {"action": "update"}), DBNodeItem)

    def get_context(self, _include: Fields | None = None) -> Answer:
        return self.api.get("/provider/context", _include=_include)

    def create_context(self, name: str, context: object) -> Answer:
        return self.api.post("/provider/context", {"name": name, "context": context})

    def update_context(self, name: str, context: object) -> Answer:
        return self.api.post("/provider/context", {"name": name, "context": context}, {"update": True})


def _list(answer: Answer, kind: type[Item]) -> ListResponse:
    return ListResponse(map(kind, answer["items"]), answer["metadata"])
