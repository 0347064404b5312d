"""The secrets of one suite."""

import base64
import json
import stat
from pathlib import Path

import pytest
from rookery_local.data_folder import DataFolder
from rookery_local.errors import CannotStart
from rookery_local.keyring import Keyring


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.mark.capability("A3")
def test_secrets_are_made_once_and_kept(folder: DataFolder) -> None:
    first = Keyring.open(folder)
    key = folder.master_key.read_text()
    again = Keyring.open(folder)
    assert again == first
    assert folder.master_key.read_text() == key
    assert len(base64.b64decode(key)) == 32


@pytest.mark.capability("A3")
def test_every_role_and_user_has_a_password_of_its_own(folder: DataFolder) -> None:
    keyring = Keyring.open(folder)
    passwords = [*keyring.postgres_roles.values(), *keyring.nats_users.values()]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 48
    assert set(keyring.postgres_roles) == {"auth", "registry", "orchestrator", "tool_executor"}
    assert json.loads(keyring.postgres_roles_file.read_text()) == keyring.postgres_roles


@pytest.mark.capability("A3")
def test_only_the_owner_may_read_the_secrets(folder: DataFolder) -> None:
    Keyring.open(folder)
    files = [folder.master_key, *folder.secrets.iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.capability("A3")
def test_a_name_added_by_a_later_version_gets_its_password_and_the_others_keep_theirs(folder: DataFolder) -> None:
    keyring = Keyring.open(folder)
    older = {name: password for name, password in keyring.postgres_roles.items() if name != "registry"}
    keyring.postgres_roles_file.write_text(json.dumps(older))
    newer = Keyring.open(folder).postgres_roles
    assert "registry" in newer
    assert {name: newer[name] for name in older} == older


@pytest.mark.capability("A3")
@pytest.mark.parametrize("content", ["not json", "[]", '{"auth": 1}'])
def test_a_damaged_file_of_passwords_is_refused_and_not_replaced(folder: DataFolder, content: str) -> None:
    file = Keyring.open(folder).postgres_roles_file
    file.write_text(content)
    with pytest.raises(CannotStart, match=r"postgres-roles\.json is damaged"):
        Keyring.open(folder)
    assert file.read_text() == content


@pytest.mark.capability("A3")
@pytest.mark.parametrize("content", ["", "dG9vIHNob3J0", "&&&", "é" * 44])
def test_a_master_key_that_is_none_is_refused_and_not_replaced(folder: DataFolder, content: str) -> None:
    Keyring.open(folder)
    folder.master_key.write_text(content, encoding="utf-8")
    with pytest.raises(CannotStart, match=r"master\.key is damaged"):
        Keyring.open(folder)
    assert folder.master_key.read_text(encoding="utf-8") == content
