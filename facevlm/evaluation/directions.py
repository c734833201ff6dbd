"""Where an act leads: the direction words of its clause that belong to it, put together."""

from collections.abc import Sequence

from facevlm.evaluation.lexicon import Tag

_SIDES = ("left", "right")
_HEIGHTS = ("up", "down")
_UNSTATED = frozenset({"around", "out"})
PLAIN = frozenset({"left", "right", "up", "down", "sides", "up-left", "up-right", "down-left", "down-right"})


def direction_of(action: str, act: Tag, tags: Sequence[Tag]) -> str | None:
    """The direction of an act: that of the words after it up to the next act, else before it.

    Args:
        action: What is done; decides which directions mean anything.
        act: The act, one of `tags`.
        tags: All tagged words of the clause.

    Returns:
        "left", "down-right", "forward" …; None where none is told.
    """
    place = tags.index(act)
    after = _until_act(tags[place + 1 :])
    words = [tag.value for tag in after if tag.kind == "direction"]
    if not words:
        before = _until_act(tags[:place][::-1])
        words = [tag.value for tag in before if tag.kind == "direction"][::-1]
    return _together(action, words)


def _until_act(tags: Sequence[Tag]) -> list[Tag]:
    taken: list[Tag] = []
    for tag in tags:
        if tag.kind == "act":
            break
        taken.append(tag)
    return taken


def _together(action: str, words: list[str]) -> str | None:
    stated = [word for word in words if word not in _UNSTATED]
    if not stated:
        return None
    height = next((word for word in stated if word in _HEIGHTS), None)
    side = next((word for word in stated if word in _SIDES), None)
    if height and side:
        return f"{height}-{side}"
    if side:
        return side
    if action == "gaze.look" and stated[0] == "back":  # "looks back at the camera"
        return "forward"
    if action.startswith("head.") and "forward" in stated and "back" in stated:
        return "back"
    if action == "head.tilt" and stated[0] in ("away", "sides"):  # "to one side"
        return None
    return stated[0]
