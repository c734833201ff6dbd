"""What travels between judges and event metrics: events told by a caption, and how two events relate."""

from dataclasses import dataclass

# Values of relation matrices, int8.
SAME, NONE, OPPOSITE = 1, 0, -1


@dataclass(frozen=True)
class CaptionEvent:
    """One facial action or state that a caption asserts.

    Attributes:
        text: The words it was read from, or an event in a judge's words.
        action: `part.action` of the lexicon, such as "mouth.open"; None from judges that give text alone.
        direction: "left", "up-right", "forward" …, as written; None where the action has none, or none is told.
        phase: "begin", "progress", "middle", "late", "end", "then", "throughout", or None.
        degree: "slight", "strong", or None.
        times: How often: "1", "2" …, "several", or None.
        action_units: FACS codes behind the action; sides of head and eye codes are those of the text.
    """

    text: str
    action: str | None = None
    direction: str | None = None
    phase: str | None = None
    degree: str | None = None
    times: str | None = None
    action_units: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`part.action[:direction]`, or the text where no action is known."""
        if self.action is None:
            return self.text
        return f"{self.action}:{self.direction}" if self.direction else self.action
