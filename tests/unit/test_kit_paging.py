import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rookery_kit.postgres.paging import DEFAULT_PAGE_SIZE, InvalidPageToken, PageToken, page_size

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(st.lists(TEXT, min_size=1, max_size=3))
def test_a_token_holds_the_place_it_was_made_for(keys: list[str]) -> None:
    token = PageToken.encode("agents status=ONLINE", *keys)
    assert PageToken.decode("agents status=ONLINE", token, keys=len(keys)) == tuple(keys)


def test_the_empty_token_is_the_beginning() -> None:
    assert PageToken.decode("agents", "") is None


@pytest.mark.parametrize(
    "token",
    [
        PageToken.encode("tasks", "a"),
        PageToken.encode("agents", "a", "b"),
        "not base64 at all!",
        "AAAA",
        "é",
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"[1, 2]").decode(),
    ],
)
def test_a_token_of_another_listing_or_of_no_listing_is_refused_with_its_field(token: str) -> None:
    with pytest.raises(InvalidPageToken) as caught:
        PageToken.decode("agents", token)
    assert caught.value.reason == "INVALID_PAGE_TOKEN"
    assert [field for field, _ in caught.value.violations] == ["page_token"]


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(token: str) -> None:
    try:
        PageToken.decode("agents", token)
    except InvalidPageToken:
        return
    assert not token


def test_no_size_means_the_default() -> None:
    assert (page_size(0), page_size(7)) == (DEFAULT_PAGE_SIZE, 7)
