"""Small clips made with PyAV, of every kind a user may have."""

import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

MakeClip = Callable[..., Path]


def numbered(index: int, width: int, height: int) -> np.ndarray:
    """A red picture, its top left quarter green, its blue level 8 times the number of the frame."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = (200, 30, 0)
    image[: height // 2, : width // 2] = (20, 220, 0)
    image[..., 2] = min(index * 8, 240)
    return image


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Returns a function that writes a clip: make_clip(name, encoder, times or number of frames, ...)."""

    def make(
        name: str,
        encoder: str = "libx264",
        *,
        times: list[float] | int = 10,
        size: tuple[int, int] = (64, 48),
        pixels: str = "yuv420p",
        options: dict[str, str] | None = None,
        container: str | None = None,
        rotation: int = 0,
        flip: bool = False,
        aspect: Fraction | None = None,
        rate: int = 25,
        ticks: int | None = None,
    ) -> Path:
        try:
            av.Codec(encoder, "w")
        except av.FFmpegError:
            pytest.skip(f"this FFmpeg has no encoder {encoder}")
        path = tmp_path / name
        stamps = [i / rate for i in range(times)] if isinstance(times, int) else times
        with av.open(str(path), "w", format=container) as out:
            stream = out.add_stream(encoder, rate=rate, options=options or {})
            stream.width, stream.height = size
            stream.pix_fmt = pixels
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            unit = Fraction(1, ticks or rate)
            stream.time_base = stream.codec_context.time_base = unit
            if rotation or flip:
                if not hasattr(stream, "set_display_rotation"):
                    pytest.skip("this PyAV cannot write a rotation")
                stream.set_display_rotation(rotation, hflip=flip)
            for i, time in enumerate(stamps):
                frame = av.VideoFrame.from_ndarray(numbered(i, *size), format="rgb24")
                frame.pts, frame.time_base = round(time / unit), unit
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path

    return make


@pytest.fixture
def sound_only(tmp_path: Path) -> Path:
    """A sound file under a video's name."""
    path = tmp_path / "sound.mp4"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack("<4000h", *([1000, -1000] * 2000)))
    return path
