"""What is meant by words together: directions that rename an act, acts that need no part, places of wrinkles."""

import re

from facevlm.evaluation.clauses import Clause
from facevlm.evaluation.events import CaptionEvent
from facevlm.evaluation.lexicon import Tag

NOT_CARRIED = frozenset({"wide", "show", "appear", "same", "change", "stick", "flare", "lick", "clench", "shake"})
OF_A_SUBJECT = frozenset({"turn", "tilt", "move", "return", "look", "stretch"})  # carried from "her head …" only
TO_SPEAK = re.compile(
    r"^(?:\s+(?:\w+ly|again|wider|his|her|their|the|mouth|lips|a|bit|little))*"
    r"\s+to (?:start |begin |continue |keep )?(?:to )?(?:speak|talk|say)\w*"
)
MOUTH_MOVES = frozenset({"mouth.open", "mouth.close", "lips.part", "lips.close", "mouth.open_close"})
_PLACES = {
    **{"eyebrow": "between_brows", "forehead": "forehead", "mouth_corner": "nasolabial", "cheek": "nasolabial"},
    **{"eye_corner": "eye_corner", "eyelid": "eye_corner", "eye": "eye_corner"},
}
_BETWEEN = re.compile(r"\bbetween\b|\bin the middle\b")
GAZE_ACTS = {"up": "up", "down": "down", "droop": "down", "return": "forward"}
_STRONGER = {  # said in one clause, the first is meant by the second
    ("eye.open", "eye.widen"),
    ("mouth.open", "mouth.open_wide"),
    ("smile", "smile.fade"),
}
_SUBJECT = re.compile(
    r"\b(?:his|her|their|its|the|a|an)\s+([\w'-]+)(?:\s+(?:\w+ly|a little|a bit|also|then|again|is|are))*\s*$"
)
_OBJECT = re.compile(
    r"^(?:\s+\w+ly)?\s+(?:his|her|their|the|a)\s+(?!left|right|camera|front|side|screen|lens|viewer)([\w'-]+)"
)
_PERSON = re.compile(
    r"(?:wo)?m[ae]n|girl|boy|lady|person|people|subject|individual|child|kid|baby|speaker|character|actor|actress|figure|guy"
    r"|male|female|other|one|camera's|player|host|interviewee"
)
_UPRIGHT = re.compile(r"cent(?:er|re)|upright|straight|original|front|middle|\bback\b")
BECOMES = {  # action and direction -> what it is called
    ("head.move", "sides"): "head.sway",
    ("head.turn", "sides"): "head.sway",
    ("head.tilt", "sides"): "head.sway",
    ("head.move", "updown"): "head.nod",
    ("head.sway", "updown"): "head.nod",
    ("head.shake", "updown"): "head.nod",
    ("eyelid.tighten", "up"): "eyelid.raise",
    ("mouth_corner.stretch", "up"): "mouth_corner.up",
    ("mouth_corner.stretch", "down"): "mouth_corner.down",
    ("mouth.open_close", "left"): "mouth.shift",
    ("mouth.open_close", "right"): "mouth.shift",
}


def stands_alone(act: Tag, clause: Clause, *, topic: str | None) -> bool:
    """Whether an act without a part of the face is one of the head, or one that needs none."""
    if topic == "body" and clause.opening == "and" and act.value in ("turn", "tilt", "return", "look"):
        return False  # "the camera tilts up and turns"
    if any(part.value == "body" for part in clause.of("part")):
        return act.value in ("speak", "smile", "blink", "wink", "look", "frown", "yawn", "cry", "chew")
    subject = _SUBJECT.search(clause.text[: act.start - clause.start])
    object_ = _OBJECT.search(clause.text[act.end - clause.start :])
    if act.value in ("turn", "tilt", "return", "nod") and (
        (subject and not _PERSON.fullmatch(subject[1])) or (object_ and not _PERSON.fullmatch(object_[1]))
    ):
        return False  # "the camera tilts", "turns a page"
    if act.value == "return":
        return bool(_UPRIGHT.search(clause.text)) and topic in (None, "head")
    if act.value in ("turn", "tilt"):
        return any(tag.start > act.start and tag.value != "out" for tag in clause.of("direction"))
    return True


def says_nothing(action: str, act: Tag, name: str | None, clause: Clause) -> bool:
    """Whether "looks" means "seems", or a gaze is fixed on nothing."""
    if action != "gaze.look" or act.value != "look" or any(tag.start > act.start for tag in clause.of("direction")):
        return False
    return act.text.startswith("look") or (name is None and act.text.startswith(("fix", "foc", "dir", "dart")))


def place_of_wrinkle(part: Tag, clause: Clause, text: str, *, topic: str | None) -> str:
    """Where wrinkles are: where their clause says, else at the part spoken of before.

    Args:
        part: The wrinkles.
        clause: Their clause.
        text: The sentence.
        topic: The part spoken of before.

    Returns:
        "between_brows", "forehead", "eye_corner", "nasolabial" or "other".
    """
    if _BETWEEN.search(text[part.start : part.end + 40]) or "frown" in part.text:
        return "between_brows"
    if "forehead" in part.text:
        return "forehead"
    named = [_PLACES[tag.value] for tag in clause.of("part") if tag.value in _PLACES]
    if named:
        return named[0]
    before = _PLACES.get(topic or "", "other")
    return "other" if before == "eye_corner" else before


def merged(events: list[CaptionEvent]) -> list[CaptionEvent]:
    """Events of one clause without those that say the same once more ("his gaze remains fixed ahead")."""
    kept: list[CaptionEvent] = []
    for event in events:
        twin = next((place for place, other in enumerate(kept) if other.action == event.action), None)
        if twin is None and kept and (kept[-1].action, event.action) in _STRONGER:
            kept[-1] = event
        elif twin is None:
            kept.append(event)
        elif event.direction and kept[twin].direction is None:
            kept[twin] = event
        elif event.direction and event.direction != kept[twin].direction:
            kept.append(event)
    return kept
