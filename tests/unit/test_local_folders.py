"""The lock of the data directory, folders for sockets, and access for another system user."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rookery_local.data_folder import DataFolder
from rookery_local.errors import CannotStart
from rookery_local.private_file import write_private
from rookery_local.socket_folder import SocketFolder
from rookery_local.system_user import SystemUser, let_read, let_traverse

STRANGER = SystemUser("stranger", 54321, 54321)


@pytest.mark.capability("D1")
def test_a_second_holder_of_the_data_directory_is_told_the_first_one(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "new" / "data")
    with folder.locked():
        with pytest.raises(CannotStart, match=rf"already running on .*data \(pid {os.getpid()}\)"), folder.locked():
            pass
        program = (
            "import sys, pathlib, rookery_local.data_folder as d\n"
            "with d.DataFolder(pathlib.Path(sys.argv[1])).locked(): pass"
        )
        other = subprocess.run(
            [sys.executable, "-c", program, folder.root], capture_output=True, text=True, check=False
        )
        assert f"(pid {os.getpid()})" in other.stderr
    with folder.locked():
        pass


@pytest.mark.capability("D1")
def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CannotStart, match=r"the data directory .*file cannot be used"),
        DataFolder(tmp_path / "file").locked(),
    ):
        pass


@pytest.mark.capability("D1")
def test_sockets_lie_inside_as_long_as_their_path_is_short_enough(tmp_path: Path) -> None:
    short = SocketFolder(tmp_path, "x.sock")
    assert short.create() == tmp_path / "run"
    assert stat.S_IMODE(short.path.stat().st_mode) == 0o700
    short.remove()
    assert not short.path.exists()


@pytest.mark.capability("D1")
def test_a_path_too_long_for_sockets_gives_way_to_a_short_private_one_that_stays_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    folder = SocketFolder(deep, "x.sock")
    path = folder.create()
    assert len(str(path / "x.sock")) < 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert SocketFolder(deep, "x.sock").create() == path
    folder.remove()
    assert not path.exists()


@pytest.mark.capability("D1")
def test_a_short_folder_prepared_by_someone_else_is_refused(tmp_path: Path) -> None:
    folder = SocketFolder(tmp_path / ("e" * 120), "x.sock")
    folder.path.symlink_to(tmp_path)
    try:
        with pytest.raises(CannotStart, match="in the way"):
            folder.create()
    finally:
        folder.path.unlink()


@pytest.mark.capability("D1")
def test_a_stranger_is_let_through_folders_and_may_read_none(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    inner.chmod(0o755)
    changed = let_traverse(STRANGER, inner)
    assert tmp_path / "closed" in changed
    assert inner not in changed
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o701
    assert let_traverse(STRANGER, inner) == ()


@pytest.mark.capability("D1")
def test_a_program_installed_under_a_strict_umask_is_opened_for_reading(tmp_path: Path) -> None:
    tree = tmp_path / "install"
    tree.mkdir(mode=0o700)
    program, text = tree / "program", tree / "text"
    program.touch(mode=0o700)
    text.touch(mode=0o600)
    let_read(tree)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tree, program, text)] == [0o705, 0o705, 0o604]


@pytest.mark.capability("A3")
def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_private(file, "one")
    write_private(file, "two", durable=True)
    assert file.read_text() == "two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
