"""Dependencies between deployments, as requests of the REST API describe them."""

DEPENDENCY_CREATOR = "dependency_creator"
SOURCE_DEPLOYMENT = "source_deployment"
TARGET_DEPLOYMENT = "target_deployment"
TARGET_DEPLOYMENT_FUNC = "target_deployment_func"
EXTERNAL_SOURCE = "external_source"
EXTERNAL_TARGET = "external_target"
VALID_ATTRIBUTES = {
    "id",
    "visibility",
    "created_at",
    "created_by",
    DEPENDENCY_CREATOR,
    SOURCE_DEPLOYMENT,
    TARGET_DEPLOYMENT,
    TARGET_DEPLOYMENT_FUNC,
    EXTERNAL_SOURCE,
    EXTERNAL_TARGET,
}


def build_deployment_dependency(dependency_creator: str, **kwargs: object) -> dict[str, object]:
    """Return the fields that are set. Raises RuntimeError for unknown ones."""
    unknown = sorted(kwargs.keys() - VALID_ATTRIBUTES)
    if unknown:
        raise RuntimeError(f"A dependency between deployments has no {', '.join(unknown)}.")
    return {DEPENDENCY_CREATOR: dependency_creator} | {
        name: value for name, value in kwargs.items() if value is not None
    }


def format_dependency_creator(connection_type: str, to_deployment: str) -> str:
    return f"{connection_type}.{to_deployment}"
