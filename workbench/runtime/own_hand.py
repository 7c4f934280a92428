"""Tells what this person said on this machine from what came with a folder: by a key that stays in their own."""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress

from workbench.model.errors import StoreUnavailable

KEY_NAME = "own.key"
KEY_BYTES = 32


class OwnHand:
    """Signs, and knows its signatures again. The key is made when something is signed for the first time."""

    def __init__(self, folder: str) -> None:
        self._folder, self._path = folder, f"{folder}/{KEY_NAME}"
        self._key = b""

    def signed(self, words: str) -> str:
        """A proof that this was said here; raises StoreUnavailable where there is no place for a key."""
        try:
            return self._proof(self._known_key() or self._new_key(), words)
        except OSError as error:
            raise StoreUnavailable(
                f"{self._path} cannot be kept: {error.strerror or error}",
                hint="free some space, or set WORKBENCH_STATE_HOME to a folder that can be written",
            ) from error

    @property
    def can_sign(self) -> bool:
        """Whether there is a key, or can be one; it is there then."""
        with suppress(OSError):
            return bool(self._known_key() or self._new_key())
        return False

    def is_own(self, words: str, proof: object) -> bool:
        """Whether these words were signed here; a proof may be anything."""
        key = self._known_key()
        return bool(key) and hmac.compare_digest(
            self._proof(key, words).encode(), str(proof).encode("utf-8", "replace")
        )

    def _proof(self, key: bytes, words: str) -> str:
        return hmac.new(key, os.fsencode(words), hashlib.sha256).hexdigest()

    def _known_key(self) -> bytes:
        if not self._key:
            with suppress(OSError), open(self._path, "rb") as file:
                key = file.read(KEY_BYTES)
                self._key = key if len(key) == KEY_BYTES else b""
        return self._key

    def _new_key(self) -> bytes:
        """Whole at once, and the first one that is there counts: another process may be making one, too."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        beside = f"{self._path}.{os.urandom(6).hex()}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(KEY_BYTES))
            with suppress(FileExistsError):
                os.link(beside, self._path)
        finally:
            os.unlink(beside)
        if not self._known_key():
            raise OSError(0, "it is no key; take it away")
        return self._key
