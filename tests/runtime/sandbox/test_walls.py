"""The walls, tried for real: every attack, on every tier that this machine has, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.author import REPOSITORY
from tests.runtime.sandbox.attacks import ATTACKS, PRELUDE
from workbench.runtime.sandbox.warden import landlock

WORD = "canary-4f1d9a52c7"
ABSTRACT = f"{WORD}-{os.getpid()}"
ORDINARY_USER = 12_345
SYSTEM_PYTHON = "/usr/bin/python3"
# These harm nothing, so they are tried without walls too: an attack that could not succeed would prove nothing.
HARMLESS = (
    "read a secret from its own environment",
    "read a secret from any process",
    "read a file of the home folder",
    "read it by a link in its own folder",
    "write to the home folder",
    "reach a port of this machine",
    "reach it over IPv6",
    "send a datagram",
    "reach a unix socket",
    "reach an abstract socket",
    "hold memory where nobody looks",
)


def _tiers() -> list[str]:
    tiers = ["A"] if os.path.exists("/usr/bin/bwrap") else []
    return [*tiers, "B"] if landlock.abi() else tiers


def _users() -> list[str]:
    return ["root", "ordinary"] if os.getuid() == 0 else ["ordinary"]


@dataclass(frozen=True)
class Battlefield:
    """A workspace with an attacker's skill, and everything that it must not get at."""

    folder: Path
    home: Path
    port: int
    victim: int

    @property
    def told(self) -> tuple[str, ...]:
        return WORD, str(self.home), str(self.port), str(self.victim), ABSTRACT

    def attack(self, name: str, tier: str, user: str) -> tuple[str, dict[str, object]]:
        """Run one attack; returns what it got out, and the whole outcome."""
        skill = self.folder / "skills" / "attack"
        skill.mkdir(parents=True, exist_ok=True)
        arguments = ["-c", PRELUDE, *self.told, ATTACKS[name]]
        manifest = {"name": "attack", "version": "1.0.0", "description": "x", "type": "code_inline"}
        (skill / "skill.json").write_text(json.dumps({**manifest, "command": "python3", "args": arguments}))
        command = [sys.executable, "-B", "-m", "workbench", "run", "attack", "--json"]
        if user == "ordinary" and os.getuid() == 0:
            subprocess.run(["chown", "-R", str(ORDINARY_USER), str(self.folder)], check=True)
            drop = f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}", "--clear-groups"
            command = ["setpriv", *drop, SYSTEM_PYTHON, *command[1:]]
        packages = [path for path in sys.path if path.endswith("site-packages")]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *packages]),
                "SECRET": WORD,
                "WORKBENCH_SECURITY_STRONGEST_TIER": tier,
            },
            capture_output=True,
            timeout=25,
            check=False,
        )
        assert done.stdout, done.stderr.decode()
        outcome: dict[str, object] = json.loads(done.stdout)
        return str(outcome.get("output") or ""), outcome


@pytest.fixture
def battlefield() -> Iterator[Battlefield]:
    """In a folder that an ordinary user can reach: pytest's own is closed to everybody else."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="workbench-walls-", dir="/var/tmp")))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    (home / "secret").write_text(f"OUT {WORD}")
    with ExitStack() as stack:
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        number = port.getsockname()[1]
        stack.enter_context(socket.create_server(("::1", number), family=socket.AF_INET6))
        unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        for listener, address in ((unix, str(home / "socket")), (abstract, f"\0{ABSTRACT}")):
            stack.enter_context(listener)
            listener.bind(address)
            listener.listen()
        victim = subprocess.Popen(["sleep", "60"])
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for path in (home, home / "secret"):
            os.chmod(path, 0o777 if path is home else 0o666)
        yield Battlefield(folder, home, number, victim.pid)


needs_system_python = pytest.mark.skipif(
    os.getuid() == 0 and not os.path.exists(SYSTEM_PYTHON), reason="no interpreter that an ordinary user can start"
)


@pytest.mark.slow
@pytest.mark.timeout(240)
@needs_system_python
@pytest.mark.parametrize("user", _users())
@pytest.mark.parametrize("tier", _tiers())
def test_no_attack_gets_anything_out(battlefield: Battlefield, tier: str, user: str) -> None:
    if user == "ordinary" and os.getuid() == 0:
        version = subprocess.run([SYSTEM_PYTHON, "-V"], capture_output=True, text=True, check=True).stdout
        if not version.startswith(f"Python 3.{sys.version_info.minor}."):
            pytest.skip(f"{SYSTEM_PYTHON} is {version.strip()}, our packages are for 3.{sys.version_info.minor}")
    breaches = {}
    for name in ATTACKS:
        got, outcome = battlefield.attack(name, tier, user)
        assert outcome["sandbox"]["tier"] == tier, outcome  # type: ignore[index]
        if "OUT" in got:
            breaches[name] = got
    assert not breaches
    assert (battlefield.home / "secret").read_text() == f"OUT {WORD}"
    assert not (battlefield.home / "written").exists()


def test_without_walls_the_attacks_would_work(battlefield: Battlefield) -> None:
    """Attacks that cannot succeed prove nothing: outside the sandbox the harmless ones get through."""
    through = set()
    environ = {"SECRET": WORD, "WORKBENCH_OUT": str(battlefield.folder)}
    for name in HARMLESS:
        command = [sys.executable, "-c", PRELUDE, *battlefield.told, ATTACKS[name]]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
        if "OUT" in done.stdout:
            through.add(name)
    assert through == set(HARMLESS)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists(SYSTEM_PYTHON), reason="no interpreter that can be copied")
@pytest.mark.parametrize("tier", _tiers())
def test_an_interpreter_below_a_closed_home_starts(battlefield: Battlefield, tier: str) -> None:
    """As the version managers install them: ours to enter, and nobody else's."""
    real = os.path.realpath(SYSTEM_PYTHON)
    version = os.path.basename(real)
    library = Path(real).parent.parent / "lib" / version
    if version != f"python3.{sys.version_info.minor}" or not library.is_dir():
        pytest.skip(f"{real} is not the version that our packages are for")
    python = battlefield.home / "python"
    (python / "bin").mkdir(parents=True)
    shutil.copy(real, python / "bin")
    ignored = shutil.ignore_patterns("test", "__pycache__", "site-packages", "dist-packages")
    shutil.copytree(library, python / "lib" / version, symlinks=True, ignore=ignored)
    (battlefield.folder / "skills" / "up").mkdir(parents=True)
    (battlefield.folder / "skills" / "up" / "skill.py").write_text(
        "import sys\nfrom workbench.sdk import skill\n\n\n@skill(name='up', version='1.0.0')\n"
        "def up():\n    return sys.executable\n"
    )
    battlefield.home.chmod(0o700)
    command = [str(python / "bin" / version), "-B", "-m", "workbench", "run", "up", "--json"]
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", str(ORDINARY_USER), str(battlefield.folder)], check=True)
        drop = f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}", "--clear-groups"
        command = ["setpriv", *drop, *command]
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(battlefield.home),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *packages]),
        "WORKBENCH_SECURITY_STRONGEST_TIER": tier,
    }
    done = subprocess.run(command, cwd=battlefield.folder, env=environ, capture_output=True, timeout=25, check=False)

    outcome = json.loads(done.stdout)
    assert outcome["output"] == str(python / "bin" / version), done.stderr.decode()
    assert outcome["sandbox"]["tier"] == tier
