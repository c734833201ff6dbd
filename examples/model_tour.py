"""A tour of the models on one clip: ask a question, look inside, read a face, plan the memory of the real size.

    python examples/model_tour.py CLIP

The model is tiny and its weights are random, so its words and answers are noise; everything else is as with a real one.
"""

import sys
import tempfile
from pathlib import Path

import torch

from facevlm import FaceChat
from facevlm.analysing import analyse
from facevlm.models.face_analyser import FaceAnalyser
from facevlm.models.memory_plan import STEPS, memory_plan
from facevlm.models.model_parts import MODELS
from facevlm.models.tiny_models import write_tiny

clip = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    write_tiny(Path(folder) / "favchat", "tiny-favchat")  # a real one: facevlm models assemble favchat …

    answer = FaceChat.from_pretrained(Path(folder) / "favchat", max_new_tokens=8).ask(clip, "How do the eyes move?")
    print(f"answer at {answer.frames[0]:.1f} .. {answer.frames[-1]:.1f} s: {answer.answer!r}; {answer.warnings[0]}")

    model = MODELS["favchat"].model_class.from_pretrained(Path(folder) / "favchat")
    states = model.see(torch.randn(1, 3, 8, 224, 224), torch.randn(1, 8, 3, 224, 224))  # once for many questions
    print("weights of general and facial branch:", model.project(*states).weights.tolist())

    person = analyse(clip, FaceAnalyser(Path(folder) / "favchat"), every_s=2.0).people[0]  # its FaceXFormer alone
    print(f"{len(person.readings)} looks at person {person.track.track_id}:", person.attributes["Smiling"])

for step in STEPS["favchat"]:
    print(f"{step.name}: {memory_plan('favchat', MODELS['favchat'].config_class(), step).total / 1e9:.1f} GB")
