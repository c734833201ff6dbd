"""Ways of saying each facial action, in the manner of the FDA annotations: a table of predicates.

Every action has predicates for doing it ("turns their head to their left"), often one for the state it leaves ("their
head turned to their left"), and one for its end ("turns their head back"). Templates are those of
`facevlm.captioning.grammar`, with `{adv}` for the strength and `{side}` for the subject's own side.
"""

from dataclasses import dataclass


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
        strong=("strongly",),
    ),
    "eyes_squint_sided": Phrases(
        do=("<narrow> {their} {side} eye {adv}", "<squint> {adv} with {their} {side} eye"),
        holding="{their} {side} eye {adv} narrowed",
        end=("<relax> {their} {side} eye",),
        slight=("slightly", "a little"),
        strong=("strongly",),
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
        end=("<look> ahead again",),
        strong=("far",),
    ),
    "gaze_up": Phrases(
        do=("<look> up {adv}", "<lift> {their} gaze {adv}"),
        doing="looking up {adv}",
        end=("<stop> looking up",),
    ),
    "gaze_down": Phrases(
        do=("<look> down {adv}", "<lower> {their} gaze {adv}"),
        doing="looking down {adv}",
        end=("<look> up again",),
    ),
    "gaze_swing": Phrases(
        do=(
            "<look> to {their} {side} and {other} in turn",
            "<move> {their} eyes to {their} {side} and {other} in turn",
            "<look> from side to side",
        ),
        doing="looking from side to side",
        end=("<stop> looking from side to side",),
    ),
    "gaze_pair": Phrases(
        do=(
            "<look> {adv} to {their} {side} and then {their} {other}",
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
        do=("<speak>", "<talk>"),
        doing="speaking",
        start=("<start> speaking", "<begin> to speak", "<start> to talk"),
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
        do=("<smile> {adv} and <laugh>", "<laugh> with {adj} smile"),
        doing="laughing",
        start=("<start> to smile {adv} and laugh",),
        end=("<stop> laughing",),
        slight=("slightly", "faintly"),
        strong=("broadly", "widely"),
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
    "jaw_sideways_pair": Phrases(do=("<pull> {their} mouth {adv} to {their} {side} and then {their} {other}",)),
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
    "head_turn_pair": Phrases(do=("<turn> {their} head {adv} to {their} {side} and then {their} {other}",)),
    "head_eyes_sided": Phrases(
        do=("<turn> {their} head and eyes {adv} to {their} {side}", "<turn> and <look> {adv} to {their} {side}"),
        holding="{their} head and eyes {adv} turned to {their} {side}",
        end=("<turn> {their} head and eyes back",),
        strong=("far",),
    ),
    "head_tilt_sided": _turn("tilt", "tilted", "to {their} {side}"),
    "head_tilt_swing": Phrases(
        do=(
            "<tilt> {their} head {adv} to {their} {side} and {other} in turn",
            "<tilt> {their} head {adv} from side to side",
        ),
        doing="tilting {their} head from side to side",
        end=("<straighten> {their} head",),
    ),
    "head_tilt_pair": Phrases(do=("<tilt> {their} head {adv} to {their} {side} and then {their} {other}",)),
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
    "head_up_down": Phrases(do=("<lift> {their} head {adv} and <lower> it",)),
    "head_down_up": Phrases(do=("<lower> {their} head {adv} and <lift> it",)),
    # many movements, counted
    "gaze_any": Phrases(do=("<look> to either side",)),
    "jaw_sideways_any": Phrases(do=("<pull> {their} mouth to either side",)),
    "head_turn_any": Phrases(do=("<turn> {their} head to either side",)),
    "head_tilt_any": Phrases(do=("<tilt> {their} head to either side",)),
    "head_bob_any": Phrases(do=("<move> {their} head up or down",)),
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
