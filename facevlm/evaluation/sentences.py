"""From a caption to the sentences that tell what happens, without layout, introductions and summaries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from facevlm.evaluation.lexicon import Lexicon
from facevlm.evaluation.tokens import one_line

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u2011": "-", "\u2010": "-", "…": "."})
_LAYOUT = re.compile(r"[*_#`>|]+")
_ITEM = re.compile(r"^[ \t]*(?:[-•·]|\d+[.)])[ \t]+", re.MULTILINE)
_LABEL = re.compile(
    r"\b(?:frames?|images?|scenes?|shots?) \d+(?:\s*[-–]\s*\d+)?\s*:|\b\d+:\d\d(?:\s*[-–]\s*\d+:\d\d)?\s*:?"
)
_WRAPPED = re.compile(r"\n[ \t]*(?=[a-z])")
_ENDS = re.compile(r"(?<=[.!?])[\"')]*\s+|\n+")
_STAGES = frozenset({"begin", "progress", "middle", "late", "end"})
_ONLY_AT_START = frozenset({"first", "later", "to begin", "eventually"})
# "he smiles at the beginning, then …": the phrase ends what it tells of, unless it opens a piece (", and finally, …")
_GOES_ON = re.compile(r"\W*$|,? (?:and|but|then|before|followed)\b")
_NEW_PIECE = re.compile(r"(?:[,;:]|\band|\bbut)\s*$")
_SUMMARY = re.compile(
    r"\bbased on\b|\binfer(?:red|s)?\b|\bin (?:summary|conclusion)\b|\bto summari[sz]e\b"
    r"|^(?:these|such|this combination of) [\w ]*(?:movements|changes|expressions|cues)\b.*\b(?:suggest|indicat|convey)"
)
_ANNOUNCES = re.compile(
    r"\b(?:video|clip)\b.*\b(?:emotion\w*|expressions?|facial)\b|\b(?:emotional|facial) (?:changes|fluctuations)\b"
)
_LOOKS = (
    "hair|skin|beard|goatee|mustache|moustache|stubble|glasses|spectacles|earrings?|hat|cap|helmet|shirt|suit|jacket|dress"
    "|clothes|clothing|complexion|freckles|bangs|ponytail|makeup|necklace|crown|headband|scarf|sweater|blouse|uniform"
    "|nose bridge|headpiece|bun|hairstyle|eyelashes|eye bags"
)
_APPEARANCE = re.compile(rf"\b(?:with|has|have|having|wears?|wearing|in)\s+(?:[\w-]+[ ,]+){{0,7}}?(?:{_LOOKS})\b")
_LASTING = re.compile(
    r"\b(?:has|have) (?:(?!no\b)[\w-]+ ){0,5}?(?:wrinkles|lines|eyebrows|eyes|lips|nose|face|forehead|cheeks|features)"
    r"(?: (?:around|near|on) (?:his|her|their) (?:eyes|mouth|forehead|face))?(?! (?:\w+ly )?\w+ed\b)"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence in lower case, the phase it speaks of, and whether it is the rest of the one before, cut there."""

    text: str
    phase: str | None
    goes_on: bool = False


def telling_sentences(caption: str, lexicon: Lexicon) -> Iterator[Sentence]:
    """The sentences of a caption that tell what happens.

    What stands before the first mention of the beginning introduces the clip or describes appearance, as in FEC-Bench;
    so does what stands before any stage ("as the video progresses") where the caption opens by announcing expressions.
    Other captions are read whole.

    Args:
        caption: Any text, with or without Markdown.
        lexicon: Gives the phrases that say when.

    Yields:
        Sentences in text order, without those phrases and without descriptions of appearance.
    """
    parts: list[Sentence] = []
    for sentence in _sentences(caption):
        cut = enumerate(_split_by_phase(sentence, lexicon))
        parts += [Sentence(text, phase, place > 0) for place, (phase, text) in cut]
    stages = [number for number, part in enumerate(parts) if part.phase in _STAGES]
    introduced = stages and (parts[stages[0]].phase == "begin" or _ANNOUNCES.search(parts[0].text))
    start = stages[0] if introduced else 0
    current = None
    for part in parts[start:]:
        current = part.phase or current
        if not _SUMMARY.search(part.text):
            yield Sentence(_LASTING.sub(" ", _APPEARANCE.sub(" ", part.text)), current, part.goes_on)


def _sentences(caption: str) -> list[str]:
    text = _LAYOUT.sub(" ", caption.replace("\r", "\n").translate(_QUOTES))
    text = _WRAPPED.sub(" ", _ITEM.sub(". ", text))
    lines = (one_line(part) for part in _ENDS.split(text))
    return [_LABEL.sub(" ", line.lower()).strip() for line in lines if line.strip()]


def _split_by_phase(sentence: str, lexicon: Lexicon) -> list[tuple[str | None, str]]:
    """Cut a sentence where it says when; each piece goes with the phrase before it, or with the one that ends it."""
    pieces: list[tuple[str | None, str]] = []
    phase, start = None, 0
    for match in lexicon.phases.finditer(sentence):
        piece, new = sentence[start : match.start()], lexicon.kinds[match.lastgroup or ""][1]
        at_start = not re.search(r"\w", piece)
        if not at_start and (new not in _STAGES or match.group() in _ONLY_AT_START):
            continue
        start = match.end()
        if at_start:
            phase = new
        elif _GOES_ON.match(sentence, start) and not _NEW_PIECE.search(piece):
            pieces.append((phase or new, piece))
            phase = None
        else:
            pieces.append((phase, piece))
            phase = new
    pieces.append((phase, sentence[start:]))
    return pieces
