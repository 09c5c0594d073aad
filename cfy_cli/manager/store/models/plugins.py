"""Plugins: packages of Python code for operations, and of YAML files that blueprints import."""

from sqlalchemy import ColumnElement, Text, func, literal, type_coerce
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, synonym

from cfy_cli.manager.store.files import PLUGINS
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, JsonColumn, JsonObject, Name, text


class Plugin(Owned, Base):
    __tablename__ = "plugins"
    __table_args__ = (NO_ID_REUSE,)
    WIRE_FIELDS = (
        "id",
        "visibility",
        "archive_name",
        "distribution",
        "distribution_release",
        "distribution_version",
        "excluded_wheels",
        "package_name",
        "package_source",
        "package_version",
        "supported_platform",
        "supported_py_versions",
        "uploaded_at",
        "wheels",
        "title",
        "blueprint_labels",
        "labels",
        "resource_tags",
        *Owned.OWNED_FIELDS,
        "installation_state",
        "yaml_files_paths",
        "yaml_url_path",
        "file_server_path",
    )
    COMPUTED_FROM = {
        "labels": ("deployment_labels",),
        "yaml_files_paths": ("yaml_files",),
    }

    FOLDER = PLUGINS

    id: Mapped[str] = mapped_column(text(36), unique=True)
    archive_name: Mapped[str] = mapped_column(Name)
    package_name: Mapped[str] = mapped_column(Name, index=True)
    package_version: Mapped[str] = mapped_column(Name)
    package_source: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Name)
    distribution: Mapped[str | None] = mapped_column(Name)
    distribution_version: Mapped[str | None] = mapped_column(Name)
    distribution_release: Mapped[str | None] = mapped_column(Name)
    supported_platform: Mapped[str | None] = mapped_column(Name)
    supported_py_versions: Mapped[list[str] | None] = mapped_column(JsonColumn)
    wheels: Mapped[list[str]] = mapped_column(JsonColumn, default=list)
    excluded_wheels: Mapped[list[str] | None] = mapped_column(JsonColumn)
    yaml_files: Mapped[list[str]] = mapped_column(JsonColumn, default=list)  # names in the plugin's folder
    blueprint_labels: Mapped[dict[str, list[str]] | None] = mapped_column(JsonColumn)
    deployment_labels: Mapped[dict[str, list[str]] | None] = mapped_column(JsonColumn)  # `labels` in the API
    resource_tags: Mapped[dict[str, str] | None] = mapped_column(JsonColumn)
    installation_state: Mapped[list[JsonObject]] = mapped_column(JsonColumn, default=list)

    uploaded_at = synonym("created_at")

    @property
    def yaml_files_paths(self) -> list[str]:
        return [f"plugins/{self.id}/{name}" for name in self.yaml_files]

    @hybrid_property
    def yaml_url_path(self) -> str:
        return f"plugin:{self.package_name}?version={self.package_version}&distribution={self.distribution}"

    @yaml_url_path.inplace.expression
    @classmethod
    def _yaml_url_path(cls) -> ColumnElement[str]:
        package = literal("plugin:") + cls.package_name + "?version=" + cls.package_version
        return package + "&distribution=" + func.coalesce(cls.distribution, "None")

    @hybrid_property
    def file_server_path(self) -> str | None:
        return next(iter(self.yaml_files_paths), None)

    @file_server_path.inplace.expression
    @classmethod
    def _file_server_path(cls) -> ColumnElement[str]:
        first: ColumnElement[str] = type_coerce(cls.yaml_files, JsonColumn)[0].as_string()
        return literal("plugins/") + cls.id + "/" + first
