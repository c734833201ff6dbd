"""Ways of saying each facial action, in the manner of the FDA annotations: a table of predicates, and what picks.

Every action has predicates for doing it ("turns their head to their left"), often one for the state it leaves ("their
head turned to their left"), and one for its end ("turns their head back"). Templates are those of
`facevlm.expression.grammar`, with `{adv}` for the strength and `{side}` for the subject's own side.
"""

from dataclasses import dataclass

from facevlm.expression.grammar import Chooser, seconds, times
from facevlm.expression.timeline import DO, END, KEEP, LONG_S, START, STATE, Happening, Mention


@dataclass(frozen=True)
class Phrases:
    """How one action is said.

    Attributes:
        do: Predicates for doing it.
        doing: Its state as a participle ("smiling"), or None.
        holding: Its state as a part of the face held somehow ("their eyes closed"), or None.
        start: Predicates for its start where its end is said later; `do` where empty.
        end: Predicates for its end.
        slight: Adverbs where it is slight.
        strong: Adverbs where it is strong.
    """

    do: tuple[str, ...]
    doing: str | None = None
    holding: str | None = None
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    slight: tuple[str, ...] = ("slightly",)
    strong: tuple[str, ...] = ("",)


def _turn(verb: str, past: str, where: str) -> Phrases:
    return Phrases(
        do=(f"<{verb}> {{their}} head {{adv}} {where}",),
        holding=f"{{their}} head {{adv}} {past} {where}",
        end=("<turn> {their} head back",) if verb == "turn" else ("<straighten> {their} head",),
        slight=("slightly", "a little"),
        strong=("far",) if verb == "turn" else ("strongly",),
    )


PHRASES: dict[str, Phrases] = {
    # eyes
    "blink": Phrases(do=("<blink>",), slight=("lightly",), strong=("",)),
    "wink": Phrases(do=("<wink>",)),
    "wink_sided": Phrases(do=("<wink> with {their} {side} eye", "<close> {their} {side} eye in a wink")),
    "eyes_closed": Phrases(
        do=("<close> {their} eyes {adv}", "<shut> {their} eyes {adv}"),
        holding="{their} eyes {adv} closed",
        end=("<open> {their} eyes again",),
        slight=("",),
        strong=("tightly", "firmly"),
    ),
    "eyes_widen": Phrases(
        do=("<widen> {their} eyes {adv}", "<open> {their} eyes {adv} wider"),
        holding="{their} eyes {adv} widened",
        end=("<relax> {their} eyes",),
        slight=("slightly", "a little"),
        strong=("noticeably",),
    ),
    "eyes_squint": Phrases(
        do=("<narrow> {their} eyes {adv}", "<squint> {adv}"),
        holding="{their} eyes {adv} narrowed",
        end=("<relax> {their} eyes",),
        slight=("slightly", "a little"),
        strong=("tightly",),
    ),
    "eyes_squint_sided": Phrases(
        do=("<narrow> {their} {side} eye {adv}", "<squint> {adv} with {their} {side} eye"),
        holding="{their} {side} eye {adv} narrowed",
        end=("<relax> {their} {side} eye",),
        slight=("slightly", "a little"),
        strong=("tightly",),
    ),
    # brows
    "brow_raise": Phrases(
        do=("<raise> {their} eyebrows {adv}", "<lift> {their} eyebrows {adv}"),
        holding="{their} eyebrows {adv} raised",
        end=("<lower> {their} eyebrows", "<relax> {their} eyebrows"),
        slight=("slightly", "a little"),
        strong=("noticeably",),
    ),
    "brow_raise_sided": Phrases(
        do=("<raise> {their} {side} eyebrow {adv}", "<lift> {their} {side} eyebrow {adv}"),
        holding="{their} {side} eyebrow {adv} raised",
        end=("<lower> {their} {side} eyebrow",),
        slight=("slightly", "a little"),
        strong=("noticeably",),
    ),
    "brow_furrow": Phrases(
        do=("<furrow> {their} brow {adv}", "<draw> {their} eyebrows {adv} together"),
        holding="{their} brow {adv} furrowed",
        end=("<relax> {their} brow",),
        strong=("deeply", "strongly"),
    ),
    # gaze
    "gaze_sided": Phrases(
        do=("<look> {adv} to {their} {side}", "<shift> {their} gaze {adv} to {their} {side}"),
        doing="looking {adv} to {their} {side}",
        end=("<look> back",),
        strong=("far",),
    ),
    "gaze_up": Phrases(
        do=("<look> up {adv}", "<lift> {their} gaze {adv}"),
        doing="looking up {adv}",
        end=("<lower> {their} gaze again",),
    ),
    "gaze_down": Phrases(
        do=("<look> down {adv}", "<lower> {their} gaze {adv}"),
        doing="looking down {adv}",
        end=("<lift> {their} gaze again",),
    ),
    "gaze_swing": Phrases(
        do=(
            "<look> to {their} {side} and {other} in turn",
            "<move> {their} eyes to {their} {side} and {other} in turn",
        ),
        doing="looking from side to side",
        end=("<stop> looking from side to side",),
    ),
    "gaze_pair": Phrases(
        do=(
            "<look> {adv} to {their} {side} and then to {their} {other}",
            "<shift> {their} gaze {adv} to {their} {side} and back to {their} {other}",
        ),
    ),
    # mouth, cheeks, nose
    "mouth_open": Phrases(
        do=("<open> {their} mouth {adv}",),
        holding="{their} mouth {adv} open",
        end=("<close> {their} mouth",),
        slight=("slightly", "a little"),
        strong=("wide",),
    ),
    "mouth_close": Phrases(do=("<close> {their} mouth", "<close> {their} lips"), slight=("",)),
    "open_close": Phrases(
        do=("<open> {their} mouth {adv} and <close> it",),
        slight=("slightly", "a little"),
        strong=("wide",),
    ),
    "speaking": Phrases(
        do=("<speak>", "<talk>"),
        doing="speaking",
        start=("<start> speaking", "<begin> to speak", "<start> to talk"),
        end=("<stop> speaking", "<stop> talking"),
        slight=("",),
    ),
    "speaking_mouth": Phrases(
        do=("<speak> with {their} mouth opening and closing", "<talk> with {their} mouth opening and closing"),
        doing="speaking",
        start=("<start> to speak with {their} mouth opening and closing",),
        end=("<stop> speaking", "<stop> talking"),
        slight=("",),
    ),
    "smile": Phrases(
        do=("<smile> {adv}", "<give> {adj} smile"),
        doing="smiling {adv}",
        start=("<break> into {adj} smile", "<start> to smile {adv}", "<begin> to smile {adv}"),
        end=("<let> the smile fade", "<stop> smiling"),
        slight=("slightly", "faintly"),
        strong=("broadly", "widely"),
    ),
    "smile_sided": Phrases(
        do=("<lift> the {side} corner of {their} mouth {adv}", "<smile> {adv} on the {side} side of {their} mouth"),
        holding="the {side} corner of {their} mouth {adv} lifted",
        end=("<relax> the {side} corner of {their} mouth",),
        strong=("strongly", "high"),
    ),
    "open_smile": Phrases(
        do=("<smile> {adv} with {their} mouth open", "<give> {adj} smile with an open mouth"),
        doing="smiling {adv} with {their} mouth open",
        start=("<break> into {adj} smile with {their} mouth open", "<start> to smile {adv} with {their} mouth open"),
        end=("<let> the smile fade", "<stop> smiling"),
        slight=("slightly", "faintly"),
        strong=("broadly", "widely"),
    ),
    "laugh": Phrases(
        do=("<laugh> {adv}",),
        doing="laughing",
        start=("<start> to laugh {adv}", "<begin> to laugh {adv}"),
        end=("<stop> laughing",),
        slight=("softly", "a little"),
        strong=("heartily",),
    ),
    "laugh_smile": Phrases(
        do=("<smile> and <laugh> {adv}", "<laugh> {adv} with a smile"),
        doing="laughing",
        start=("<start> to smile and laugh {adv}",),
        end=("<stop> laughing",),
        strong=("heartily",),
    ),
    "open_laugh": Phrases(
        do=("<laugh> {adv} with {their} mouth open",),
        doing="laughing",
        start=("<start> to laugh {adv} with {their} mouth open",),
        end=("<stop> laughing",),
        strong=("heartily",),
    ),
    "lip_press": Phrases(
        do=("<press> {their} lips {adv} together", "<press> {their} lips {adv}"),
        holding="{their} lips {adv} pressed together",
        end=("<relax> {their} lips",),
        slight=("lightly", "gently"),
        strong=("tightly", "firmly"),
    ),
    "pout": Phrases(
        do=("<push> {their} lips {adv} forward", "<pout> {adv}", "<purse> {their} lips {adv}"),
        holding="{their} lips {adv} pushed forward",
        end=("<relax> {their} lips",),
        slight=("slightly", "a little"),
        strong=("strongly",),
    ),
    "mouth_corner_down": Phrases(
        do=(
            "<turn> the corners of {their} mouth {adv} down",
            "<pull> down the corners of {their} mouth {adv}",
        ),
        holding="the corners of {their} mouth {adv} turned down",
        end=("<relax> the corners of {their} mouth",),
        strong=("strongly",),
    ),
    "tongue_out": Phrases(
        do=("<stick> {their} tongue out {adv}", "<put> out {their} tongue {adv}"),
        holding="{their} tongue {adv} out",
        end=("<pull> {their} tongue back in",),
        slight=("a little", "slightly"),
        strong=("far",),
    ),
    "cheek_puff": Phrases(
        do=("<puff> out {their} cheeks {adv}",),
        holding="{their} cheeks {adv} puffed out",
        end=("<relax> {their} cheeks",),
        strong=("fully",),
    ),
    "nose_wrinkle": Phrases(
        do=("<wrinkle> {their} nose {adv}",),
        holding="{their} nose {adv} wrinkled",
        end=("<relax> {their} nose",),
        strong=("strongly",),
    ),
    "jaw_sideways": Phrases(
        do=("<pull> {their} mouth {adv} to one side", "<shift> {their} jaw {adv} to one side"),
        holding="{their} mouth {adv} pulled to one side",
        end=("<bring> {their} mouth back to the middle",),
        strong=("far",),
    ),
    "jaw_sideways_sided": Phrases(
        do=("<pull> {their} mouth {adv} to {their} {side}", "<shift> {their} mouth {adv} to {their} {side}"),
        holding="{their} mouth {adv} pulled to {their} {side}",
        end=("<bring> {their} mouth back to the middle",),
        strong=("far",),
    ),
    "jaw_sideways_swing": Phrases(
        do=(
            "<pull> {their} mouth to {their} {side} and {other} in turn",
            "<shift> {their} mouth from side to side",
        ),
        doing="pulling {their} mouth from side to side",
        end=("<bring> {their} mouth back to the middle",),
    ),
    "jaw_sideways_pair": Phrases(do=("<pull> {their} mouth {adv} to {their} {side} and then to {their} {other}",)),
    # head
    "head_turn_sided": _turn("turn", "turned", "to {their} {side}"),
    "head_turn_swing": Phrases(
        do=(
            "<turn> {their} head {adv} from side to side",
            "<turn> {their} head {adv} to {their} {side} and {other} in turn",
        ),
        doing="turning {their} head from side to side",
        end=("<stop> turning {their} head",),
    ),
    "head_turn_pair": Phrases(do=("<turn> {their} head {adv} to {their} {side} and then to {their} {other}",)),
    "head_eyes_sided": Phrases(
        do=("<turn> {their} head and eyes {adv} to {their} {side}", "<turn> and <look> {adv} to {their} {side}"),
        holding="{their} head and eyes {adv} turned to {their} {side}",
        end=("<turn> {their} head and eyes back",),
        strong=("far",),
    ),
    "head_tilt_sided": _turn("tilt", "tilted", "to {their} {side}"),
    "head_tilt_swing": Phrases(
        do=("<tilt> {their} head {adv} to {their} {side} and {other} in turn",),
        doing="tilting {their} head from side to side",
        end=("<straighten> {their} head",),
    ),
    "head_tilt_pair": Phrases(do=("<tilt> {their} head {adv} to {their} {side} and then to {their} {other}",)),
    "head_up": Phrases(
        do=("<lift> {their} head {adv}", "<raise> {their} head {adv}"),
        holding="{their} head {adv} raised",
        end=("<bring> {their} head down again",),
        slight=("slightly", "a little"),
        strong=("high",),
    ),
    "head_down": Phrases(
        do=("<lower> {their} head {adv}", "<dip> {their} head {adv}"),
        holding="{their} head {adv} lowered",
        end=("<lift> {their} head again",),
        slight=("slightly", "a little"),
        strong=("far",),
    ),
    "head_bob": Phrases(
        do=("<move> {their} head {adv} up and down",),
        doing="moving {their} head up and down",
        end=("<stop> moving {their} head",),
    ),
    "head_nod": Phrases(
        do=("<nod> {adv}", "<nod> {their} head {adv}"),
        doing="nodding",
        start=("<start> to nod {adv}", "<begin> to nod {adv}"),
        end=("<stop> nodding",),
        strong=("vigorously", "firmly"),
    ),
    "head_shake": Phrases(
        do=("<shake> {their} head {adv}", "<shake> {their} head {adv} from side to side"),
        doing="shaking {their} head",
        start=("<start> to shake {their} head {adv}", "<begin> to shake {their} head {adv}"),
        end=("<stop> shaking {their} head",),
        strong=("vigorously", "firmly"),
    ),
}

_ADJECTIVES = {"slightly": "a slight", "faintly": "a faint", "broadly": "a broad", "widely": "a wide", "": "a"}
_OPPOSITE = {"left": "right", "right": "left", None: "side"}
_BRIEF = frozenset({"smile", "open_smile", "brow_raise", "brow_furrow", "gaze_sided", "gaze_up", "gaze_down"})
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
        return " once"
    return ""
