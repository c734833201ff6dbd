"""Which measured events an answer's words match."""

import pytest

from facevlm.chat.supporting_events import matching_events
from facevlm.exports.labels import VERBS
from facevlm.expression.event import ACTIONS, Event

EVENTS = [
    Event(number, action, float(number), number + 0.2, number + 0.5, "clear", 0.9)
    for number, action in enumerate(("blink", "smile", "head_turn_left", "gaze_right", "brow_raise", "blink"), start=1)
]

ANSWERS = {
    "He blinks.": [1, 6],
    "She smiles, and then she turns her head to the left.": [2, 3],
    "Her eyebrows go up, while she looks to her right.": [4, 5],
    "She turns her head to the right.": [],
    "She does not blink.": [],
    "The weather is fine.": [],
    "": [],
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_words_match_events_of_the_same_action_and_side(answer):
    assert [event.id for event in matching_events(answer, EVENTS)] == ANSWERS[answer]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_matched_by_its_own_words(action):
    event = Event(1, action, 0.0, 0.1, 0.2, "clear", 0.9)
    assert matching_events(f"The person {VERBS[action]}.", [event]) == [event]
