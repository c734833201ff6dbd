"""Find public files: by a path, or by the name of a repository on the hub, through the hub's own cache.

A repository is written OWNER/NAME or OWNER/NAME@REVISION. Of a folder or repository the file of weights is found by the
names that transformers gives; it may also be named: a path to the file itself.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from facevlm.errors import WeightsError
from facevlm.models.checkpoint import PICKLES, files_of, open_checkpoint
from facevlm.models.model_parts import PublicSource, find_source

HUB_ID = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[\w./-]+))?")
USUAL = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin")
SMALL = ["*.json", "*.md", "*.txt", "tokenizer*", "*.model"]  # configs, cards, tokenizers
OTHER_FORMS = ["consolidated*", "*.gguf"]  # the same weights once more, in forms that are not read here


@dataclass(frozen=True)
class PublicFile:
    """What a source is on this machine.

    Attributes:
        source: Key in `SOURCES`.
        about: Its row.
        where: Path or repository, as the user gave it.
        folder: Folder with the config, the card and the tokenizer, where there are any.
        file: File of weights, or index of shards; None for a source of a tokenizer alone.
        revision: Commit of the repository, None for a path.
        licence: Of its own card, else as the row has it.
    """

    source: str
    about: PublicSource
    where: str
    folder: Path
    file: Path | None
    revision: str | None
    licence: str

    def weights(self) -> Mapping[str, Tensor]:
        """The tensors, read when asked for; raises as `open_checkpoint`."""
        return open_checkpoint(self.file, entry=self.about.entry) if self.file else {}

    def hashes(self) -> dict[str, str]:
        """File name -> sha256, of each file that holds tensors."""
        return {path.name: _sha256(path) for path in files_of(self.file)} if self.file else {}


def find_public(source: str, where: str = "", *, offline: bool = False) -> PublicFile:
    """Find a source's files, fetching a repository when it is not in the cache.

    Args:
        source: Key in `SOURCES`.
        where: Path of a file or folder, or repository; "" for the source's own repository.
        offline: Whether to look in the cache only.

    Raises:
        UsageError: There is no such source.
        WeightsError: Nothing is there, it cannot be fetched, or it is not clear which file is meant.
    """
    about = find_source(source)
    where = where or about.hub_id
    if not where:
        raise WeightsError("is in no repository of the hub", where=source, mend=f"give a path: --from {source}=PATH")
    path, revision = Path(where).expanduser(), None
    if not path.exists():
        match = HUB_ID.fullmatch(where)
        if not match:
            mend = "give the path of a file or folder, or a repository OWNER/NAME"
            raise WeightsError("there is no such file or folder", where=where, mend=mend)
        path = _from_hub(match["repo"], match["revision"], about, offline=offline)
        revision = path.name
    folder = path if path.is_dir() else path.parent
    file = None if not about.gives else path if path.is_file() else _weights_in(path, about.file)
    return PublicFile(source, about, where, folder, file, revision, _licence(folder) or about.licence)


def _from_hub(repo: str, revision: str | None, about: PublicSource, *, offline: bool) -> Path:
    """Folder of a repository in the hub's cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = [about.file] if about.file and repo == about.hub_id else ["*.safetensors"] if about.gives else []
    try:
        folder = Path(
            snapshot_download(repo, revision=revision, allow_patterns=wanted + SMALL, local_files_only=offline)
        )
        if about.gives and not any(path.suffix in (".safetensors", *PICKLES) for path in folder.rglob("*")):
            snapshot_download(repo, revision=revision, allow_patterns=["*.bin", *SMALL], local_files_only=offline)
    except LocalEntryNotFoundError as error:
        if offline:
            mend = "run once without --offline, or give a path"
            raise WeightsError("is not in the cache of the hub", where=repo, mend=mend) from error
        raise _unreachable(repo, error) from error
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise _unreachable(repo, error) from error
    return folder


def _unreachable(repo: str, error: Exception) -> WeightsError:
    first = str(error).strip().splitlines() or [type(error).__name__]
    mend = "check name and network, for a gated repository run `hf auth login`, or give a path"
    return WeightsError(f"cannot be fetched from the hub: {first[0].rstrip('.')}", where=repo, mend=mend)


def _weights_in(folder: Path, file: str) -> Path:
    """The file of weights in a folder."""
    for name in (file, Path(file).name, *USUAL):
        if name and (folder / name).is_file():
            return folder / name
    found = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", *PICKLES))
    if len(found) != 1:
        what = (
            f"holds several files of weights: {', '.join(p.name for p in found[:5])}" if found else "holds no weights"
        )
        raise WeightsError(what, where=folder, mend="give the path of the file")
    return found[0]


def _licence(folder: Path) -> str | None:
    """What the folder's own card says."""
    from huggingface_hub.repocard import metadata_load

    card = folder / "README.md"
    try:
        facts = metadata_load(card) if card.is_file() else None
    except ValueError:  # a card whose front matter cannot be read says nothing
        return None
    stated = (facts or {}).get("license_name") or (facts or {}).get("license")
    return stated if isinstance(stated, str) else None


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror}", where=path) from error
