"""The configuration file: defaults of the output, aliases, places of errors, and precedence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import responses

from cfy_cli.config.config_file import config_path

from .conftest import Run, page
from .test_completion import complete

SITES = "http://manager/api/v3.1/sites"
SITE = {"name": "tlv", "location": "1,2", "visibility": "tenant", "created_by": "admin"}
Write = Callable[[str], Path]


@pytest.fixture
def write_config(workdir: Path) -> Write:
    """Write the configuration file and return its path."""

    def write(text: str) -> Path:
        workdir.mkdir(exist_ok=True)
        file = workdir / "config.toml"
        file.write_text(text)
        return file

    return write


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.config/cfy/config.toml"),
        ({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/etc/ann"}, "/etc/ann/cfy/config.toml"),
        ({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/etc/ann", "CFY_WORKDIR": "/srv/cfy"}, "/srv/cfy/config.toml"),
        ({"HOME": "/home/ann", "XDG_CONFIG_HOME": "relative"}, ""),
    ],
)
def test_path_depends_on_environment(environ: dict[str, str], path: str) -> None:
    assert config_path(environ) == path


def test_default_columns_apply_to_plain_lists_only(run: Run, wire: responses.RequestsMock, write_config: Write) -> None:
    write_config('[columns]\nsites = ["name", "location"]\n')
    wire.get(SITES, json=page(SITE))
    wire.get(f"{SITES}/tlv", json=SITE)
    assert "| name | location |" in run("sites list").out
    assert wire.calls[0].request.params["_include"].startswith("name,location")  # type: ignore[attr-defined]
    assert "| name | created_by |" in run("sites list --columns name,created_by").out
    assert "created_by" in run("sites list -x").out
    assert "created_by" in run("sites get tlv").out
    assert "created_by" in run("sites list --format csv").out
    assert run("sites list --json").data[0]["created_by"] == "admin"


def test_options_and_environment_override_the_file(run: Run, wire: responses.RequestsMock, write_config: Write) -> None:
    write_config('format = "json"\ncolor = "always"\n')
    wire.get("http://manager/api/v3.1/deployments", json=page({"id": "web", "deployment_status": "good"}))
    assert run("deployments list").data[0]["id"] == "web"
    assert "Deployments:" in run("deployments list --format plain").out
    assert "\x1b[32m" in run("deployments list --format plain").out
    assert "\x1b[32m" not in run("deployments list --format plain", NO_COLOR="1").out
    assert "\x1b[32m" not in run("deployments list --format plain --color never").out
    assert json.loads(run("deployments nosuch", code=2).err)["error"]["code"] == "usage_error"


def test_alias_stands_for_a_command_with_options(run: Run, wire: responses.RequestsMock, write_config: Write) -> None:
    write_config('[aliases]\nll = "sites list --columns name,location"\nshow = "cfy sites get"\n')
    wire.get(SITES, json=page(SITE))
    wire.get(f"{SITES}/tlv", json=SITE)
    assert "| name | location |" in run("ll").out
    assert run("--json ll --limit 1").data == [{"name": "tlv", "location": "1,2"}]
    assert run("show tlv --json").data == SITE
    assert "Usage: cfy sites list" in run("ll --help").out
    assert "Aliases:\n  ll    sites list --columns name,location\n  show  sites get\n" in run("--help").out
    assert "There is no command `lll`" in run("lll", code=2).err


def test_alias_and_its_arguments_complete(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[aliases]\nwide = "sites list --color always"\n')
    assert complete(tmp_path, "cfy", "wid") == ["wide"]
    assert complete(tmp_path, "cfy wide", "--pagination-o") == ["--pagination-offset"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("\ncolour = 'auto'", 2, "`colour` is unknown"),
        ("format = 'xml'", 1, "`format` must be one of plain, json"),
        ("\n\ncolor = true", 3, "`color` must be one of always, never, auto"),
        ("columns = ['id']", 1, "`columns` must be a table"),
        ("[columns]\n\nsite = ['id']", 3, "`columns.site` is no list"),
        ("[columns]\nworkflows = ['name']", 2, "`columns.workflows` is no list"),
        ("[columns]\nsites = 'id,name'", 2, "`columns.sites` must be a list of fields"),
        ("[columns]\nsites = []", 2, "`columns.sites` must be a list of fields"),
        ("[aliases]\na = 'sites list'\nsites = 'x'", 3, "`aliases.sites` is the name of a command"),
        ("[aliases]\nsnapshots = 'sites list'", 2, "`aliases.snapshots` is the name of a command"),
        ("[aliases]\nx = 'nosuch list'", 2, "`aliases.x` begins with `nosuch`, which is no command"),
        ('[aliases]\nx = "sites \'list"', 2, "`aliases.x` has a quote that is not closed"),
        ("[aliases]\nx = ['sites']", 2, "`aliases.x` must be a command"),
        ("[aliases]\n'x y' = 'sites'", 2, "`aliases.x y` cannot be typed as a command"),
    ],
)
def test_invalid_file_is_refused_with_line_and_key(
    run: Run, write_config: Write, text: str, line: int, message: str
) -> None:
    file = write_config(text)
    error = run("sites list", code=1).err
    assert error.startswith(f"Error: {file}, line {line}: {message}")
    assert "\nHint: " in error
    assert "Commands:" in run("--help").out


def test_file_that_is_not_toml_is_refused_with_position(run: Run, write_config: Write) -> None:
    file = write_config("format = json\n")
    assert run("sites list", code=1).err.startswith(f"Error: {file} is not TOML: ")
    assert "line 1" in run("sites list", code=1).err
    file.write_bytes(b"\xff\xfe")
    assert "it is not UTF-8" in run("sites list", code=1).err
    assert "configuration" in run("doctor", code=1).out


def test_unknown_field_in_default_columns_names_the_file(
    run: Run, wire: responses.RequestsMock, write_config: Write
) -> None:
    write_config('[columns]\nsites = ["name", "nosuch"]\n')
    wire.get(SITES, json=page(SITE))
    error = run("sites list", code=2).err
    assert "There is no column `nosuch`, which the configuration file names\nHint: Columns: " in error


def test_settings_show_file_and_sources(run: Run, write_config: Write) -> None:
    file = write_config('color = "never"\n[columns]\nsites = ["name"]\n[aliases]\nll = "sites list"\n')
    rows = {row["setting"]: row for row in run("profiles show-current --effective --json").data}
    assert rows["configuration file"] == {"setting": "configuration file", "value": str(file), "source": "used"}
    assert rows["format"]["source"] == "option"
    assert rows["color"] == {"setting": "color", "value": "never", "source": "configuration file"}
    assert rows["columns of sites"]["value"] == "name"
    assert rows["alias ll"]["value"] == "sites list"
