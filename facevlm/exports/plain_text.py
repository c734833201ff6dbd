"""The description as plain text: the captions, as a reader wants them in a terminal."""

from facevlm.description import Description, Person
from facevlm.exports.labels import person_name


def to_text(description: Description) -> str:
    """Return the caption of each person as a paragraph that ends with a line feed.

    With several people each paragraph has a heading: who, whether a main character, and when seen.
    """
    people = description.people
    if len(people) < 2:
        return (people[0].caption if people else description.caption) + "\n"
    return "\n".join(f"{_heading(person)}\n{person.caption}\n" for person in people)


def _heading(person: Person) -> str:
    seen = ", ".join(f"{start:.1f}-{end:.1f} s" for start, end in person.track.spans)
    role = " (main character)" if person.main else ""
    return f"{person_name(person)}{role}, seen {seen}:"
