import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rookery_auth.credential import API_KEY_PREFIX, ENROLLMENT_PREFIX, CredentialMint
from rookery_auth.master_key import MasterKey, read_master_key
from rookery_auth.model import CredentialInvalid
from rookery_kit.clock import new_id
from rookery_kit.errors import CannotStart

MINT = CredentialMint(MasterKey(bytes(range(32))))
ID = "0199a1b2-0000-7000-8000-000000000001"


@pytest.mark.capability("A4")
def test_a_credential_is_made_again_from_its_id_alone() -> None:
    assert MINT.mint(API_KEY_PREFIX, ID) == MINT.mint(API_KEY_PREFIX, ID)
    assert MINT.mint(API_KEY_PREFIX, ID) != MINT.mint(API_KEY_PREFIX, new_id())
    assert MINT.parse(API_KEY_PREFIX, MINT.mint(API_KEY_PREFIX, ID)).id == ID


def test_a_credential_of_one_kind_is_refused_as_another() -> None:
    with pytest.raises(CredentialInvalid):
        MINT.parse(API_KEY_PREFIX, MINT.mint(ENROLLMENT_PREFIX, ID))


def test_another_master_key_neither_makes_nor_knows_the_credential() -> None:
    other = CredentialMint(MasterKey(bytes(range(1, 33))))
    credential = MINT.mint(API_KEY_PREFIX, ID)
    assert not other.matches(credential, MINT.digest(credential))
    with pytest.raises(CredentialInvalid):
        other.parse(API_KEY_PREFIX, credential)


@given(st.text(max_size=200))
def test_no_text_but_a_credential_is_taken_for_one(text: str) -> None:
    with pytest.raises(CredentialInvalid):
        MINT.parse(API_KEY_PREFIX, text)


@given(st.integers(min_value=0, max_value=80), st.characters())
def test_a_credential_with_one_character_changed_is_refused(position: int, character: str) -> None:
    credential = MINT.mint(API_KEY_PREFIX, ID)
    position %= len(credential)
    changed = credential[:position] + character + credential[position + 1 :]
    if changed != credential:
        with pytest.raises(CredentialInvalid):
            MINT.parse(API_KEY_PREFIX, changed)


def _key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "master.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.capability("A3")
@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (base64.b64encode(b"\0" * 32), 0o600, "weak"),
        (base64.b64encode(os.urandom(16)), 0o600, "weak"),
        (b"changeme!", 0o600, "base64"),
        (b"\xff\xfe", 0o600, "cannot be read"),
        (base64.b64encode(os.urandom(32)), 0o644, "chmod 600"),
    ],
    ids=["all zeroes", "too short", "a password", "no text", "readable by others"],
)
def test_a_weak_or_exposed_master_key_is_refused(tmp_path: Path, content: bytes, mode: int, says: str) -> None:
    with pytest.raises(CannotStart, match=says):
        read_master_key(_key_file(tmp_path, content, mode))


@pytest.mark.capability("A3")
def test_a_missing_master_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="create it with 32 random bytes"):
        read_master_key(tmp_path / "absent")


def test_what_is_sealed_opens_only_under_the_same_key_and_context(tmp_path: Path) -> None:
    key = read_master_key(_key_file(tmp_path, base64.b64encode(os.urandom(32))))
    sealed = key.seal(b"private", b"here")
    assert key.open(sealed, b"here") == b"private"
    assert b"private" not in sealed
    with pytest.raises(CannotStart):
        key.open(sealed, b"there")
    with pytest.raises(CannotStart):
        MasterKey(os.urandom(32)).open(sealed, b"here")
