"""Icons of blueprints: what is one, and that file and row come and go together."""

from pathlib import Path

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload
from tests.manager.every_operation import PNG


def icon_folders(app: AppContext) -> list[Path]:
    return sorted((app.files.folder / "icons").glob("*/icon.png"))


def test_icon_is_replaced_removed_and_deleted(app: AppContext, ask: Ask, upload: Upload):
    assert ask("PATCH", "/blueprints/app/icon", data=PNG).status_code == 404
    upload("app")
    assert ask("GET", "/blueprints/app/icon").status_code == 404
    assert ask("PATCH", "/blueprints/app/icon").json()["id"] == "app"  # there is none to remove
    for _ in range(2):
        assert ask("PATCH", "/blueprints/app/icon", data=PNG).json()["id"] == "app"
        assert ask("GET", "/blueprints/app/icon").content == PNG
        assert len(icon_folders(app)) == 1
    ask("PATCH", "/blueprints/app/icon")
    assert (icon_folders(app), ask("GET", "/blueprints/app/icon").status_code) == ([], 404)
    ask("PATCH", "/blueprints/app/icon", data=PNG)
    assert ask("DELETE", "/blueprints/app").status_code == 204
    assert icon_folders(app) == []


@pytest.mark.sqlite
@pytest.mark.parametrize("limits", [Limits(icon=1000)])
def test_what_is_no_icon_is_refused_and_keeps_the_old_one(app: AppContext, ask: Ask, upload: Upload):
    upload("app")
    ask("PATCH", "/blueprints/app/icon", data=PNG)
    without_size = PNG[:16] + bytes(8) + PNG[24:]
    for image in (b"GIF89a", PNG[:-4], PNG[:20], PNG + b"more", PNG[:8], without_size, PNG.replace(b"IDAT", b"IDAX")):
        refused = ask("PATCH", "/blueprints/app/icon", data=image)
        assert refused.status_code == 400
        assert "is not a PNG image" in refused.json()["message"]
    too_large = ask("PATCH", "/blueprints/app/icon", data=PNG + bytes(1000))
    assert too_large.status_code == 413
    assert "--limit icon=" in too_large.json()["hint"]
    assert ask("GET", "/blueprints/app/icon").content == PNG
    assert len(icon_folders(app)) == 1


@pytest.mark.sqlite
def test_set_icon_command_sets_and_removes(cfy: Cfy, upload: Upload, tmp_path: Path):
    upload("app")
    image = tmp_path / "web.png"
    image.write_bytes(PNG)
    assert cfy(f"blueprints set-icon app -i {image}") == "Blueprint `app` has a new icon set.\n"
    assert cfy("blueprints set-icon app") == "Blueprint `app` has its icon removed.\n"
    cfy(f"blueprints set-icon app -i {tmp_path}/none.png", code=1)
    assert "Cannot read" in cfy.errors
    assert "Hint: Give a PNG image that you can read: -i FILE" in cfy.errors
    cfy(f"blueprints set-icon nosuch -i {image}", code=3)
