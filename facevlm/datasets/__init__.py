"""What others published: a reader for each dataset, pairs for face verification, the check for leaks.

Readers follow the datasets' own layouts; a `Dataset` says which parts of that nobody has verified. They stream
annotations and only look whether media are there.
"""

from facevlm.datasets.overlap import Overlap, overlap
from facevlm.datasets.presence import presence
from facevlm.datasets.readers import DATASETS, dataset_named
from facevlm.datasets.record import Clip, Dataset, read_part
from facevlm.datasets.verification_pairs import VerificationPair, verification_pairs

__all__ = [
    "DATASETS",
    "Clip",
    "Dataset",
    "Overlap",
    "VerificationPair",
    "dataset_named",
    "overlap",
    "presence",
    "read_part",
    "verification_pairs",
]
