"""Python types of the fields that the API shows of a row."""

import inspect
from typing import get_args, get_origin, get_type_hints

from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped

from cfy_cli.manager.store.models import Base

# The recursive alias Json refers to itself by name, which the modules of models need not know.
ANY_JSON = {"Json": object}


def field_types(model: type[Base]) -> dict[str, object]:
    """Return the types of the wire fields that are columns, properties or constants of the model.

    The type of labels and of fields that are computed elsewhere is not known here: they are left out.
    """
    hints = get_type_hints(model, localns=ANY_JSON)
    types = {name: _type_of(model, name, hints) for name in model.WIRE_FIELDS if hasattr(model, name)}
    return {name: kind for name, kind in types.items() if name != "labels"}


def _type_of(model: type[Base], name: str, hints: dict[str, object]) -> object:
    if name in hints:
        hint = hints[name]
        return get_args(hint)[0] if get_origin(hint) is Mapped else hint
    attribute = inspect.getattr_static(model, name)
    if isinstance(attribute, property | hybrid_property):
        return get_type_hints(attribute.fget, localns=ANY_JSON).get("return", object)
    if attribute is None:
        return None
    synonym = getattr(getattr(attribute, "original_property", None), "name", None) or getattr(attribute, "name", None)
    return _type_of(model, synonym, hints) if isinstance(synonym, str) and synonym in hints else object
