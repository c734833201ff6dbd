"""Train AFLink's network on tracks with known ids, MOTChallenge text, one file a video (needs the extra `models`).

    python benchmarks/train_aflink.py gt/*.txt -o aflink.safetensors

Frames of the files must be of nominal length (1/30 s unless `StrongSortConfig.frame_s` says otherwise); `--frame-scale`
brings others to it: 30 / 16 for files that count the frames of 16 per second.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.progress import Progress
from safetensors.torch import save

from facevlm.errors import FacevlmError, InputError, OutputError
from facevlm.exports.atomic_file import replacing
from facevlm.tracking.aflink_training import TrainingConfig, train

MEND = "give lines of frame, id, x, y, width, height"


def read_tracks(path: Path, scale: float) -> list[np.ndarray]:
    """Tracks of a MOTChallenge file: float (K, 5) frame, x, y, width, height, in order of time.

    Raises:
        InputError: The file is missing, empty, or no MOTChallenge text.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = np.array([[float(number) for number in line.split(",")[:6]] for line in lines])
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    except ValueError as error:
        raise InputError(f"no MOTChallenge text: {error}", where=path, mend=MEND) from error
    if rows.ndim != 2 or rows.shape[1] < 6 or not np.isfinite(rows).all():
        raise InputError("no MOTChallenge text" if lines else "is empty", where=path, mend=MEND)
    rows[:, 0] *= scale
    tracks = [rows[rows[:, 1] == track_id][:, [0, 2, 3, 4, 5]] for track_id in np.unique(rows[:, 1])]
    return [track[np.argsort(track[:, 0])] for track in tracks]


def main() -> None:
    """Read, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument("--epochs", type=int, default=TrainingConfig().epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frame-scale", type=float, default=1.0, help="nominal frames per frame of the files")
    options = parser.parse_args()
    try:
        write_weights(options)
    except FacevlmError as error:
        sys.exit(f"error: {error}")


def write_weights(options: argparse.Namespace) -> None:
    """Train with the options of the command line."""
    folder = options.output.absolute().parent
    if not folder.is_dir():
        raise OutputError("the folder does not exist", where=options.output, mend=f"create {folder} first")
    videos = [read_tracks(path, options.frame_scale) for path in options.files]
    config = TrainingConfig(epochs=options.epochs, seed=options.seed)
    with Progress() as progress:
        task = progress.add_task("training", total=config.epochs)

        def told(epoch: int, loss: float) -> None:
            progress.update(task, completed=epoch, description=f"loss {loss:.4f}")

        network = train(videos, config, on_epoch=told)
    with replacing(options.output) as temporary:
        temporary.write_bytes(save(network.state_dict()))
    print(options.output, file=sys.stderr)


if __name__ == "__main__":
    main()
