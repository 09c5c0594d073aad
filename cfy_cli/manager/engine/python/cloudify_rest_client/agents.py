"""Agents on the hosts of deployments."""

from pathlib import Path

from .collection import Collection, Fields, given
from .item import Answer, Item, fields
from .responses import ListResponse


class Agent(Item):
    FIELDS = fields(
        "created_at deployment host_id id install_method ip name node node_instance_id rabbitmq_exchange "
        "rabbitmq_password rabbitmq_username state system updated_at version"
    )


class AgentsClient(Collection[Agent]):
    path, item = "/agents", Agent

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def get(self, name: str) -> Agent:
        return self._one(self.api.get(self._url(name)))

    def create(
        self,
        name: str,
        node_instance_id: str,
        state: str = "creating",
        create_rabbitmq_user: bool = True,
        **kwargs: object,
    ) -> Agent:
        body = {
            **kwargs,
            "node_instance_id": node_instance_id,
            "state": state,
            "create_rabbitmq_user": create_rabbitmq_user,
        }
        return self._one(self.api.put(self._url(name), body))

    def update(self, name: str, state: str | None = None, **kwargs: object) -> Agent:
        return self._one(self.api.patch(self._url(name), {**kwargs, **given(state=state or None)}))

    def replace_ca_certs(self, bundle: bool, new_manager_ca_cert: str | None, new_broker_ca_cert: str | None) -> Answer:
        """Replace the certificates that agents trust by those in files."""
        body = given(
            bundle=bundle,
            manager_ca_cert=new_manager_ca_cert and Path(new_manager_ca_cert).read_text(),
            broker_ca_cert=new_broker_ca_cert and Path(new_broker_ca_cert).read_text(),
        )
        return self.api.patch(self.path, body)
