"""Sites, from the command line to the database and back."""

import json

from tests.conftest import Cfy


def test_a_site_lives(cfy: Cfy) -> None:
    assert cfy("sites create tlv --location 32.07,34.78") == "Site `tlv` created\n"
    assert cfy("sites update tlv --visibility global -n jaffa") == "Site `tlv` updated\n"
    site = json.loads(cfy("sites get jaffa --json"))
    assert (site["location"], site["visibility"]) == ("32.07,34.78", "global")
    assert cfy("sites delete jaffa") == "Site `jaffa` deleted\n"
    assert "Showing 0 of 0 sites" in cfy("sites list")


def test_what_is_not_there_is_named(cfy: Cfy) -> None:
    cfy("sites get nowhere", code=3)
    assert "`nowhere`" in cfy.errors


def test_a_name_is_taken_once(cfy: Cfy) -> None:
    cfy("sites create tlv")
    cfy("sites create tlv", code=1)
    assert "tlv" in cfy.errors


def test_invalid_names_are_refused_without_a_request(cfy: Cfy) -> None:
    cfy("sites create 'a b'", code=2)
    assert "`a b` cannot be the name of a site" in cfy.errors


def test_tenants_do_not_see_each_other(cfy: Cfy) -> None:
    cfy("tenants create red")
    cfy("sites create tlv -t red")
    assert "tlv" not in cfy("sites list")
    assert "tlv" in cfy("sites list -t red")
    assert "tlv" in cfy("sites list --all-tenants")


def test_lists_are_searched_sorted_and_cut(cfy: Cfy) -> None:
    for name in ("alpha", "beta", "gamma"):
        cfy(f"sites create {name}")
    assert [site["name"] for site in json.loads(cfy("sites list --json --descending"))] == ["gamma", "beta", "alpha"]
    assert [site["name"] for site in json.loads(cfy("sites list --json --search et"))] == ["beta"]
    assert "Showing 1 of 3 sites" in cfy("sites list -s 1 -o 1")
    assert "There are more" in cfy.errors


def test_what_is_there_already_may_be_left_or_changed(cfy: Cfy) -> None:
    cfy("sites create tlv --location 1,1")
    cfy("sites create tlv --if-exists fail", code=1)
    assert cfy("sites create tlv --location 2,2 --if-exists skip") == "Site `tlv` already exists\n"
    assert json.loads(cfy("sites get tlv --json"))["location"] == "1,1"
    assert cfy("sites create tlv --location 2,2 --if-exists update") == "Site `tlv` updated\n"
    assert json.loads(cfy("sites create tlv --if-exists skip --json"))["location"] == "2,2"


def test_site_update_needs_something_to_change(cfy: Cfy) -> None:
    cfy("sites create tlv -l private")
    cfy("sites update tlv", code=2)
    assert "Give --location, --new-name or --visibility" in cfy.errors
    cfy("sites update tlv -l private", code=2)
    assert cfy("sites update tlv -l tenant") == "Site `tlv` updated\n"
