"""The walls, tried for real: every attack, on every tier that this machine has, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.author import REPOSITORY
from tests.runtime.sandbox.attacks.catalogue import EVERY, LIVES_ON
from tests.runtime.sandbox.tiers import BY_TIER, REACHABLE
from tests.servers import answering
from workbench.runtime.sandbox.warden import landlock

ORDINARY_USER = 12_345
SYSTEM_PYTHON = "/usr/bin/python3"


def _users() -> list[str]:
    return ["root", "ordinary"] if os.getuid() == 0 else ["ordinary"]


EVERYWHERE = pytest.mark.parametrize(
    ("tier", "user"),
    [(tier, user) for tier in REACHABLE for user in _users() if tier != "A+" or (user == "root") is (os.getuid() == 0)],
)
"""A control group is of who runs the tests: where that is root, an ordinary user gets none."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that an ordinary user can reach: pytest's own is closed to everybody else."""
    made = Path(os.path.realpath(tempfile.mkdtemp(prefix="workbench-walls-", dir="/var/tmp")))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def as_user(
    user: str, folder: Path, *command: str, python: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """A program in our Python, or in that one, as one of the users, who gets the folder; skips where nobody can."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    before = [python or sys.executable]
    if user == "ordinary" and os.getuid() == 0:
        before = ["setpriv", f"--reuid={ORDINARY_USER}", f"--regid={ORDINARY_USER}", "--clear-groups"]
        before += [python or _system_python()]
        subprocess.run(["chown", "-R", str(ORDINARY_USER), str(folder)], check=True)
    return subprocess.run(
        [*before, "-B", *command],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *packages]),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def _system_python() -> str:
    if not os.path.exists(SYSTEM_PYTHON):
        pytest.skip("no interpreter that an ordinary user can start")
    version = subprocess.run([SYSTEM_PYTHON, "-V"], capture_output=True, text=True, check=True).stdout
    if not version.startswith(f"Python 3.{sys.version_info.minor}."):
        pytest.skip(f"{SYSTEM_PYTHON} is {version.strip()}, our packages are for 3.{sys.version_info.minor}")
    return SYSTEM_PYTHON


def attacked(user: str, folder: Path, tier: str) -> list[dict[str, Any]]:
    done = as_user(user, folder, "-m", "tests.runtime.sandbox.attacks.attack", str(folder), tier)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(120)
@EVERYWHERE
def test_no_attack_gets_anything_out(folder: Path, tier: str, user: str) -> None:
    said = attacked(user, folder, tier)
    tried = {each["attack"]: each for each in said if "attack" in each}
    assert list(tried) == [attack.name for attack in EVERY]
    assert {each["tier"] for each in tried.values()} == {tier}
    beyond = {attack.name for attack in EVERY if attack.beyond and _is_beyond(attack.beyond, tier)}
    assert {name: each["harm"] for name, each in tried.items() if each["harm"] and name not in beyond} == {}
    assert {name: each["left"] for name, each in tried.items() if each["left"]} == {}
    assert all(each["goes_on"] for each in said if "goes_on" in each)


def _is_beyond(words: str, tier: str) -> bool:
    return words == tier or (words == "B before ABI 6" and tier == "B" and landlock.abi() < 6)


@pytest.mark.exhaustive
@pytest.mark.timeout(120)
def test_without_walls_the_attacks_would_work(folder: Path) -> None:
    """An attack that could not succeed would prove nothing: outside the sandbox the harmless ones get through."""
    said = attacked("ordinary", folder, "none")
    through = {each["attack"] for each in said if each["harm"] or each["left"]}
    harmless = {attack.name for attack in EVERY if attack.is_harmless and attack.seconds > 2}
    harmless -= NOT_HERE
    assert harmless - through == set()
    assert {each["attack"] for each in said if each["left"]} <= {attack.name for attack in LIVES_ON}


NOT_HERE = {
    *("a port over IPv6", "the host of a virtual machine", "io_uring", "userfaultfd, bpf and perf"),
    *("the keys of the kernel", "a user namespace", "another process's descriptors by pidfd_getfd"),
}
"""What some machines do not have, or do not let an ordinary user do, even without us."""


@pytest.mark.slow
@pytest.mark.timeout(60)
@EVERYWHERE
def test_the_doctor_proves_every_promise_to_everybody(folder: Path, tier: str, user: str) -> None:
    (folder / "home").mkdir()
    (folder / "skills").mkdir()
    done = as_user(user, folder, "-m", "workbench", "doctor", "--json", WORKBENCH_SECURITY_STRONGEST_TIER=tier)
    assert done.returncode == 0, done.stderr
    sandbox = json.loads(done.stdout)["sandbox"]
    assert sandbox["tier"] == tier
    assert [each["name"] for each in sandbox["promises"] if not each["proof"]["holds"]] == []
    left = [path.name for path in folder.rglob("*") if path.name.startswith("workbench-bait-")]
    assert left == []


@pytest.mark.skipif("A" not in REACHABLE or os.getuid() != 0, reason="root's groups, without being root")
def test_who_can_make_no_control_group_gets_the_next_tier_and_is_told_why(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "skills").mkdir()
    done = as_user("ordinary", folder, "-m", "workbench", "doctor", "--json")
    assert done.returncode == 0, done.stderr
    sandbox = json.loads(done.stdout)["sandbox"]
    assert [(probe["tier"], probe["holds"]) for probe in sandbox["probes"]] == [("A+", False), ("A", True)]
    assert "no control group" in sandbox["probes"][0]["why_not"]
    assert any("systemd-run" in words for words in sandbox["advice"])


ASKS = """
import json, socket, sys, urllib.request
port, closed = int(sys.argv[1]), int(sys.argv[2])
print('answer', urllib.request.urlopen(f'http://127.0.0.1:{port}/').read().decode())
names = '127.0.0.1 localhost [::1] [::ffff:127.0.0.1] 127.1 0 0.0.0.0 2130706433 0x7f000001 127.0.0.1.'
for name in names.split():
    for to in (port, closed):
        with socket.create_connection(('127.0.0.1', 3128), 2) as s:
            s.sendall(f'CONNECT {name}:{to} HTTP/1.1\\r\\n\\r\\n'.encode())
            print(name, to == port, s.recv(1000).split()[1].decode())
for family, address in ((2, ('127.0.0.1', closed)), (2, ('127.0.0.1', port)), (10, ('::1', closed))):
    with socket.socket(family) as s:
        print('direct', s.connect_ex(address))
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.skipif("A" not in REACHABLE, reason="bubblewrap is not here")
@pytest.mark.parametrize("user", _users())
def test_who_may_talk_to_one_host_gets_at_no_other(folder: Path, user: str) -> None:
    with answering() as port, answering() as closed:
        skill = folder / "skills" / "asks"
        skill.mkdir(parents=True)
        (folder / "home").mkdir()
        manifest: dict[str, object] = {"name": "asks", "version": "1.0.0", "description": "x", "type": "code_inline"}
        manifest |= {"command": "python3", "args": ["-c", ASKS, str(port), str(closed)]}
        manifest |= {"security": {"permissions": {"network_access": [f"127.0.0.1:{port}"]}}}
        (skill / "skill.json").write_text(json.dumps(manifest))
        done = as_user(user, folder, "-m", "workbench", "run", "asks", WORKBENCH_SECURITY_STRONGEST_TIER="A")
    answer, *lines = done.stdout.splitlines()
    assert answer == "answer hello", done.stderr
    through = {line for line in lines if line.endswith((" 200", "direct 0"))}
    assert through == {"127.0.0.1 True 200", "[::ffff:127.0.0.1] True 200", "127.0.0.1. True 200"}
    assert len(lines) == 23


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists(SYSTEM_PYTHON), reason="no interpreter that can be copied")
@BY_TIER
def test_an_interpreter_below_a_closed_home_starts(folder: Path, tier: str) -> None:
    """As the version managers install them: ours to enter, and nobody else's."""
    real = os.path.realpath(SYSTEM_PYTHON)
    version = os.path.basename(real)
    library = Path(real).parent.parent / "lib" / version
    if version != f"python3.{sys.version_info.minor}" or not library.is_dir():
        pytest.skip(f"{real} is not the version that our packages are for")
    python = folder / "home" / "python"
    (python / "bin").mkdir(parents=True)
    shutil.copy(real, python / "bin")
    ignored = shutil.ignore_patterns("test", "__pycache__", "site-packages", "dist-packages")
    shutil.copytree(library, python / "lib" / version, symlinks=True, ignore=ignored)
    (folder / "skills" / "up").mkdir(parents=True)
    (folder / "skills" / "up" / "skill.py").write_text(
        "import sys\nfrom workbench.sdk import skill\n\n\n@skill(name='up', version='1.0.0')\n"
        "def up():\n    return sys.executable\n"
    )
    (folder / "home").chmod(0o700)
    program = str(python / "bin" / version)
    command = ("-m", "workbench", "run", "up", "--json")
    done = as_user("ordinary", folder, *command, python=program, WORKBENCH_SECURITY_STRONGEST_TIER=tier)

    outcome = json.loads(done.stdout)
    assert outcome["output"] == program, done.stderr
    assert outcome["sandbox"]["tier"] == tier
