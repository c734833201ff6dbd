"""Options that several verbs have."""

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary; errors are still told.")]
Fps = Annotated[
    str,
    typer.Option(help="Frames to look at per second: native (up to 30) or a number; blinks need at least 16."),
]
Start = Annotated[str | None, typer.Option(help="Look from here on: seconds or mm:ss.")]
End = Annotated[str | None, typer.Option(help="Look up to here: seconds or mm:ss.")]
Detector = Annotated[
    str,
    typer.Option(
        metavar="whole|small|scrfd:PATH|yunet:PATH",
        help="How faces are found: small looks at tiles too, for wide shots, and takes several times as long; "
        "scrfd: and yunet: are ONNX files of your own.",
    ),
]
Embedder = Annotated[
    str,
    typer.Option(
        metavar="descriptor|onnx:PATH",
        help="What tells people apart: descriptor compares colour and shading, and recognises nobody; onnx: is a face "
        "embedder of your own, an identity function.",
    ),
]
Saved = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Keep what was seen (meshes and appearance vectors) in this folder, and use what is there; a run that was "
        "killed goes on where it was.",
    ),
]
Evidence = Annotated[
    str | None,
    typer.Option(
        metavar="events|description:MODEL",
        help="Put the measured events, or the description that another model gives, into the prompt.",
    ),
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")]
Quantize = Annotated[
    str | None,
    typer.Option(metavar="4bit|8bit", help="Keep the language model in few bits (needs a GPU and the extra quantize)."),
]
Device = Annotated[str | None, typer.Option(help="Where models run, such as cpu or cuda. Default: a GPU if any.")]
