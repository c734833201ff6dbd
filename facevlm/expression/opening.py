"""The opening of a caption: who is seen and how the person looks, as far as it was measured."""

import re
from collections.abc import Mapping

from facevlm.expression.grammar import HE, SHE, THEY, Pronouns, article, listed, sentence, verb
from facevlm.expression.sentence import AppearanceValue

_HEDGE_BELOW = 0.6  # confidence below which a value is said to seem so
_MALE, _FEMALE = frozenset({"man", "male", "boy"}), frozenset({"woman", "female", "girl"})
_WHERE = ("framing", "position", "facing")  # follow the noun, in this order
_NONE = frozenset({"none", "no", "absent", "not visible"})
_KNOWN = (*_WHERE, "age_group", "gender", "glasses", "hair", "skin_tone", "facial_hair")


def pronouns_for(appearance: Mapping[str, AppearanceValue]) -> Pronouns:
    """He or she where a gender was measured with confidence, else they."""
    gender = appearance.get("gender")
    if gender is None or gender.confidence < _HEDGE_BELOW:
        return THEY
    word = gender.value.lower()
    return HE if word in _MALE else SHE if word in _FEMALE else THEY


def noun_for(appearance: Mapping[str, AppearanceValue]) -> str:
    """ "person", "man" or "woman"."""
    pronouns = pronouns_for(appearance)
    return {"he": "man", "she": "woman", "they": "person"}[pronouns.subject]


def opening(appearance: Mapping[str, AppearanceValue], *, name: str, pronouns: Pronouns, whole: bool = True) -> list[str]:
    """One or two sentences.

    Args:
        appearance: Name -> measured value; may be empty.
        name: "the person", or a name such as "Person 2".
        pronouns: How the person is spoken of.
        whole: The caption is of the whole video ("This video shows …"), not of one person among several.
    """
    where = [appearance[key].value for key in _WHERE if key in appearance]
    age = appearance.get("age_group")
    noun = noun_for(appearance)
    if age and re.search(r"\d", age.value):
        who = f"{article(noun)} aged about {age.value}"
    else:
        who = article(f"{age.value} {noun}" if age else noun)
    if whole:
        first = f"This video shows the facial changes of {who} {listed(where) if len(where) < 3 else ', '.join(where)}"
    elif where:
        first = f"{name} is {', '.join(where)}"
    else:
        first = f"{name} is seen in this video"
    return [sentence(first), *_looks(appearance, pronouns)]


def _looks(appearance: Mapping[str, AppearanceValue], pronouns: Pronouns) -> list[str]:
    """A sentence on glasses, hair, skin and beard, and on what has no words of its own here."""
    wears, has = [], []
    glasses = appearance.get("glasses")
    if glasses:
        value = re.sub(r"^wears\s+", "", glasses.value)
        value = "no glasses" if value.lower() in _NONE else "glasses" if value.lower() in ("yes", "true") else value
        wears.append((value, glasses.confidence))
    for key, noun in (("hair", "hair"), ("skin_tone", "skin"), ("facial_hair", "")):
        if key in appearance:
            value = re.sub(r"^(has|have)\s+", "", appearance[key].value)
            if value.lower() in _NONE:
                value = f"no {key.replace('_', ' ')}"
            has.append((value if noun in value else f"{value} {noun}", appearance[key].confidence))
    has += [
        (f"{value.value} {key.replace('_', ' ')}", value.confidence)
        for key, value in appearance.items()
        if key not in _KNOWN
    ]
    form = "base" if pronouns.plural else "third"
    parts = []
    for lemma, facts in (("have", has), ("wear", wears)):
        sure = [value for value, confidence in facts if confidence >= _HEDGE_BELOW]
        unsure = [value for value, confidence in facts if confidence < _HEDGE_BELOW]
        if sure:
            parts.append(f"{verb(lemma, form)} {listed(sure)}")
        if unsure:
            parts.append(f"{verb('seem', form)} to {lemma} {listed(unsure)}")
    return [sentence(f"{pronouns.subject} {listed(parts)}")] if parts else []
