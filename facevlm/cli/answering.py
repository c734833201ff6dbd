"""Have a model answer the questions of a benchmark, with a progress bar, and find the clips that they are about."""

import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facevlm.answering.answerers import COMPARERS, Options
from facevlm.answering.shown_frames import shown_frames
from facevlm.datasets.media_files import VIDEO_SUFFIXES, first_media
from facevlm.errors import InputError, UsageError, VideoError
from facevlm.evaluation.answers import Answerer, Answers, Example, Footage, Question, collect
from facevlm.evaluation.caption_files import read_captions
from facevlm.prompts import load_prompt


@dataclass(frozen=True)
class Run:
    """What all benchmarks are told on the command line.

    Attributes:
        model: "describe", "openai:NAME", "hf:FOLDER" …, or a file of predictions.
        name: To show, None for that of the model.
        folder: Of the run.
        options: How the model is made.
        trained_on: Manifest of what it was trained on, None where that is not told.
        quiet: Whether no progress is shown.
    """

    model: str
    name: str | None
    folder: Path
    options: Options
    trained_on: str | None = None
    quiet: bool = False

    @property
    def shown_name(self) -> str:
        """The name that tables show."""
        return self.name or (Path(self.model).stem if Path(self.model).is_file() else self.model)

    def prompts(self, *names: str) -> dict[str, str]:
        """Name -> hash of prompts that the model is sent; none where it reads no words."""
        wordless = self.model == "describe" or self.model.partition(":")[0] in COMPARERS
        return {} if wordless else prompt_hashes(*names)

    def ask(self, answerer: Answerer, questions: Sequence[Question], file: str, *, doing: str) -> Answers:
        """Answers, kept in a file of the run's folder; see `collect`."""
        with progress(doing, len(questions), quiet=self.quiet) as advance:
            return collect(questions, answerer, self.folder / file, on_progress=advance)


@contextmanager
def progress(doing: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, hidden where that is no terminal; call it with how many more are done."""
    from rich.console import Console
    from rich.progress import Progress

    hidden = quiet or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.advance(task, done)


def placed_clips(videos: Mapping[str, str | None], root: str) -> dict[str, Footage]:
    """Where the clip of each id is: at its path below the root, else named as its id.

    Raises:
        UsageError: The root is no folder.
        DatasetError: A path leads out of the root.
    """
    if not Path(root).is_dir():
        raise UsageError("is no folder", where=root, mend="give the folder of the videos")
    found = {}
    for name, video in videos.items():
        candidates = [video] if video else [f"{name}{suffix}" for suffix in VIDEO_SUFFIXES]
        path, _ = first_media(Path(root), candidates)
        found[name] = Footage(Path(root), path or candidates[0])
    return found


def draw_examples(
    file: str | None, shots: int, *, seed: int, tested: Mapping[str, str | None], clips: Iterable[Footage]
) -> list[Example]:
    """In-context examples: captions with clips beside their file, drawn at random; each can be shown.

    Args:
        file: Captions, each with a "video" relative to the file's folder; None for no examples.
        shots: How many.
        seed: Of the draw.
        tested: id -> caption of the benchmark, none of which may be shown.
        clips: Of the benchmark, likewise.

    Raises:
        UsageError: Shots without a file or the reverse, too few captions, or a caption or clip of the benchmark, or an
            empty caption among them.
        InputError: The file cannot be read, or the clip of a drawn example is not there or cannot be decoded.
    """
    if not shots and file is None:
        return []
    if file is None or not shots:
        raise UsageError("belong together", where="--shots and --examples", mend="give both, or none")
    captions, videos = read_captions(file), read_captions(file, field="video")
    usable = {name: caption for name, caption in captions.items() if caption is not None}
    if set(usable.values()) & set(tested.values()):
        raise UsageError("holds captions of the benchmark", where=file, mend="take examples of other clips")
    if empty := [name for name, caption in usable.items() if not caption.strip()]:
        raise UsageError(f"the caption of {empty[0]} is empty", where=file, mend="leave it out")
    if len(usable) < shots:
        raise UsageError(f"holds {len(usable)} captions", where=file, mend=f"--shots {shots} needs as many")
    places = placed_clips({name: videos[name] for name in usable}, str(Path(file).parent))
    banned = {clip.path.resolve() for clip in clips}
    if own := [name for name, clip in places.items() if clip.path.resolve() in banned]:
        raise UsageError(
            f"the clip of {own[0]} is one of the benchmark", where=file, mend="take examples of other clips"
        )
    drawn = random.Random(seed).sample(sorted(usable), shots)
    for name in drawn:
        try:
            shown_frames(places[name], 1)
        except VideoError as error:
            raise InputError(f"example {name} cannot be shown: {error}", where=file) from error
    return [Example(places[name], usable[name]) for name in drawn]


def prompt_hashes(*names: str) -> dict[str, str]:
    """Name -> hash of prompts."""
    return {name: load_prompt(name).hash for name in names}
