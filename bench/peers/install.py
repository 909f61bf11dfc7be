"""Installs the peers beside the build, never into the repository or the system, and builds our own programs.

The Python ones go into a virtual environment, the others into a `node_modules`, both below target/peers, in the exact
versions that requirements.txt and package.json name. What is there already is kept for as long as those files, the Python
and the Node stay the same. Needs python3 with pip, node and npm, cargo for our own, and the network the first time.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# What our Python client needs is among the requirements.
PYTHON_CLIENT = ROOT / "clients" / "python" / "src"


def python_peers(folder: Path) -> Path:
    """The interpreter that has the Python peers."""
    environment = folder / "venv"
    interpreter = environment / "bin" / "python"
    asked_for = f"{sys.version}\n{(HERE / 'requirements.txt').read_text()}"
    if not _is_installed(environment, asked_for):
        # `pip --python` instead of a pip inside: Debian and Ubuntu ship the venv module without the wheel that it would need.
        venv.create(environment, clear=True, with_pip=False)
        _run([sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", "-r", str(HERE / "requirements.txt")])
        _note_installed(environment, asked_for)
    # Our own client is taken as it lies in the repository, so that a change of it needs no installation.
    (site_packages,) = environment.glob("lib/python3*/site-packages")
    (site_packages / "handclasp.pth").write_text(f"{PYTHON_CLIENT}\n")
    return interpreter


def node_peers(folder: Path) -> None:
    """The npm packages, and beside them our modules that import them: Node looks for packages next to the importing file."""
    target = folder / "node"
    _require("node", "npm", hint="install Node 20 or newer with npm, or leave Restate out with `--only`")
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    asked_for = node + (HERE / "package.json").read_text()
    if not _is_installed(target, asked_for):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.copy(HERE / "package.json", target)
        # No package here needs its install script; the only one there is reports the installation to its makers.
        _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"], cwd=target)
        _note_installed(target, asked_for)
    for module in HERE.glob("*.mjs"):
        shutil.copy(module, target)


def handclasp(folder: Path) -> None:
    """Our server and our Rust client, optimised. Measured are copies, so that a build in the meantime changes nothing."""
    _require("cargo", hint="install Rust, or leave Handclasp out with `--only`")
    _run(["cargo", "build", "--release", "--quiet", "-p", "handclasp-cli", "-p", "handclasp-bench"], cwd=ROOT)
    target = folder / "handclasp"
    target.mkdir(exist_ok=True)
    for program in ("handclasp", "handclasp-bench"):
        shutil.copy(_target_folder() / "release" / program, target)
    (target / "commit.txt").write_text(_commit())


def _target_folder() -> Path:
    asked = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    return Path(json.loads(subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout)["target_directory"])


def _commit() -> str:
    """Which one is built, and whether something was changed since; nothing where there is no git to say so."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _require(*programs: str, hint: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            sys.exit(f"peers: failed to find `{program}`\n  hint: {hint}")


def _is_installed(target: Path, asked_for: str) -> bool:
    note = target / "installed.txt"
    return note.exists() and note.read_text() == asked_for


def _note_installed(target: Path, asked_for: str) -> None:
    (target / "installed.txt").write_text(asked_for)


def _run(command: list[str], cwd: Path | None = None) -> None:
    print("installing:", " ".join(Path(word).name if "/" in word else word for word in command), file=sys.stderr)
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if code := subprocess.run(command, cwd=cwd, stdout=sys.stderr, env=environment).returncode:
        sys.exit(f"peers: failed to install\n  caused by: `{command[0]}` ended with {code}; what it says stands above")
