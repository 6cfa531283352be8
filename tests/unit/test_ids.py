"""Ids: what they look like, and in which order they sort."""

import re

from hive_base.ids import new_id


def test_an_id_is_its_kind_and_twenty_six_characters() -> None:
    assert re.fullmatch(r"msg_[0-9a-hjkmnp-tv-z]{26}", new_id("msg"))


def test_ids_sort_in_the_order_in_which_they_are_made() -> None:
    made = [new_id("x") for _ in range(2000)]
    assert made == sorted(set(made))
