"""What the numbers of FaceXFormer mean: names of its classes, landmarks in pixels, pose, masks.

Orders after the spec of the released checkpoint: CelebA's attributes, decades of age, the released order of its five
race classes (not that of UTKFace's file names), 29 COFW points, LaPa's eleven parsing classes. In parsing, left and
right are the viewer's sides, as in LaPa.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from facevlm.models.face_decoder import FaceAnswers

ATTRIBUTES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose"),
    *("Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses"),
    *("Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache"),
    *("Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks"),
    *("Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick"),
    *("Wearing_Necklace", "Wearing_Necktie", "Young"),
)
AGES = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+")
GENDERS = ("male", "female")
RACES = ("White", "Black", "Indian", "Asian", "Others")
PARSING = (
    *("background", "skin", "image_left_brow", "image_right_brow", "image_left_eye", "image_right_eye", "nose"),
    *("upper_lip", "inner_mouth", "lower_lip", "hair"),
)


@dataclass(frozen=True)
class SensitiveGuess:
    """A guess at age, gender or race: asked for by name only, never part of a default output.

    Attributes:
        name: The likeliest class.
        probability: Softmax of its logit, 0 .. 1; uncalibrated.
    """

    name: str
    probability: float


@dataclass(frozen=True)
class NamedFace:
    """What FaceXFormer says of one face crop of W x H pixels.

    Attributes:
        landmarks: float32 (68, 2) x, y in pixels of the crop, iBUG order.
        pitch_deg, yaw_deg, roll_deg: Head pose in degrees, as the network's training data signs it.
        attributes: CelebA attribute -> probability, 0 .. 1, without `Male`, `Young` and `Attractive`, which are
            sensitive.
        hidden: float32 (29,) probability that each COFW point is hidden.
        parsing: uint8 (H, W) index into `PARSING`.
        age, gender, race: None unless asked for.
    """

    landmarks: np.ndarray
    pitch_deg: float
    yaw_deg: float
    roll_deg: float
    attributes: dict[str, float]
    hidden: np.ndarray
    parsing: np.ndarray
    age: SensitiveGuess | None = None
    gender: SensitiveGuess | None = None
    race: SensitiveGuess | None = None


SENSITIVE_ATTRIBUTES = ("Attractive", "Male", "Young")


def named(answers: FaceAnswers, *, sensitive: bool = False) -> list[NamedFace]:
    """Names for raw outputs, one entry per face.

    Args:
        answers: Outputs for B faces.
        sensitive: Tell age, gender and race, and the attributes in `SENSITIVE_ATTRIBUTES`, too.
    """
    attributes, hidden = answers.attributes.float().sigmoid(), answers.visibility.float().sigmoid()
    pose = answers.head_pose.float().rad2deg()
    parsing = answers.parsing.argmax(1).byte()
    told = [name for name in ATTRIBUTES if sensitive or name not in SENSITIVE_ATTRIBUTES]
    faces = []
    for k in range(len(attributes)):
        size = (parsing.shape[-1], parsing.shape[-2])
        everything = dict(zip(ATTRIBUTES, attributes[k].tolist(), strict=True))
        pitch, yaw, roll = pose[k].tolist()
        faces.append(
            NamedFace(
                landmarks=in_pixels(answers.landmarks[k].float().cpu().numpy().reshape(-1, 2), size),
                pitch_deg=pitch,
                yaw_deg=yaw,
                roll_deg=roll,
                attributes={name: everything[name] for name in told},
                hidden=hidden[k].cpu().numpy(),
                parsing=parsing[k].cpu().numpy(),
                age=_likeliest(answers.age[k], AGES) if sensitive else None,
                gender=_likeliest(answers.gender[k], GENDERS) if sensitive else None,
                race=_likeliest(answers.race[k], RACES) if sensitive else None,
            )
        )
    return faces


def in_pixels(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Points (N, 2) in -1 .. 1 -> pixels of a crop of (W, H), as the released script: ((p + 1) * [W, H] - 1) / 2."""
    return ((points + 1) * np.asarray(size, points.dtype) - 1) / 2


def _likeliest(logits: Tensor, names: tuple[str, ...]) -> SensitiveGuess:
    probability, index = logits.float().softmax(-1).max(-1)
    return SensitiveGuess(names[int(index)], float(probability))
