"""People who come back: tracks that never share a moment and look alike become one person.

Conservative, for a wrong join mixes two people's expressions while a missed one only splits a person: the mean
appearance vectors must be alike, and more alike than any two faces that were ever seen at the same time, who cannot be
one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from facevlm.tracking.tracklet import Totals


@dataclass(frozen=True)
class RelinkConfig:
    """When two tracks are one person.

    Attributes:
        min_similarity: Least cosine similarity of the mean appearance vectors. Measured with `AppearanceDescriptor`: no
            two strangers among 34 photos and 15 tracks above .932; the same singer in two shots of one stage .94.
            Re-tune it for another embedder.
        margin: ... which must exceed that of any two people seen at one time by this.
        min_vectors: Tracks with fewer appearance vectors are left alone.
    """

    min_similarity: float = 0.95
    margin: float = 0.02
    min_vectors: int = 3


def relink(tracks: Mapping[int, Totals], config: RelinkConfig) -> dict[tuple[int, ...], Totals]:
    """Join the tracks of one person, the most alike first, until no two are alike enough.

    Args:
        tracks: Provisional id -> totals of a closed track.
        config: Thresholds.

    Returns:
        Sorted ids of the joined tracks -> their totals, in order of the smallest id.
    """
    people: dict[tuple[int, ...], Totals] = {(track_id,): totals for track_id, totals in sorted(tracks.items())}
    comparable = {ids: t for ids, t in people.items() if t.vectors >= config.min_vectors}
    alike = {(a, b): _similarity(comparable[a], comparable[b]) for a, b in combinations(comparable, 2)}
    strangers = [s for (a, b), s in alike.items() if comparable[a].overlaps(comparable[b])]
    least = max(config.min_similarity, max(strangers, default=-1.0) + config.margin)
    while True:
        alike = {(a, b): s for (a, b), s in alike.items() if s >= least and not people[a].overlaps(people[b])}
        if not alike:
            return dict(sorted(people.items()))
        a, b = max(alike, key=lambda pair: (alike[pair], pair))
        ids = tuple(sorted(a + b))
        people[ids] = people.pop(a).joined(people.pop(b))
        alike = {pair: s for pair, s in alike.items() if a not in pair and b not in pair}
        # every part must look like every part (complete linkage), so that a chain of half-likenesses joins nobody
        for other in [c for c in people if c != ids and people[c].vectors >= config.min_vectors]:
            alike[ids, other] = min(_similarity(tracks[i], tracks[j]) for i in ids for j in other)


def _similarity(one: Totals, other: Totals) -> float:
    """Cosine similarity of the mean vectors, in [-1, 1]."""
    a, b = one.mean_vector, other.mean_vector
    return -1.0 if a is None or b is None else float(a @ b)
