"""Inputs of an operation or parameters of a workflow, as items and as attributes."""

from collections.abc import Callable, Iterator, Mapping

from .messages import Json, JsonObject


class CtxParameters(dict[str, Json]):
    """Values that are attributes too."""

    def __init__(self, parameters: Mapping[str, Json] | None = None) -> None:
        super().__init__(parameters or {})

    def __getattr__(self, name: str) -> Json:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


class Parameters(Mapping[str, Json]):
    """Reads the values on every access, because there are none before an operation runs."""

    def __init__(self, read: Callable[[], Mapping[str, Json]]) -> None:
        self._read = read

    def __getitem__(self, name: str) -> Json:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __getattr__(self, name: str) -> Json:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return repr(dict(self))

    def copy(self) -> JsonObject:
        return dict(self)
