"""Icons of blueprints: PNG images that come and go with their blueprints."""

import struct
import zlib

from sqlalchemy import select

from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.models import Blueprint, BlueprintIcon
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.storage import RowKey
from cfy_cli.manager.store.store import Store

FILE = "icon.png"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER, END = b"IHDR", b"IEND"
HEADER_SIZE = 13  # bytes
_CHUNK = struct.Struct(">I4s")
_SIZE = struct.Struct(">II")


def set_icon(store: Store, blueprint_id: str, image: bytes) -> Blueprint:
    """Replace the icon of a blueprint; an empty image removes it. Raises Invalid for what is no PNG image."""
    blueprint = store.get_own(Blueprint, blueprint_id)
    if image:
        check_png(image)
    lock_rows(store.unscoped, [blueprint], ["labels"])  # a row in scope; one change of its icon waits for another
    remove(store, blueprint)
    if image:
        icon = store.add(BlueprintIcon(blueprint_storage_id=blueprint.storage_id))
        store.add_files(icon, {FILE: image})
    return blueprint


def remove(store: Store, blueprint: Blueprint) -> None:
    """Remove the icon of a blueprint in scope, if it has one."""
    icon = _find(store, blueprint)
    if icon is not None:
        store.delete(icon)


def find_file(store: Store, blueprint_id: str) -> RowKey | None:
    """Return the row of the icon of a blueprint, whose file is FILE; None without an icon."""
    icon = _find(store, store.get(Blueprint, blueprint_id))
    return (icon.FOLDER, icon.storage_id) if icon else None


def get_file(store: Store, blueprint_id: str) -> RowKey:
    """Return the row of the icon of a blueprint, whose file is FILE. Raises NotFound."""
    found = find_file(store, blueprint_id)
    if found is None:
        raise NotFound(
            f"Blueprint `{blueprint_id}` has no icon", hint="Set one: cfy blueprints set-icon BLUEPRINT_ID -i FILE"
        )
    return found


def check_png(image: bytes) -> None:
    """Raise Invalid unless all parts of a PNG image are there and undamaged."""
    if not image.startswith(SIGNATURE):
        raise Invalid("The icon is not a PNG image", hint="Convert it to PNG.")
    position, kinds = len(SIGNATURE), list[bytes]()
    while position + _CHUNK.size <= len(image) and END not in kinds:
        length, kind = _CHUNK.unpack_from(image, position)
        end = position + _CHUNK.size + length
        if image[end : end + 4] != struct.pack(">I", zlib.crc32(image[position + 4 : end])):
            raise _damaged()
        if not kinds and not (
            kind == HEADER and length == HEADER_SIZE and all(_SIZE.unpack_from(image, position + _CHUNK.size))
        ):
            raise _damaged()
        kinds.append(kind)
        position = end + 4
    if END not in kinds or position != len(image):
        raise _damaged()


def _damaged() -> Invalid:
    return Invalid("The icon is not a PNG image: it is damaged or incomplete")


def _find(store: Store, blueprint: Blueprint) -> BlueprintIcon | None:
    of_blueprint = select(BlueprintIcon).where(BlueprintIcon.blueprint_storage_id == blueprint.storage_id)
    return store.unscoped.scalar(of_blueprint)  # of a row in scope
