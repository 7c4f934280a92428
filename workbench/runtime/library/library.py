"""All that is known of skills: what the files say, the revisions that were accepted, the history of runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from workbench.model.devsession import MAIN
from workbench.model.errors import UnknownRevision, UnknownSkill
from workbench.model.frozen import field, frozen, replace
from workbench.model.policy import NO_PERMISSIONS, Permissions, with_defaults
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

Head = tuple[int, str]
Recognised = tuple[Skill, Head, Skill]


def _nothing(_: str) -> bool:
    return False


@frozen
class Library:
    """Reads files and remembers what was accepted; what answers at the moment is a session's to know.

    A dev session has its own view of it: roots of its own before the others, its realm, and what it hides of the
    workspace's.
    """

    roots: tuple[Root, ...]
    database: Database
    revisions: Revisions
    history: History
    scratch: Scratch
    drafts: Drafts
    realm: str = MAIN
    hides: Callable[[str], bool] = _nothing
    default_permissions: Permissions = NO_PERMISSIONS
    recognised: dict[tuple[str, str], Recognised] = field(default_factory=dict)
    """What was recognised before: of a thousand skills one has changed."""

    def read_all(self) -> list[Skill]:
        """Every skill that the files hold, nearest root first."""
        found = (skill for root in distinct(self.roots) for skill in read_root(root))
        return [self._here(skill) for skill in found if self._is_seen(skill)]

    def read_below(self, owner: str) -> list[Skill]:
        """The skills in a folder below a root, or the one in a single file; none where nothing is left, or seen."""
        root = self._root_of(owner)
        if root is None or not os.path.lexists(owner):
            return []
        if os.path.isfile(owner):
            folder, _, entry = owner.rpartition("/")
            found = [Spot(folder=folder, entry=entry, scope=root.scope, single_file=True)]
        else:
            depth = owner.count("/") - root.folder.count("/")
            found = list(spots(owner, root.scope, depth))
        read = (skill for spot in found if (skill := read_spot(spot, root.folder)) is not None)
        return [self._here(skill) for skill in read if self._is_seen(skill)]

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
        prefixes = tuple((f"{root.folder}/", rank) for rank, root in enumerate(self.roots))

        def key(skill: Skill) -> tuple[int, str]:
            path = skill.path
            return next((rank for prefix, rank in prefixes if path.startswith(prefix)), len(prefixes)), path

        return tuple(sorted(skills if self.hides is _nothing else filter(self._is_seen, skills), key=key))

    def gathered(self, skills: Iterable[Skill], *, generation: int = 1) -> Snapshot:
        """One snapshot of what the files say, knowing what of it was accepted before."""
        snapshot = gather(skills, generation=generation)
        heads, disabled = self.revisions.heads(self.realm), self.revisions.disabled(self.realm)
        known = {name: self._recognised(skill, heads) for name, skill in snapshot.skills.items()}
        known |= {name: known[name].moved_to(SkillState.DISABLED) for name in disabled & known.keys()}
        return replace(snapshot, skills=known)

    def known(self, skill: Skill) -> Skill:
        """One skill as its files say it, knowing what of it was accepted before."""
        head = self.revisions.head(skill.name, self.realm)
        known = self._recognised(skill, {skill.name: (head.number, head.digest)} if head else {})
        is_disabled = skill.name in self.revisions.disabled(self.realm)
        return known.moved_to(SkillState.DISABLED) if is_disabled else known

    def last_good(self, skill: Skill) -> Skill | None:
        """The newest accepted state of a skill, from its kept files."""
        head = self.revisions.head(skill.name, self.realm)
        restored = self.revisions.restored(head) if head else None
        return replace(self._with_known_metadata(self._here(restored)), origin=skill.home) if restored else None

    def find(self, snapshot: Snapshot, ref: Ref) -> Skill:
        """The skill that a reference names: as it stands, or as a revision of it was."""
        skill = _at_path(snapshot, ref.name) or snapshot.find(replace(ref, revision=0))
        if not ref.revision:
            return skill
        found = replace(self.find_revision(skill.name, ref.revision), origin=skill.home)
        return found.moved_to(SkillState.DISABLED) if skill.state is SkillState.DISABLED else found

    def difference(self, skill: Skill, before: int, after: int) -> Difference:
        """Between two revisions by their numbers: 0 before is the newest, 0 after what the files say."""
        head = self.revisions.head(skill.name, self.realm)
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
        return self._with_known_metadata(self._here(restored))

    def named(self, snapshot: Snapshot, word: str) -> list[Skill]:
        """The skills that a person means by a path or a name; a path need not lie below a root."""
        path = os.path.abspath(word)
        if "/" not in word and not (os.path.exists(path) and word not in snapshot.skills):
            return [self.find(snapshot, parse_ref(word))]
        return self.at(path)

    def at(self, path: str) -> list[Skill]:
        """The skills in a folder or a file, wherever it lies; raises UnknownSkill where there is none."""
        if not os.path.lexists(path):
            raise UnknownSkill(f"there is no file or folder {path}", hint="name a skill, its folder, or its file")
        owner = os.path.dirname(path) if os.path.basename(path) in ENTRIES else path
        if os.path.isfile(owner):
            folder, _, entry = owner.rpartition("/")
            found = [Spot(folder=folder, entry=entry, scope=Scope.WORKSPACE, single_file=True)]
        else:
            found = list(spots(owner, Scope.WORKSPACE, 1))
        root = self._root_of(owner)
        top = root.folder if root else ""
        skills = [self._here(skill) for spot in found if (skill := read_spot(spot, top)) is not None]
        if not skills:
            raise UnknownSkill(f"there is no skill in {path}", hint="a skill has a skill.json, skill.py or SKILL.md")
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
        return self._here(_with_metadata(skill, metadata))

    def _here(self, skill: Skill) -> Skill:
        """A skill as this workspace has it: with its defaults where the manifest does not speak of a permission."""
        if self.default_permissions == NO_PERMISSIONS or skill.scope not in (Scope.WORKSPACE, Scope.DEV):
            return skill
        manifest = skill.manifest
        asked = with_defaults(manifest.permissions, manifest.permissions_named, self.default_permissions)
        return replace(skill, manifest=replace(manifest, permissions=asked))

    def _recognised(self, skill: Skill, heads: Mapping[str, Head]) -> Skill:
        number, digest = head = heads.get(skill.name, (0, ""))
        if not skill.is_broken and digest != skill.digest:
            return skill
        key = self.realm, skill.path
        said, known, recognised = self.recognised.get(key, (None, head, skill))
        if said is not skill or known != head:
            whole = skill if skill.is_broken else self._with_known_metadata(skill)
            recognised = replace(whole, last_good=number) if skill.is_broken else replace(whole, revision=number)
            if whole.state is not SkillState.UNREAD:
                self.recognised[key] = skill, head, recognised
        return recognised

    def _with_known_metadata(self, skill: Skill) -> Skill:
        if skill.state is not SkillState.UNREAD:
            return skill
        rows = self.database.read("SELECT document FROM metadata WHERE digest = ?", (skill.digest,))
        return self._here(_with_metadata(skill, msgspec.json.decode(rows[0]["document"]))) if rows else skill

    def _is_seen(self, skill: Skill) -> bool:
        return skill.scope is not Scope.WORKSPACE or not self.hides(skill.home)

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
