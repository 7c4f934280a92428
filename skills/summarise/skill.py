import re

from workbench.sdk import skill

LEFT_OUT = "…"  # stands where sentences were left out: try "[…]", save, and run again
SENTENCE_END = re.compile(
    r"""
    (?: (?<=[.!?…]) | (?<=[.!?…]["”’)]) )              # a sign that ends a sentence, perhaps inside quotes
    (?<! \b(?:Mr|Ms|Dr|St|No)\. ) (?<! \b[A-Z]\. )     # but not a title or an initial
    \s++ (?![a-z])                                     # and no small letter behind it
    | (?<=[。！？])                                     # these want no space
    | \n\s*\n                                          # an empty line
    """,
    re.VERBOSE,
)
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+(?:['’-]\w+)*")  # Chinese and Japanese: each character counts


@skill(
    name="summarise",
    version="1.2.0",
    description="Shortens a text to the sentences that say the most, word for word and in their order.",
    author="Skill Workbench",
    license="MIT",
    category="text",
    tags=["summary", "text"],
    input_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "What is to be shortened."},
            "words": {"type": "integer", "minimum": 1, "maximum": 200, "default": 40, "description": "At most so many."},
            "style": {"enum": ["plain", "bullets"], "default": "plain", "description": "A paragraph, or a list."},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
    example={
        "text": "The harbour of Odd was built in 1680 for the salt ships. A stone on the pier bears the date. "
        "People like it. In hard winters the harbour froze, and the salt ships waited for weeks until the ice broke. "
        "The last salt ship left the harbour in 1911. Today children swim beside the pier.",
        "words": 40,
    },
)
def summarise(text: str, words: int = 40, style: str = "plain"):
    sentences = [" ".join(part.split()) for part in SENTENCE_END.split(text) if re.search(r"\w", part)]
    chosen = choose(sentences, room=words)
    if style == "bullets":
        summary = "\n".join(f"- {sentences[place]}" for place in chosen)
    else:
        summary = joined(sentences, chosen)
    if not chosen and sentences:
        summary = beginning(sentences[0], words)
    return {"summary": summary, "sentences": len(chosen), "of": len(sentences)}


def choose(sentences, room):
    """The places of the best sentences that fit together, in the order of the text."""
    spoken = [WORD.findall(sentence.casefold()) for sentence in sentences]
    often = {}
    for word in (word for each in spoken for word in each):
        often[word] = often.get(word, 0) + 1
    weights = [sum(often[word] - 1 for word in telling(each)) / (len(each) + 5) for each in spoken]
    least = max(weights, default=0) / 4 if sum(map(len, spoken)) > room else 0
    chosen = []
    for place in sorted(range(len(sentences)), key=lambda place: -weights[place]):
        if len(spoken[place]) <= room and weights[place] >= least:
            chosen.append(place)
            room -= len(spoken[place])
    return sorted(chosen)


def telling(words):
    """Each word once, without the short ones: most are 'the', 'und' or 'pour'."""
    return {word for word in words if len(word) > 4 or word >= "\u3040"}


def joined(sentences, chosen):
    """The chosen ones as a paragraph that shows where something was left out."""
    parts = []
    for before, place in zip([-1, *chosen], chosen):
        parts += [sentences[place]] if place == before + 1 else [LEFT_OUT, sentences[place]]
    return " ".join(parts)


def beginning(sentence, words):
    """As much of a sentence as fits, where not one fits whole."""
    *_, last = (word for word, _ in zip(WORD.finditer(sentence), range(words)))
    return f"{sentence[: last.end()]} {LEFT_OUT}"
