"""What a face-attribute model adds to how a person is said to look: hair, glasses, beard, where it is sure of them.

Ages and genders are told only where they were asked for; races never.
"""

from collections.abc import Mapping
from typing import Protocol

from facevlm.captioning.sentence import AppearanceValue

SURE = 0.8  # mean probability, and share of the looks that agree
COLOURS = {"Black_Hair": "black", "Blond_Hair": "blond", "Brown_Hair": "brown", "Gray_Hair": "gray"}
SHAPES = {"Wavy_Hair": "wavy", "Straight_Hair": "straight"}
BEARDS = {"Goatee": "a goatee", "Mustache": "a mustache", "Sideburns": "sideburns"}
GENDERS = {"male": "man", "female": "woman"}


class Tendency(Protocol):
    """As `analysing.Tendency`."""

    @property
    def value(self) -> str:
        """What most looks name."""

    @property
    def probability(self) -> float:
        """Mean over the looks."""

    @property
    def agreement(self) -> float:
        """Share of the looks that name it."""


def looks_of(attributes: Mapping[str, Tendency], guesses: Mapping[str, Tendency]) -> dict[str, AppearanceValue]:
    """Facts of appearance of which the model is sure; their confidence is its mean probability.

    Args:
        attributes: CelebA attribute -> tendency.
        guesses: "age", "gender" -> tendency, as far as they were asked for.
    """
    found = {}
    if colour := _surest(attributes, COLOURS):
        shape = _surest(attributes, SHAPES)
        words = [shape.value] if shape else []
        found["hair"] = AppearanceValue(" ".join([*words, colour.value]), colour.confidence)
    elif bald := _surest(attributes, {"Bald": "none"}):
        found["hair"] = bald
    if glasses := _surest(attributes, {"Eyeglasses": "glasses"}):
        found["glasses"] = glasses
    if beard := _surest(attributes, BEARDS):
        found["facial_hair"] = beard
    if _is_sure(guesses.get("gender")):
        gender = guesses["gender"]
        found["gender"] = AppearanceValue(GENDERS[gender.value], round(gender.probability, 3))
    if _is_sure(guesses.get("age")):
        found["age_group"] = AppearanceValue(guesses["age"].value, round(guesses["age"].probability, 3))
    return found


def _surest(attributes: Mapping[str, Tendency], words: Mapping[str, str]) -> AppearanceValue | None:
    sure = [name for name in words if _is_sure(attributes.get(name)) and attributes[name].value == "yes"]
    if not sure:
        return None
    best = max(sure, key=lambda name: attributes[name].probability)
    return AppearanceValue(words[best], round(attributes[best].probability, 3))


def _is_sure(tendency: Tendency | None) -> bool:
    return tendency is not None and min(tendency.probability, tendency.agreement) >= SURE
