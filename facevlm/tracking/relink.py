"""People who come back: tracks that never share a moment and look alike become one person, in a shot or across a cut.

Conservative, for a wrong join mixes two people's expressions while a missed one only splits a person: the mean
appearance vectors must be alike, and more alike than any two faces that were ever seen at the same time, who cannot be
one person. Before that, AFLink joins what movement alone shows to be one track, within a shot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from facevlm.tracking.aflink import AFLinkConfig, LinkScore, find_links, geometric_score, network_score
from facevlm.tracking.track import Join
from facevlm.tracking.tracklet import Totals

FAR = 9.0  # distance of two who are never joined


@dataclass(frozen=True)
class RelinkConfig:
    """When two tracks are one person.

    Attributes:
        min_similarity: Least cosine similarity of the mean appearance vectors. Measured with `AppearanceDescriptor`: no
            two strangers among 34 photos and 15 tracks above .932; the same singer in two shots of one stage .94.
            Re-tune it for another embedder. More than 1: no relinking by appearance.
        margin: ... which must exceed that of any two people seen at one time by this.
        min_vectors: Tracks with fewer appearance vectors are left alone.
        aflink: Which tracks movement alone may join; None: none. Distances count in box heights, for faces are of any
            size.
        aflink_weights: Path of trained weights of AFLink's network; None: geometry decides.
        aflink_min_similarity: Tracks whose vectors are both known and less alike are not joined by movement.
    """

    min_similarity: float = 0.95
    margin: float = 0.02
    min_vectors: int = 3
    aflink: AFLinkConfig | None = field(default_factory=lambda: AFLinkConfig(max_distance=None, max_heights=1.0))
    aflink_weights: str | None = None
    aflink_min_similarity: float = 0.85


@dataclass(frozen=True)
class Linked:
    """One person: the totals of all parts, and how they were joined."""

    totals: Totals
    joins: tuple[Join, ...] = ()


People = dict[tuple[int, ...], Linked]  # sorted ids of the parts -> person


def relink(
    tracks: Mapping[int, Totals], config: RelinkConfig, *, frame_s: float = 1 / 30, score: LinkScore | None = None
) -> People:
    """Join the tracks of one person, by movement, then by appearance.

    Args:
        tracks: Provisional id -> totals of a closed track.
        config: Thresholds.
        frame_s: Seconds of a frame of nominal length, in which AFLink counts.
        score: Judges movement; None for that of the config, which is made then (`link_score`).

    Returns:
        Persons in order of their smallest id.
    """
    people: People = {(track_id,): Linked(totals) for track_id, totals in sorted(tracks.items())}
    for join in movement_joins(tracks, config, frame_s=frame_s, score=score):
        a, b = (next(ids for ids in people if part in ids) for part in (join.former, join.latter))
        people = _joined(people, a, b, join)
    return _join_by_appearance(people, tracks, config)


def link_score(config: RelinkConfig) -> LinkScore:
    """What judges whether two tracks are one by movement: the network where there are weights, which are read now.

    Raises:
        MissingExtraError, WeightsError: As `network_score`.
    """
    return geometric_score if config.aflink_weights is None else network_score(config.aflink_weights)


def movement_joins(
    tracks: Mapping[int, Totals], config: RelinkConfig, *, frame_s: float, score: LinkScore | None = None
) -> list[Join]:
    """The tracks of one shot that AFLink finds to be one and whose looks do not contradict; arguments as `relink`."""
    if config.aflink is None or len(tracks) < 2:
        return []

    def may_be_one(former: int, latter: int) -> bool:
        one, other = tracks[former], tracks[latter]
        unknown = one.mean_vector is None or other.mean_vector is None
        return one.shots[-1] == other.shots[0] and (unknown or _similarity(one, other) >= config.aflink_min_similarity)

    how, score = "geometry" if config.aflink_weights is None else "aflink", score or link_score(config)
    ends = {i: totals.ends(frame_s) for i, totals in tracks.items() if len(totals.first_rows)}
    links = find_links(ends, score, config.aflink, may_be_one=may_be_one)
    return [Join(link.former, link.latter, how, link.score, across_cut=False) for link in links]


def _join_by_appearance(people: People, tracks: Mapping[int, Totals], config: RelinkConfig) -> People:
    """Join persons, the most alike first, until no two are alike enough.

    Every part must look like every part (complete linkage), so that a chain of half-likenesses joins nobody.
    """
    nodes = [(ids, person) for ids, person in people.items() if person.totals.vectors >= max(config.min_vectors, 1)]
    if len(nodes) < 2:
        return people
    from scipy.cluster.hierarchy import linkage  # slow to import, and only several tracks need it

    unlike_pairs, strangers = _unlike([person.totals for _, person in nodes])
    least = max(config.min_similarity, strangers + config.margin)
    result, alone = dict(people), dict(enumerate(nodes))
    tree = linkage(unlike_pairs, "complete")
    for node, (one, other, unlike, _) in enumerate(tree, start=len(nodes)):
        if 1 - unlike < least:
            break
        (a, first), (b, second) = alone.pop(int(one)), alone.pop(int(other))
        former, latter, across = _nearest(a, b, tracks)
        both = _linked(first, second, Join(former, latter, "appearance", float(1 - unlike), across))
        alone[node] = tuple(sorted(a + b)), both
        del result[a], result[b]
        result[alone[node][0]] = both
    return dict(sorted(result.items()))


def _unlike(people: Sequence[Totals]) -> tuple[np.ndarray, float]:
    """How unlike people with vectors are, and how alike two are who were seen at one time.

    Returns:
        float32 (N (N - 1) / 2,) cosine distances of all pairs as SciPy condenses them, `FAR` for those seen at one
        time; and the greatest cosine similarity of these, -1 where there are none.
    """
    from scipy.spatial.distance import squareform

    vectors = np.empty((len(people), len(people[0].vector_sum)), np.float32)  # type: ignore[arg-type]  # there are some
    for row, totals in zip(vectors, people, strict=True):
        row[:] = totals.mean_vector
    alike, apart = vectors @ vectors.T, _at_one_time(people)
    distance = np.maximum(1 - alike, 0)
    distance[apart] = FAR
    return squareform(distance, checks=False), float(alike[apart].max(initial=-1.0))


def _at_one_time(people: Sequence[Totals]) -> np.ndarray:
    """bool (N, N): whether two were in the picture at one time (between the first and last sight within a shot)."""
    owner = np.array([k for k, totals in enumerate(people) for _ in totals.spans])
    starts, ends = np.array([span for totals in people for span in totals.spans]).T
    result = np.zeros((len(people), len(people)), bool)
    for k, start, end in zip(owner, starts, ends, strict=True):
        result[k, owner[(starts <= end) & (ends >= start)]] = True
    np.fill_diagonal(result, False)
    return result


def _joined(people: People, a: tuple[int, ...], b: tuple[int, ...], join: Join) -> People:
    """The people with two of them as one."""
    rest = {ids: person for ids, person in people.items() if ids not in (a, b)}
    return dict(sorted({**rest, tuple(sorted(a + b)): _linked(people[a], people[b], join)}.items()))


def _linked(one: Linked, other: Linked, join: Join) -> Linked:
    """Two as one person."""
    joins = tuple(sorted((*one.joins, *other.joins, join), key=lambda j: (j.latter, j.former)))
    return Linked(one.totals.joined(other.totals), joins)


def _nearest(a: tuple[int, ...], b: tuple[int, ...], tracks: Mapping[int, Totals]) -> tuple[int, int, bool]:
    """The parts of two persons with the least time between them, the earlier first, and whether a cut lies there."""
    pairs = [(i, j) if tracks[i].spans[0] <= tracks[j].spans[0] else (j, i) for i in a for j in b]
    former, latter = min(pairs, key=lambda pair: (tracks[pair[1]].spans[0][0] - tracks[pair[0]].spans[-1][1], pair))
    return former, latter, tracks[former].shots[-1] != tracks[latter].shots[0]


def _similarity(one: Totals, other: Totals) -> float:
    """Cosine similarity of the mean vectors, in [-1, 1]."""
    a, b = one.mean_vector, other.mean_vector
    return -1.0 if a is None or b is None else float(a @ b)
