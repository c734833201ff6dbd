"""FaceXFormer as an analyser: public weights from a file or folder, crops in, named answers out.

The sizes are read off the weights, so that small ones work as the released ones do.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facevlm.errors import WeightsError
from facevlm.models.checkpoint import shape_of
from facevlm.models.config import box_config
from facevlm.models.face_answers import NamedFace, named
from facevlm.models.facexformer import STAGES, FaceXFormer, FaceXFormerConfig
from facevlm.models.preprocess import face_pixels
from facevlm.models.public_files import find_public
from facevlm.models.reference_weights import FACEXFORMER, FACEXFORMER_SAVED
from facevlm.models.weight_loading import load_weights

SOURCE = "facexformer"
IN_WHOLE_MODELS = "facexformer."  # before its names in an assembled model
AT_ONCE = 8  # faces


class FaceAnalyser:
    """Answers about face crops.

    Args:
        weights: The released `model.pt`, what `facevlm models convert` made of it, or a folder: of an assembled model,
            or with one of those; or a repository on the hub.
        sensitive: Tell age, gender and race, and the attributes that guess at a person.
        offline: Look for a repository in the hub's cache only.

    Attributes:
        sensitive: As given.
        origin: File of the weights.

    Raises:
        WeightsError: They are missing, damaged, or not FaceXFormer's.
    """

    def __init__(self, weights: str | Path, *, sensitive: bool = False, offline: bool = False) -> None:
        file = find_public(SOURCE, str(weights), offline=offline)
        assert file.file is not None
        held: Mapping[str, Tensor] = file.weights()
        if inside := [name for name in held if name.startswith(IN_WHOLE_MODELS)]:
            held, table = {name: held[name] for name in inside}, FACEXFORMER_SAVED
            config = box_config(FaceXFormerConfig, _fields_of(file.folder / "config.json"))
        else:
            table, config = FACEXFORMER, config_of(held, source=file.file)
        self._model = FaceXFormer(config).eval()
        load_weights(self._model, held, table, source=file.file)
        self.sensitive, self.origin = sensitive, file.file

    def __call__(self, crops: Sequence[np.ndarray]) -> list[NamedFace]:
        """Named answers about crops.

        Args:
            crops: uint8 (H, W, 3) RGB each, of a face with its surroundings, see `faces.crop.face_crop`.

        Returns:
            One entry per crop; landmarks in pixels of the network's square input.
        """
        found: list[NamedFace] = []
        side = self._model.config.image_size
        with torch.inference_mode():
            for start in range(0, len(crops), AT_ONCE):
                pixels = torch.from_numpy(face_pixels(crops[start : start + AT_ONCE], side=side))
                found += named(self._model(pixels).answers, sensitive=self.sensitive)
        return found


def config_of(weights: Mapping[str, Tensor], *, source: object = None) -> FaceXFormerConfig:
    """Sizes that weights with public or our own names have; the decoder's number of heads is the released one.

    Raises:
        WeightsError: They are not FaceXFormer's.
    """
    ours = {}
    for name in weights:
        try:
            here = FACEXFORMER.find(name)
        except KeyError:
            here = None
        for each in here or ():
            ours[each] = shape_of(weights, name)
        ours.setdefault(name, shape_of(weights, name))
    try:
        patches = ours["backbone.embeddings.patch_embeddings.projection.weight"]
        tables = {
            (int(name.split(".")[3]), int(name.split(".")[5])): shape
            for name, shape in ours.items()
            if name.startswith("backbone.encoder.layers.") and name.endswith("relative_position_bias_table")
        }
        depths = tuple(sum(stage == wanted for stage, _ in tables) for wanted in range(STAGES))
        return FaceXFormerConfig(
            patch_size=patches[2],
            embed_dim=patches[0],
            depths=depths,
            num_heads=tuple(tables[stage, 0][1] for stage in range(STAGES)),
            window_size=(round(tables[0, 0][0] ** 0.5) + 1) // 2,
            width=ours["linear_fuse.weight"][0],
            decoder_mlp=ours["face_decoder.transformer.layers.0.mlp.lin1.weight"][0],
        )
    except (KeyError, IndexError) as error:
        raise WeightsError("are no weights of FaceXFormer", where=source, mend="see: facevlm models list") from error


def _fields_of(config: Path) -> dict[str, object]:
    """Sizes in the config of an assembled model."""
    try:
        fields = json.loads(config.read_text(encoding="utf-8")).get("facexformer") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError("cannot be read", where=config) from error
    return dict(fields)
