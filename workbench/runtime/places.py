"""Where things are kept: the workspace's state folder, or the user's where the workspace cannot hold it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress

from workbench.model.errors import StoreUnavailable
from workbench.model.frozen import frozen
from workbench.runtime.own_hand import OwnHand

RUNS_FOLDER = "runs"
HELD_FOLDER = "held"
STATE_FOLDER = ".workbench"
OWNER_NAME = "owner"
# Where a workspace keeps its skills, nearest first.
SKILL_FOLDERS = ("skills", ".claude/skills", ".agents/skills")
REMOTE_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "drvfs"})


@frozen
class StatePlace:
    """The folder for state, and why it is that one. It may not exist yet: nothing is made before the first write."""

    folder: str
    is_in_workspace: bool
    reason: str
    hand: OwnHand | None = None

    def prepared(self) -> str:
        """The folder, made if need be, readable by its owner alone.

        Whoever makes something in it comes by here first, each time: where the workspace was deleted meanwhile, a
        folder made by the way would have no mark, and what lies in it would not be believed.
        """
        try:
            if self.hand is None or not os.path.exists(f"{self.folder}/{OWNER_NAME}"):
                if self.hand is not None:
                    with suppress(StoreUnavailable):  # who has no place for a key goes on without
                        _make_signed(self.folder, self.hand)
                os.makedirs(self.folder, mode=0o700, exist_ok=True)
            ignore = os.path.join(self.folder, ".gitignore")
            if self.is_in_workspace and not os.path.exists(ignore):
                with open(ignore, "w", encoding="utf-8") as file:
                    file.write("*\n")
        except OSError as error:
            raise StoreUnavailable(
                f"the state folder {self.folder} cannot be made: {error.strerror or error}",
                hint="free some space, or set WORKBENCH_STATE_HOME to a folder that can be written",
            ) from error
        return self.folder

    def run_folder(self, run_id: str) -> str:
        """Where what a run leaves is kept; it may not exist yet."""
        return f"{self.prepared()}/{RUNS_FOLDER}/{run_id}"

    def held_folder(self, run_id: str) -> str:
        """Where what was held back of a run is kept: no run may write there. It may not exist yet."""
        return f"{self.prepared()}/{HELD_FOLDER}/{run_id}"


def place_of_state(workspace: str, environ: Mapping[str, str]) -> StatePlace:
    """In the workspace where that is local and writable, else under the user's state folder by the workspace's hash."""
    inside = os.path.join(workspace, STATE_FOLDER)
    probe = inside if os.path.isdir(inside) else workspace
    if os.path.islink(inside):
        reason = f"{STATE_FOLDER} in the workspace is a link, and may lead anywhere"
    elif not os.access(probe, os.W_OK | os.X_OK) or _is_mounted_read_only(probe):
        reason = "the workspace cannot be written"
    elif (kind := file_system_of(workspace)) in REMOTE_FILE_SYSTEMS:
        reason = f"the workspace is on a network folder ({kind})"
    elif not _is_ours(inside, hand := OwnHand(user_state_folder(environ))):
        reason = f"{STATE_FOLDER} in the workspace is not one that you made on this machine"
    else:
        told = "the workspace is local and writable"
        return StatePlace(folder=inside, is_in_workspace=True, reason=told, hand=hand)
    name = hashlib.sha256(os.fsencode(workspace)).hexdigest()[:20]
    return StatePlace(folder=os.path.join(user_state_folder(environ), name), is_in_workspace=False, reason=reason)


def _is_ours(inside: str, hand: OwnHand) -> bool:
    """Whether a state folder was made here, and did not come with the workspace: what is in it is believed.

    It is known again after the workspace was moved, and where it was put back at the same place.
    """
    try:
        if not os.listdir(inside):
            return True
        with open(f"{inside}/{OWNER_NAME}", encoding="utf-8") as file:
            proofs = file.read(1_000).split()
    except (FileNotFoundError, NotADirectoryError):
        if os.path.exists(f"{inside}/{OWNER_NAME}"):  # another process has just made it
            return _is_ours(inside, hand)
        return not os.path.lexists(inside) or not hand.can_sign
    except (OSError, ValueError):
        return False
    return any(hand.is_own(words, proof) for words in _marks_of(inside) for proof in proofs)


def _make_signed(folder: str, hand: OwnHand) -> None:
    """Make a state folder, or sign an empty one, at once: nobody sees it without its mark. One that is used stays."""
    beside = f"{folder}.{os.urandom(6).hex()}"
    os.makedirs(beside, mode=0o700)
    try:
        proofs = [hand.signed(words) for words in (f"place {os.path.realpath(folder)}", _inode(beside))]
        with open(f"{beside}/{OWNER_NAME}", "w", encoding="utf-8") as file:
            file.write("\n".join(proofs))
        with suppress(OSError):
            os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _marks_of(folder: str) -> tuple[str, str]:
    return f"place {os.path.realpath(folder)}", _inode(folder)


def _inode(folder: str) -> str:
    return f"folder {os.stat(folder).st_ino}"


def user_state_folder(environ: Mapping[str, str]) -> str:
    """Where the user's state lies by the platform's convention."""
    if chosen := environ.get("WORKBENCH_STATE_HOME"):
        return chosen
    base = environ.get("XDG_STATE_HOME") or os.path.join(_home(environ), ".local", "state")
    return os.path.join(base, "skill-workbench")


def user_data_folder(environ: Mapping[str, str]) -> str:
    """Where the user's own skills lie by the platform's convention."""
    base = environ.get("XDG_DATA_HOME") or os.path.join(_home(environ), ".local", "share")
    return os.path.join(base, "skill-workbench")


def user_config_folder(environ: Mapping[str, str]) -> str:
    """Where the user's settings lie by the platform's convention."""
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(_home(environ), ".config")
    return os.path.join(base, "skill-workbench")


def file_system_of(path: str) -> str:
    """The type of the file system that holds a path, or '' where the system does not tell."""
    best, kind = "", ""
    target = os.path.realpath(path)
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                _, point, type_, *_ = line.split(" ")
                point = point.replace("\\040", " ").replace("\\011", "\t")
                if len(point) >= len(best) and (target + "/").startswith(point.rstrip("/") + "/"):
                    best, kind = point, type_
    except OSError:
        return ""
    return kind


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")


def _is_mounted_read_only(path: str) -> bool:
    """Root passes every access check, so a read-only mount has to be asked for by itself."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True
