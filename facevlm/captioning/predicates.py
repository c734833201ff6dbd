"""What is said of a person by one mention: a phrase of the table with its strength, side, count and length."""

from facevlm.captioning.grammar import Chooser, seconds, times
from facevlm.captioning.phrases import PHRASES
from facevlm.captioning.timeline import DO, END, KEEP, LONG_S, START, STATE, Happening, Mention

_ADJECTIVES = {"slightly": "a slight", "faintly": "a faint", "broadly": "a broad", "widely": "a wide", "": "a"}
_OPPOSITE = {"left": "right", "right": "left", None: "side"}
_BRIEF = frozenset({"smile", "open_smile", "brow_raise", "brow_furrow", "gaze_sided", "gaze_up", "gaze_down"})
_SLOW_S = 0.4  # seconds from which a blink is slow
_BRIEF_S = 0.45  # shorter ones of these are said to be brief


def predicate(mention: Mention, chooser: Chooser, *, exact: bool = False) -> str:
    """What is said of a person: a predicate template with its strength, side and count filled in.

    Args:
        mention: What happens, and which part of it is said.
        chooser: Picks among synonyms.
        exact: Say "seven times" instead of "several times".

    Returns:
        A template for `grammar.say`: only verbs and `{their}` are left open.
    """
    happening, aspect = mention.happening, mention.aspect
    if happening.parts:
        first, second = (predicate(Mention(part, "do"), chooser) for part in happening.parts)
        return f"{first} and {second}, {times(happening.count, exact=exact)} in a row"
    entry = PHRASES[happening.key]
    if aspect in (STATE, KEEP):
        state = _filled(entry.doing or entry.holding or "", happening, chooser, adverb=aspect == STATE)
        if entry.holding:
            return f"<keep> {state}" if aspect == KEEP else f"<have> {state}"
        keep = chooser.pick("keep", ("<keep>", "<continue>"), happening.ids)
        return f"{keep} {state}" if aspect == KEEP else f"<be> {state}"
    if exact and happening.key == "speaking" and happening.count > 1:
        return f"<speak> for {seconds(sum(e.t1 - e.t0 for e in happening.events if e.action == 'speaking'))} in all"
    manner = _manner(mention, exact=exact) if aspect == DO else ""
    options = {END: entry.end, START: entry.start}.get(aspect) or entry.do
    if happening.side is None and happening.key.endswith("_swing"):
        options = tuple(option for option in options if "{side}" not in option)
    if aspect == DO and (manner or happening.strength == "clear"):  # "smiles again", not "gives a smile again"
        options = tuple(option for option in options if "{adj}" not in option)
    return _filled(chooser.pick(happening.key, options, happening.ids), happening, chooser) + manner


def background(happening: Happening, chooser: Chooser, *, still: bool) -> tuple[str, str]:
    """A state that goes on beside something else: ("doing", "smiling") or ("holding", "their eyes closed").

    Args:
        happening: One with a state.
        chooser: Picks among adverbs.
        still: Say that it goes on since before.
    """
    entry = PHRASES[happening.key]
    if entry.doing:
        return "doing", ("still " if still else "") + _filled(entry.doing, happening, chooser, adverb=not still)
    template = entry.holding or ""
    if still:
        template = template.replace("{adv}", "still")
    return "holding", _filled(template, happening, chooser, adverb=not still)


def lasting(happening: Happening) -> bool:
    """Whether the action leaves a state that can be said to go on and to end."""
    if happening.parts:
        return False
    entry = PHRASES[happening.key]
    return bool((entry.doing or entry.holding) and entry.end)


def _filled(template: str, happening: Happening, chooser: Chooser, *, adverb: bool = True) -> str:
    entry = PHRASES[happening.key]
    mixed = happening.count > 1 and len({e.strength for e in happening.events}) > 1
    adverb = adverb and not mixed  # "smiles twice" where one smile is slight and one is broad
    options = {"slight": entry.slight, "strong": entry.strong}.get(happening.strength, ("",)) if adverb else ("",)
    word = chooser.pick(f"adv {happening.key}", options, happening.ids)
    return (
        template.replace("{adv}", word)
        .replace("{adj}", _ADJECTIVES.get(word, "a"))
        .replace("{side}", happening.side or "one side")
        .replace("{other}", _OPPOSITE[happening.side])
    )


def _manner(mention: Mention, *, exact: bool) -> str:
    """How often, how long, whether again: at most one of them."""
    happening = mention.happening
    if happening.count > 1 and not happening.key.endswith(("_swing", "_pair")):
        return f" {times(happening.count, exact=exact)}"
    if mention.to_end:
        return " until the very end"
    duration = happening.t1 - happening.t0
    if happening.count == 1 and lasting(happening) and duration >= (2 if exact else 1) * LONG_S:
        return f" for {seconds(duration)}"
    if mention.again:
        return " again"
    if happening.key in _BRIEF and duration <= _BRIEF_S:
        return " for a moment"
    if happening.key == "blink" and mention.only:
        return " slowly" if duration >= _SLOW_S else " once"
    return ""
