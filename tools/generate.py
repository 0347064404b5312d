"""Generates `gen/` from `proto/`, so that the committed code can be compared with what the contract says.

Usage: python tools/generate.py [--output DIR]

Third-party protos are assembled under `.cache/third_party_protos` from installed packages, and from the
hash-locked source distribution named in `requirements/protos.txt`.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.resources import files
from pathlib import Path

import google.rpc
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
THIRD_PARTY = ROOT / ".cache" / "third_party_protos"
VALIDATE_PROTO = Path("buf/validate/validate.proto")
GOOGLE_RPC_PROTOS = ("status.proto", "error_details.proto", "code.proto")


def assemble_third_party() -> None:
    """Puts the third-party protos that ours import where buf and protoc look for them."""
    rpc = THIRD_PARTY / "google" / "rpc"
    rpc.mkdir(parents=True, exist_ok=True)
    installed = Path(next(iter(google.rpc.__path__)))
    for name in GOOGLE_RPC_PROTOS:
        shutil.copyfile(installed / name, rpc / name)
    target = THIRD_PARTY / VALIDATE_PROTO
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_validate_proto_from_sdist())


def _validate_proto_from_sdist() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
        command += ["--no-binary", ":all:", "--require-hashes", "--dest", folder]
        command += ["--requirement", str(ROOT / "requirements" / "protos.txt")]
        subprocess.run(command, check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            for member in archive:
                if member.name.endswith(f"/upstream/proto/{VALIDATE_PROTO}"):
                    content = archive.extractfile(member)
                    assert content is not None
                    return content.read()
    raise SystemExit(f"the locked source distribution holds no {VALIDATE_PROTO}")


def generate(output: Path) -> None:
    """Writes messages, stubs and types for every proto of ours, and messages alone for buf/validate."""
    ours = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    services = [name for name in ours if name.endswith("_service.proto")]
    includes = [f"-I{PROTO}", f"-I{THIRD_PARTY}", f"-I{files('grpc_tools') / '_proto'}"]
    messages = [f"--python_out={output}", f"--pyi_out={output}"]
    plugin = Path(sys.executable).with_name("protoc-gen-mypy_grpc")
    stubs = [f"--grpc_python_out={output}", f"--mypy_grpc_out=quiet:{output}", f"--plugin={plugin}"]
    for arguments in ([*messages, *ours, str(VALIDATE_PROTO)], [*stubs, *services]):
        if protoc.main(["protoc", *includes, *arguments]) != 0:
            raise SystemExit("protoc failed; its message is above")
    for folder in sorted({path.parent for path in output.rglob("*.py")}):
        for package in (folder, *folder.parents):
            if package == output:
                break
            (package / "__init__.py").touch()
    for top in output.iterdir():
        (top / "py.typed").touch()


def replace(output: Path, generated: Path) -> None:
    """Makes `output` the same as `generated`, file by file, so that nobody who imports meanwhile meets a gap."""
    wanted = {path.relative_to(generated) for path in generated.rglob("*") if path.is_file()}
    for name in sorted(wanted):
        target = output / name
        if not target.exists() or target.read_bytes() != (generated / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            (generated / name).replace(target)
    for path in sorted(output.rglob("*"), reverse=True):
        if "__pycache__" in path.parts:
            continue
        if path.is_file() and path.relative_to(output) not in wanted:
            path.unlink()
        elif path.is_dir() and not any(child.is_file() for child in path.rglob("*.py")):
            shutil.rmtree(path)


def main() -> None:
    """Parses the command line and generates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "gen")
    arguments = parser.parse_args()
    assemble_third_party()
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
        generate(Path(folder))
        replace(arguments.output, Path(folder))


if __name__ == "__main__":
    main()
