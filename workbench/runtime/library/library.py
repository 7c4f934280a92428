"""All that is known of skills: what the files say, the revisions that were accepted, the history of runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from workbench.model.errors import UnknownRevision, UnknownSkill
from workbench.model.frozen import frozen, replace
from workbench.model.realm import Snapshot
from workbench.model.settings import Settings
from workbench.model.skill import Ref, Scope, Skill, SkillState, parse_ref
from workbench.runtime.formats.reader import ENTRIES
from workbench.runtime.library.differences import Difference, difference_of
from workbench.runtime.library.discovery import Root, Spot, distinct, gather, read_root, read_spot, spots
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.library.history import History
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.places import SKILL_FOLDERS, user_data_folder
from workbench.runtime.store.database import Database
from workbench.runtime.store.instances import Scratch


@frozen
class Library:
    """Reads files and remembers what was accepted; what answers at the moment is a session's to know."""

    roots: tuple[Root, ...]
    database: Database
    revisions: Revisions
    history: History
    scratch: Scratch
    drafts: Drafts

    def read_all(self) -> list[Skill]:
        """Every skill that the files hold, nearest root first."""
        return [skill for root in distinct(self.roots) for skill in read_root(root)]

    def read_below(self, owner: str) -> list[Skill]:
        """The skills in a folder below a root, or the one in a single file; none where nothing is left."""
        root = self._root_of(owner)
        if root is None or not os.path.lexists(owner):
            return []
        if os.path.isfile(owner):
            folder, _, entry = owner.rpartition("/")
            found = [Spot(folder=folder, entry=entry, scope=root.scope, single_file=True)]
        else:
            depth = owner.count("/") - root.folder.count("/")
            found = list(spots(owner, root.scope, depth))
        return [skill for spot in found if (skill := read_spot(spot, root.folder)) is not None]

    def shared_name(self, path: str) -> tuple[str, str]:
        """The root that a path lies below, and the name of the module that it would be part of if skills shared it."""
        root = self._root_of(path)
        top = self.highest_below_root(path)
        return (root.folder, os.path.basename(top).removesuffix(".py")) if root and top != root.folder else ("", "")

    def highest_below_root(self, path: str) -> str:
        """The topmost folder or file between a path and its root: where something new may have come."""
        root = self._root_of(path)
        if root is None or path == root.folder:
            return path
        first = path[len(root.folder) + 1 :].split("/")[0]
        return f"{root.folder}/{first}"

    def in_order(self, skills: Iterable[Skill]) -> tuple[Skill, ...]:
        """The nearest root first, then by path: the order in which names are given away."""
        ranks = {root.folder: rank for rank, root in enumerate(self.roots)}

        def key(skill: Skill) -> tuple[int, str]:
            root = self._root_of(skill.path)
            return ranks[root.folder] if root else len(ranks), skill.path

        return tuple(sorted(skills, key=key))

    def gathered(self, skills: Iterable[Skill], realm: str, *, generation: int = 1) -> Snapshot:
        """One snapshot of what the files say, knowing what of it was accepted before."""
        snapshot = gather(skills, generation=generation)
        heads = self.revisions.heads(realm)
        known = {name: self._recognised(skill, heads) for name, skill in snapshot.skills.items()}
        return replace(snapshot, skills=known)

    def last_good(self, name: str, realm: str = "main") -> Skill | None:
        """The newest accepted state of a skill, from its kept files."""
        head = self.revisions.head(name, realm)
        restored = self.revisions.restored(head) if head else None
        return self._with_known_metadata(restored) if restored else None

    def find(self, snapshot: Snapshot, ref: Ref) -> Skill:
        """The skill that a reference names: as it stands, or as a revision of it was."""
        skill = _at_path(snapshot, ref.name) or snapshot.find(replace(ref, revision=0))
        if not ref.revision:
            return skill
        return self.find_revision(skill.name, ref.revision)

    def difference(self, skill: Skill, before: int, after: int) -> Difference:
        """Between two revisions by their numbers: 0 before is the newest, 0 after what the files say."""
        head = self.revisions.head(skill.name)
        if head is None:
            raise UnknownRevision(
                f"'{skill.name}' has no revision yet", hint=f"run it once: `workbench run {skill.name}`"
            )
        return difference_of(
            self.find_revision(skill.name, before or head.number),
            self.find_revision(skill.name, after) if after else skill,
        )

    def find_revision(self, name: str, number: int) -> Skill:
        """A revision as a skill; raises UnknownRevision where it is not, or its files are gone."""
        restored = self.revisions.restored(self.revisions.numbered(name, number))
        if restored is None:
            hint = "its number and digest are all that is left"
            raise UnknownRevision(f"the files of {name}@r{number} are no longer kept", hint=hint)
        return self._with_known_metadata(restored)

    def named(self, snapshot: Snapshot, word: str) -> list[Skill]:
        """The skills that a person means by a path or a name; a path need not lie below a root."""
        path = os.path.abspath(word)
        if "/" not in word and not (os.path.exists(path) and word not in snapshot.skills):
            return [self.find(snapshot, parse_ref(word))]
        if not os.path.lexists(path):
            raise UnknownSkill(f"there is no file or folder {word}", hint="name a skill, its folder, or its file")
        owner = os.path.dirname(path) if os.path.basename(path) in ENTRIES else path
        if os.path.isfile(owner):
            folder, _, entry = owner.rpartition("/")
            found = [Spot(folder=folder, entry=entry, scope=Scope.WORKSPACE, single_file=True)]
        else:
            found = list(spots(owner, Scope.WORKSPACE, 1))
        root = self._root_of(owner)
        top = root.folder if root else ""
        skills = [skill for spot in found if (skill := read_spot(spot, top)) is not None]
        if not skills:
            raise UnknownSkill(f"there is no skill in {word}", hint="a skill has a skill.json, skill.py or SKILL.md")
        return skills

    async def completed(self, skill: Skill, metadata: object) -> Skill:
        """An unread skill with what its own code said of it, remembered for its digest."""
        if not isinstance(metadata, Mapping):
            return replace(skill, state=SkillState.OK)
        document = msgspec.json.encode(metadata, enc_hook=str).decode()
        await self.database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO metadata (digest, document) VALUES (?, ?)", (skill.digest, document)
            )
        )
        return _with_metadata(skill, metadata)

    def _recognised(self, skill: Skill, heads: Mapping[str, tuple[int, str]]) -> Skill:
        number, digest = heads.get(skill.name, (0, ""))
        if skill.is_broken:
            return replace(skill, last_good=number)
        if digest != skill.digest:
            return skill
        return replace(self._with_known_metadata(skill), revision=number)

    def _with_known_metadata(self, skill: Skill) -> Skill:
        if skill.state is not SkillState.UNREAD:
            return skill
        rows = self.database.read("SELECT document FROM metadata WHERE digest = ?", (skill.digest,))
        return _with_metadata(skill, msgspec.json.decode(rows[0]["document"])) if rows else skill

    def _root_of(self, path: str) -> Root | None:
        for root in self.roots:
            if path == root.folder or path.startswith(f"{root.folder}/"):
                return root
        return None


def _at_path(snapshot: Snapshot, word: str) -> Skill | None:
    """The skill whose folder or file a person names."""
    if "/" not in word:
        return None
    path = os.path.abspath(word)
    return next((skill for skill in snapshot if path in (skill.path, skill.folder)), None)


def _with_metadata(skill: Skill, metadata: Mapping[str, Any]) -> Skill:
    from workbench.runtime.formats.metadata import with_metadata  # here, because few skills keep theirs in code

    return with_metadata(skill, metadata)


def roots_of(settings: Settings, environ: Mapping[str, str], shipped: Sequence[str]) -> tuple[Root, ...]:
    """Where skills are read from, nearest first; as absolute paths, as they are watched and shown."""
    workspace = settings.workspace.rstrip("/")
    roots = [Root(folder=f"{workspace}/{name}", scope=Scope.WORKSPACE) for name in SKILL_FOLDERS]
    roots.append(Root(folder=f"{user_data_folder(environ)}/skills", scope=Scope.USER))
    builtin = (*settings.skills.builtin_paths, *shipped)
    roots += [Root(folder=os.path.abspath(os.path.join(workspace, path)), scope=Scope.BUILTIN) for path in builtin]
    return tuple(roots)
