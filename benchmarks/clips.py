"""The clips that benchmarks run on: a folder of real ones, or puppets filmed on the spot; long ones made by looping.

    python benchmarks/clips.py DIR          film the puppets: one face 512x512, and wide scenes with small faces
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".m4v"}
SMALL_FACE_PX = (72, 48, 32)  # heights of the faces of the wide scenes
WIDE_S = 10.0


def find_clips(folder: Path | None, made: Path) -> list[Path]:
    """The folder's clips by name; the puppets of `made` (filmed where missing) when none is named."""
    if folder is None:
        return film(made)
    clips = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not clips:
        raise SystemExit(f"{folder}: no clips; give --clips a folder of videos, or leave it out")
    return clips


def film(folder: Path) -> list[Path]:
    """Film the puppets into a folder, with the true boxes beside them (`NAME.boxes.json`)."""
    from facevlm.puppet.demo import NAME, make_demo_clip

    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / NAME).exists():
        _keep_boxes(make_demo_clip(folder))
    wide = [folder / f"wide_{px}px.mp4" for px in SMALL_FACE_PX]
    for path, px in zip(wide, SMALL_FACE_PX, strict=True):
        if not path.exists():
            film_wide(path, px)
    return [folder / NAME, *wide]


def loop(clip: Path, minutes: float, target: Path) -> Path:
    """Repeat a clip until it lasts `minutes`: its packets are copied with shifted time stamps, nothing is encoded."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        stream = out.add_stream_from_template(video)
        packets = [p for p in source.demux(video) if p.size]
        length = max(p.pts + (p.duration or 0) for p in packets) - min(p.pts for p in packets)
        first = min(p.dts for p in packets)
        rounds = max(1, round(minutes * 60 / float(length * video.time_base)))
        data = [(bytes(p), p.pts - first, p.dts - first, p.duration, p.is_keyframe) for p in packets]
        for number in range(rounds):
            for content, pts, dts, duration, key in data:
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, Fraction(video.time_base)
                packet.pts, packet.dts = pts + number * length, dts + number * length
                packet.duration, packet.is_keyframe = duration, key
                out.mux(packet)
    return target


def film_wide(path: Path, px: int) -> None:
    """Four people of one height walk before a wall, 1280x720, 10 s."""
    from facevlm.puppet.demo import astronaut
    from facevlm.puppet.puppet import Puppet
    from facevlm.puppet.record import write_clip
    from facevlm.puppet.scene import Actor, Film, Key, Scene, Shot
    from facevlm.puppet.script import random_script

    puppet = Puppet.from_photo(astronaut(), size=256)
    actors = []
    for number in range(4):
        x, y = 0.14 + 0.24 * number, 0.38 + 0.12 * (number % 2)
        script = random_script(number, WIDE_S, rate=0.6)
        path_of = (Key(0, x, y, px / 720), Key(WIDE_S, x + 0.08, y, px / 720))
        actors.append(Actor(f"person {number}", puppet, script, path_of))
    wall = np.random.default_rng(0).normal([128, 122, 112], 6, (720, 1280, 3)).clip(0, 255).astype(np.uint8)
    _keep_boxes(write_clip(path, Scene((Shot(WIDE_S, tuple(actors), wall),), (1280, 720), Film(noise=2.0))))


def _keep_boxes(truth) -> None:
    rows = [{name: box.round(1).tolist() for name, box in boxes.items()} for boxes in truth.boxes]
    Path(truth.path).with_suffix(".boxes.json").write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    for clip in film(Path(sys.argv[1])):
        print(clip)
