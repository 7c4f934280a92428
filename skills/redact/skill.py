"""Redact: hides what should not leave the house. Every pattern runs in linear time, whatever it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.sdk import SkillCapability, SkillInterface, SkillMetadata, SkillType

Span = tuple[int, int]

KEY = re.compile(
    r"""
    (?<![A-Za-z0-9_-]) (?:                              # tokens that say what they are
        (?:AKIA|ASIA)[A-Z0-9]{16}                       # Amazon
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{22,} # GitHub
      | glpat-[\w-]{20,}                                # GitLab
      | xox[abeoprs]-[A-Za-z0-9-]{10,}                  # Slack
      | AIza[\w-]{35}                                   # Google
      | (?:sk|pk|rk)[-_][\w-]{16,}                      # OpenAI, Anthropic, Stripe
      | (?:npm_|pypi-|hf_|dop_v1_)[\w-]{16,}            # registries and clouds
      | eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+              # JSON web tokens
    )
    | (?<=[Bb]earer[ ])[\w.~+/=-]{16,}                  # what stands behind its name
    | (?i:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key)
      (?!s?\b[ ]) [\w-]{0,32}+ ["']? [ \t]{0,3} [:=] [ \t]{0,3} ["']?
      (?P<value> [^\s"',;&<>\[\]{}()]{6,}+ )
    """,
    re.VERBOSE,
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
PRIVATE_KEY_END = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")
EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]++(?:\.[\w-]++)++")
DIGITS = re.compile(r"\d+", re.ASCII)
PHONE = re.compile(
    r"""
    (?<![\w+.,-]) (?:
        (?:\+|00[ ]?)[1-9](?:[ ().-]{0,2}\d){7,14}                    # +44 20 7946 0958
      | (?!\d\d[.-]\d\d[.-]\d{2,4})\(?0\d{1,4}\)?(?:[ /-]?\d){6,9}    # (020) 7946 0958, but no date
      | \(?[2-9]\d\d\)?[ .-]\d{3}[.-]\d{4}                            # (555) 010-9999
    ) (?![\w-]|[.,]\d)
    """,
    re.VERBOSE | re.ASCII,
)


def keys(text: str) -> Iterator[Span]:
    for match in KEY.finditer(text):
        yield match.span("value") if match["value"] else match.span()


def private_keys(text: str) -> Iterator[Span]:
    """From its first line to its last; to the end of the text where it has none."""
    begin = PRIVATE_KEY.search(text)
    while begin:
        end = PRIVATE_KEY_END.search(text, begin.end())
        until = end.end() if end else len(text)
        yield begin.start(), until
        begin = PRIVATE_KEY.search(text, until)


def emails(text: str) -> Iterator[Span]:
    return (match.span() for match in EMAIL.finditer(text))


def cards(text: str) -> Iterator[Span]:
    """Thirteen to nineteen digits that pass Luhn's check, in one piece or in groups with a space or dash between."""
    groups = [match.span() for match in DIGITS.finditer(text)]
    done = 0
    for place, (start, _) in enumerate(groups):
        if start >= done and (end := card_end(text, groups, place)):
            done = end
            yield start, end


def card_end(text: str, groups: list[Span], place: int) -> int:
    """Where the card that begins with a group ends; 0 if none does. A group of a card has three digits at least."""
    digits, last = "", 0
    for start, end in groups[place : place + 6]:
        is_next = not last or (start == last + 1 and text[last] in " \u00a0-")
        if not (is_next and 3 <= end - start <= 19 and len(digits) + end - start <= 19):
            return 0
        digits, last = digits + text[start:end], end
        if len(digits) >= 13 and digits[0] in "23456" and passes_luhn(digits):
            return end
    return 0


def passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def phones(text: str) -> Iterator[Span]:
    return (match.span() for match in PHONE.finditer(text))


FINDERS = {"key": (private_keys, keys), "email": (emails,), "card": (cards,), "phone": (phones,)}


class Redact(SkillInterface):
    """Finds what is private, kind by kind, and hides it."""

    def get_metadata(self) -> SkillMetadata:
        return SkillMetadata(
            skill_id="redact",
            name="Redact",
            version="1.0.0",
            description="Hides e-mail addresses, card numbers, keys and phone numbers in a text, and counts them by kind.",
            author="Skill Workbench",
            skill_type=SkillType.BUILTIN,
            license="MIT",
            category="privacy",
            tags=["privacy", "security", "text"],
            capabilities=[
                SkillCapability(
                    name="redact",
                    description="Hide what is private in a text",
                    input_types=["string"],
                    output_types=["object"],
                )
            ],
            input_schema={
                "type": "object",
                "properties": {
                    "text": {"type": "string", "description": "The text to look through."},
                    "kinds": {
                        "type": "array",
                        "items": {"enum": ["key", "email", "card", "phone"]},
                        "uniqueItems": True,
                        "default": ["key", "email", "card", "phone"],
                        "description": "What to hide.",
                    },
                    "style": {
                        "enum": ["label", "blocks"],
                        "default": "label",
                        "description": "Write [email] in its place, or blocks of the same length.",
                    },
                },
                "required": ["text"],
                "additionalProperties": False,
            },
            output_schema={
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "total": {"type": "integer"},
                },
                "required": ["text", "counts", "total"],
            },
            example={
                "text": "Ask ada@example.com or +44 20 7946 0958. Card 4111 1111 1111 1111, "
                "api_key=sk-test-0123456789abcdef0123."
            },
            config={"block": "█"},
        )

    async def initialize(self, config: dict) -> None:
        self.block = str(config.get("block") or "█")
        self.texts = self.hidden = 0

    async def validate(self, input_data: dict) -> bool:
        return isinstance(input_data.get("text"), str)

    async def execute(self, input_data: dict, context: dict) -> dict:
        text, counts = input_data["text"], {}
        for kind in FINDERS:
            if kind in input_data.get("kinds", FINDERS):
                text, counts[kind] = self.without(kind, text, input_data.get("style", "label"))
        self.texts, self.hidden = self.texts + 1, self.hidden + sum(counts.values())
        return {"text": text, "counts": counts, "total": sum(counts.values())}

    def without(self, kind: str, text: str, style: str) -> tuple[str, int]:
        """The text with everything of one kind hidden, and how much that was."""
        count = 0
        for find in FINDERS[kind]:
            parts, done = [], 0
            for start, end in find(text):
                parts += [text[done:start], f"[{kind}]" if style == "label" else self.block * (end - start)]
                count, done = count + 1, end
            text = "".join([*parts, text[done:]])
        return text, count

    async def cleanup(self) -> None:
        self.texts = self.hidden = 0

    async def health_check(self) -> dict:
        text, _ = self.without("email", "ada@example.com", "label")
        return {"status": "healthy" if text == "[email]" else "unhealthy", "texts": self.texts, "hidden": self.hidden}
