"""What the user sees while clips are worked on: progress bars, errors, warnings, documents in order, a summary."""

from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from facevlm.cli.streams import write_document
from facevlm.cli.workers import Outcome, one_line

MAX_BARS = 8  # more would scroll the terminal away


class Display:
    """Shows the work on some clips; a context manager.

    Documents go to standard output in the order of the clips, all else to standard error. Progress bars are shown on a
    terminal only.

    Args:
        clips: Names of the clips.
        quiet: No bars, no warnings, no summary; errors are still told.
        headings: Print the clip's name before each document, when there are several.
        told: What was done with the clips.
    """

    def __init__(
        self, clips: Sequence[str], *, quiet: bool = False, headings: bool = False, told: str = "described"
    ) -> None:
        self._told = told
        self._clips = [one_line(clip) for clip in clips]
        self._quiet, self._headings = quiet, headings and len(clips) > 1
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._outcomes: dict[int, Outcome] = {}
        self._printed = 0
        self._bars: dict[int, TaskID] = {}
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        hidden = quiet or not self._console.is_terminal
        self._progress = Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=hidden,
            redirect_stdout=False,  # else documents would go to standard error
            redirect_stderr=False,
        )
        self._total: TaskID | None = None

    def __enter__(self) -> "Display":
        self._show_bars(True)
        if len(self._clips) > 1:
            self._total = self._progress.add_task(f"{len(self._clips)} clips", total=len(self._clips))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show_bars(False)
        if kind is None and not self._quiet and len(self._clips) > 1:
            self._console.print(self._summary())

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed; of a single clip its own code."""
        codes = [outcome.exit_code for outcome in self._outcomes.values()]
        return codes[0] if len(self._clips) == 1 and codes else int(any(codes))

    @property
    def on_progress(self) -> Callable[[int, float], None] | None:
        """`progress`, or None where nobody would see it."""
        return None if self._progress.disable else self.progress

    def progress(self, number: int, share: float) -> None:
        """Move the bar of a clip to a share in [0, 1]."""
        if number not in self._bars:
            visible = len(self._bars) < MAX_BARS
            self._bars[number] = self._progress.add_task(self._clips[number][-40:], total=1.0, visible=visible)
        self._progress.update(self._bars[number], completed=share)

    def done(self, number: int, outcome: Outcome) -> None:
        """Take a clip's outcome: tell its error or warnings, print the documents whose turn it is."""
        self._outcomes[number] = outcome
        if number in self._bars:
            self._progress.remove_task(self._bars.pop(number))
        if self._total is not None:
            self._progress.advance(self._total)
        if outcome.error is not None:
            self._console.print(Text(f"error: {outcome.error}", style="red"))
        elif not self._quiet:
            place = f"{self._clips[number]}: " if len(self._clips) > 1 else ""
            for warning in outcome.warnings:
                self._console.print(Text(f"warning: {place}{one_line(warning)}", style="yellow"))
        while self._printed in self._outcomes:
            self._print_document(self._printed)
            self._printed += 1

    def _show_bars(self, show: bool) -> None:
        if not self._progress.disable:
            (self._progress.start if show else self._progress.stop)()

    def _print_document(self, number: int) -> None:
        text = self._outcomes[number].text
        if text:
            heading = f"== {self._clips[number]} ==\n" if self._headings else ""
            gap = "\n" if self._headings and number + 1 < len(self._clips) else ""
            self._show_bars(False)  # they may be on the same terminal
            write_document(heading + text + gap)
            self._show_bars(True)

    def _summary(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("clip", overflow="fold")
        for name in ("video", "people", "events", "took"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("result", overflow="fold")
        for number, clip in enumerate(self._clips):
            outcome = self._outcomes[number]
            took = f"{outcome.wall_s:.1f} s"
            if outcome.error is not None:
                table.add_row(clip, "", "", "", took, "failed", style="red")
                continue
            length = "?" if outcome.duration_s is None else f"{outcome.duration_s:.1f} s"
            count = len(outcome.warnings)
            result = f"{count} warning{'s' * (count > 1)}" if count else "ok"
            events = "" if outcome.events is None else str(outcome.events)
            table.add_row(clip, length, str(outcome.people), events, took, result)
        failed = sum(outcome.exit_code != 0 for outcome in self._outcomes.values())
        table.caption = f"{len(self._clips) - failed} of {len(self._clips)} {self._told}"
        return table
