"""Paths into nested values."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.context import paths

keys = st.text(st.characters(blacklist_characters=".[]", blacklist_categories=["Cs"]), min_size=1, max_size=5)


@given(way=st.lists(keys, min_size=1, max_size=4), value=st.integers())
def test_written_value_is_read_back(way, value):
    place = {}
    paths.write(place, ".".join(way), value)
    assert paths.read(place, ".".join(way)) == value


def test_list_item_is_read_and_replaced():
    place = {"a": [1, {"b": [2, 3]}]}
    assert paths.read(place, "a[1].b[0]") == 2
    paths.write(place, "a[1].b[0]", 9)
    assert place == {"a": [1, {"b": [9, 3]}]}


@pytest.mark.parametrize("path", ["a[5]", "a.b", "a[0].x", "t.u", "", "a..b", "[0]", "a[x]", "a]"])
def test_invalid_path_is_refused_without_change(path):
    place = {"a": [1], "t": "text"}
    before = copy.deepcopy(place)
    with pytest.raises(Invalid):
        paths.read(place, path)
    with pytest.raises(Invalid):
        paths.write(place, path, 1)
    assert place == before
