"""Snapshots: a restored manager is the same manager."""

import json
import zipfile
from pathlib import Path

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask, Cfy
from tests.manager.conftest import Upload, wait_for_end


@pytest.mark.usefixtures("worker")
def test_first(cfy: Cfy, ask: Ask, app: AppContext, upload: Upload, tmp_path: Path):
    upload("app")
    cfy("deployments create d -b app")
    cfy("secrets create k -s value")
    print(cfy("snapshots create first -w"))
    print(cfy("snapshots list"))
    cfy(f"snapshots download first -o {tmp_path}/s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as z:
        for i in z.infolist():
            print(i.filename, i.file_size)
        print(z.read("metadata.json")[:300])
    print(cfy(f"snapshots upload {tmp_path}/s.zip -s second"))
    cfy("secrets delete k")
    e = json.loads(cfy("snapshots restore second --json"))
    end = wait_for_end(ask, e["id"])
    assert "--force" in end["error"]
    e = json.loads(cfy("snapshots restore second -f --json"))
    end = wait_for_end(ask, e["id"])
    print(end)
    assert end["status"] == "terminated"
    print(
        cfy("secrets get k"),
        cfy("blueprints list"),
        cfy("deployments list"),
        cfy("snapshots list"),
        cfy(f"events list {e['id']}"),
    )
    print(sorted(str(p.relative_to(app.files.folder)) for p in app.files.folder.rglob("*")))
    cfy("executions start install -d d")
    cfy("snapshots status")
