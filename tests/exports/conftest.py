"""Small synthetic descriptions, so that each export is tested without a video, a model or a clip."""

import io
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from facevlm.description import AppearanceValue, Description, Person, Sentence, Thumbnail
from facevlm.expression.event import ACTIONS, Event, SignalTable
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo


def make_event(number: int, action: str, t0: float, t1: float, **changes) -> Event:
    event = Event(number, action, t0, (t0 + t1) / 2, t1, "clear", 0.9)
    return replace(event, **changes)


def make_signals(duration: float, *, fps: float = 25.0, seed: int = 0) -> SignalTable:
    times = np.arange(0, duration, 1 / fps)
    wave = np.sin(times + seed).astype(np.float32)
    hole = wave.copy()
    hole[len(times) // 3 : len(times) // 2] = np.nan
    return SignalTable(times, np.zeros(len(times), np.int32), {"yaw": 20 * wave, "smile": hole * 0.1})


def make_person(track_id: int, events: tuple[Event, ...], *, duration: float = 6.0, main: bool = False) -> Person:
    summary = TrackSummary(
        track_id, (track_id,), ((0.0, duration),), int(duration * 25), 0.07 / track_id, 0.93, main,
        f"person {track_id} covers {7 / track_id:.1f} % of the picture", np.array([10, 20, 60, 90], np.float32),
    )  # fmt: skip
    acted = [Sentence(f"The person shows {event.action}.", (event.id,)) for event in events]
    sentences = (Sentence("The person has dark hair."), *acted)
    caption = " ".join(sentence.text for sentence in sentences)
    appearance = {"hair": AppearanceValue("dark", 0.8)}
    return Person(summary, appearance, events, caption, sentences, make_signals(duration, seed=track_id))


def make_thumbnail(time: float, *, size: tuple[int, int] = (96, 72)) -> Thumbnail:
    shade = int(80 + 100 * abs(np.sin(time)))
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 120, 255 - shade)).save(buffer, "JPEG")
    return Thumbnail(time, buffer.getvalue())


def make_description(
    people: tuple[Person, ...], *, path: str = "clips/talk.mp4", duration: float | None = 6.0, **changes
) -> Description:
    length = duration or 6.0
    description = Description(
        VideoInfo(path, duration, 640, 480, Fraction(30000, 1001), 0, "h264"),
        DecodeReport(180, 0, length),
        people,
        people[0].caption if people else "No face is seen in the video.",
        (),
        ((0.0, length),),
        tuple(make_thumbnail(t) for t in np.linspace(0, length, 8, endpoint=False)),
    )
    return replace(description, **changes)


@pytest.fixture
def two_people() -> Description:
    """Two people; the first has overlapping events of several regions, and one action on both sides at once."""
    first = make_person(1, (
        make_event(1, "smile", 0.5, 4.0, strength="strong", image_side="right"),
        make_event(2, "blink", 1.28, 1.46, peak=1.34),
        make_event(3, "smile", 3.0, 5.0, strength="slight", image_side="left"),
        make_event(4, "head_turn_left", 4.2, 5.5, image_side="right"),
    ), main=True)  # fmt: skip
    second = make_person(2, (make_event(5, "brow_raise", 1.0, 2.0), make_event(6, "blink", 5.0, 5.1)))
    return make_description((first, second), shots=((0.0, 2.5), (2.5, 6.0)))


@pytest.fixture
def one_person() -> Description:
    """One person who blinks once."""
    return make_description((make_person(1, (make_event(1, "blink", 1.28, 1.46, peak=1.34),), main=True),))


@pytest.fixture
def nobody() -> Description:
    """A video without a face, of unknown duration and rate."""
    description = make_description((), duration=None, filmstrip=(), shots=())
    return replace(description, video=replace(description.video, fps=None))


@pytest.fixture
def every_action() -> Description:
    """One person who does everything, one action after the other."""
    events = tuple(make_event(n, action, n * 1.0, n + 0.8) for n, action in enumerate(ACTIONS, start=1))
    return make_description((make_person(1, events, duration=40.0, main=True),), duration=40.0)
