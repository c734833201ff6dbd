"""Have the faces of a clip looked at by FaceXFormer: what the verb `analyze` does."""

from collections.abc import Callable
from pathlib import Path

from facevlm.cli.batch import make_writable, refuse_empty, refuse_overwrite
from facevlm.cli.workers import share_of_span
from facevlm.errors import UsageError


def check_places(clip: str, output: str | None) -> None:
    """Refuse an output that cannot be written, before any work starts.

    Raises:
        UsageError: It is a folder, or the clip.
        OutputError: The place cannot be written to.
    """
    refuse_empty(clip, where="CLIP")
    refuse_empty(output, where="-o")
    if output is not None:
        if Path(output).is_dir() or output.endswith("/"):
            raise UsageError("is a folder", where=f"-o {output}", mend="name a file in it")
        refuse_overwrite(Path(output), [Path(clip)])
        make_writable(Path(output).parent)


def analyse_clip(
    clip: str,
    weights: str,
    output: str | None,
    *,
    sensitive: bool,
    every_s: float,
    fps: str,
    span: tuple[float | None, float | None],
    detector: str,
    embedder: str,
    saved: str | None,
    offline: bool,
    on_progress: Callable[[float], None],
) -> str:
    """Look at every face and write the file.

    Args:
        clip: The video file.
        weights: As for `FaceAnalyser`.
        output: The file to write, None to return the text.
        sensitive: Whether to tell age, gender and race.
        every_s: Seconds between looks at one face.
        fps: As for `perceive`.
        span: Start and end of what is looked at, as for `perceive`.
        detector: As for `PerceptionConfig`.
        embedder: As for `PerceptionConfig`.
        saved: As for `perceive`.
        offline: As for `FaceAnalyser`.
        on_progress: Called with the share done, in [0, 1].

    Returns:
        The text when there is no output file, else "".

    Raises:
        FacevlmError: As `perceive` and `FaceAnalyser`; OutputError when the file cannot be written.
    """
    from facevlm.analysing import analyse
    from facevlm.exports.analysis_document import to_json
    from facevlm.exports.atomic_file import write_text
    from facevlm.models.face_analyser import FaceAnalyser
    from facevlm.models.face_answers import PARSING
    from facevlm.perceiving import PerceptionConfig
    from facevlm.video.probe import probe

    analyser = FaceAnalyser(weights, sensitive=sensitive, offline=offline)
    start, end = span
    analysis = analyse(
        clip,
        analyser,
        every_s=every_s,
        fps=fps,
        start=start,
        end=end,
        config=PerceptionConfig(detector=detector, embedder=embedder),
        saved=saved,
        on_progress=share_of_span(span, probe(clip).duration_s, on_progress),
    )
    text = to_json(analysis, weights=analyser.origin.name, sensitive=sensitive, parsing=PARSING)
    if output is None:
        return text
    write_text(text, output)
    return ""
