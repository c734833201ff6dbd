"""The opening of a caption: who is seen and how the person looks, as far as it was measured."""

import re
from collections.abc import Mapping

from facevlm.captioning.grammar import BASE, HE, SHE, THEY, THIRD, Pronouns, article, listed, sentence, verb
from facevlm.captioning.sentence import AppearanceValue

_HEDGE_BELOW = 0.6  # confidence below which a value is said to seem so
_MALE, _FEMALE = frozenset({"man", "male", "boy"}), frozenset({"woman", "female", "girl"})
_NONE = frozenset({"none", "no", "absent", "not visible"})
_KNOWN = ("framing", "position", "facing", "age_group", "gender", "glasses", "hair", "skin_tone", "facial_hair")


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


def opening(
    appearance: Mapping[str, AppearanceValue], *, name: str, pronouns: Pronouns, whole: bool = True
) -> list[str]:
    """One or two sentences; none where nothing was measured of one person among several.

    Args:
        appearance: Name -> measured value; may be empty.
        name: "the person", or a name such as "Person 2".
        pronouns: How the person is spoken of.
        whole: The caption is of the whole video ("This video shows …"), not of one person among several.
    """
    place = " ".join(appearance[key].value for key in ("framing", "position") if key in appearance)
    facing = appearance["facing"].value if "facing" in appearance else ""
    where = ", ".join(part for part in (place, facing) if part)
    age = appearance.get("age_group")
    noun = noun_for(appearance)
    if age and re.search(r"\d", age.value):
        who = f"{article(noun)} aged about {age.value}"
    else:
        who = article(f"{age.value} {noun}" if age else noun)
    known = noun != "person" or age is not None
    if whole:
        first = f"This video shows the facial changes of {who}" + (f"{'' if place else ','} {where}" if where else "")
    elif where or known:
        turned = facing.removeprefix("with the head ") if facing.startswith("with the head ") else ""
        looks = [part for part in (who if known else "", place, "" if turned else facing) if part]
        parts = [f"is {', '.join(looks)}"] if looks else []
        parts += [f"has {pronouns.possessive} head {turned}"] if turned else []
        first = f"{name} {listed(parts)}"
    else:
        return _looks(appearance, pronouns, who=name)
    return [sentence(first), *_looks(appearance, pronouns)]


def _looks(appearance: Mapping[str, AppearanceValue], pronouns: Pronouns, *, who: str | None = None) -> list[str]:
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
    form = BASE if pronouns.plural and who is None else THIRD
    parts = []
    for lemma, facts in (("have", has), ("wear", wears)):
        sure = [value for value, confidence in facts if confidence >= _HEDGE_BELOW]
        unsure = [value for value, confidence in facts if confidence < _HEDGE_BELOW]
        if sure:
            parts.append(f"{verb(lemma, form)} {listed(sure)}")
        if unsure:
            parts.append(f"{verb('seem', form)} to {lemma} {listed(unsure)}")
    return [sentence(f"{who or pronouns.subject} {listed(parts)}")] if parts else []
