"""The datasets by name."""

from facevlm.datasets.afew_va import AFEW_VA
from facevlm.datasets.caer import CAER
from facevlm.datasets.celebvhq import CELEBVHQ
from facevlm.datasets.dfec import DFEC
from facevlm.datasets.dfew import DFEW
from facevlm.datasets.emer import EMER
from facevlm.datasets.faceforensics import FFPP
from facevlm.datasets.ferv39k import FERV39K
from facevlm.datasets.hmdb51 import HMDB51
from facevlm.datasets.mafw import MAFW
from facevlm.datasets.mer import MER2023, MER2024
from facevlm.datasets.ravdess import RAVDESS
from facevlm.datasets.record import Dataset
from facevlm.datasets.youtube_faces import YTF
from facevlm.errors import UsageError

_ALL = (DFEC, DFEW, MAFW, EMER, YTF, CELEBVHQ, FFPP, HMDB51, RAVDESS, CAER, AFEW_VA, FERV39K, MER2023, MER2024)
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}


def dataset_named(name: str) -> Dataset:
    """The dataset of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in DATASETS:
        raise UsageError(f"no dataset {name!r}", where="--dataset", mend=f"choose among {', '.join(DATASETS)}")
    return DATASETS[name]
