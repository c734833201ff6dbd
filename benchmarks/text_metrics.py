"""Text metrics against pycocoevalcap on the same captions in one run, alternating; and the speed of the rule judge.

    python benchmarks/text_metrics.py [--captions FILE] [--oracle .venv-coco/bin/python] [--rounds 3]

Both compute tokens, BLEU-1 to 4, ROUGE-L and CIDEr-D of 1,000 predictions, each in a process on one core; pycocoevalcap
runs its Java tokenizer. Times are from captions to scores, imports not counted; "cpu" is the time of all threads and
children. The fastest of the rounds counts. Captions come from a file of {"id", "caption"}, or are put together from
the sentences of tests/evaluation/labelled_captions.json; predictions are other captions of it with words dropped.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import keep, machine

SAMPLES = 1000
LABELLED = Path(__file__).parents[1] / "tests" / "evaluation" / "labelled_captions.json"

OURS = """
import json, resource, sys, time
from facevlm.evaluation import RuleJudge, bleu, cider_d, rouge_l, rouge_score_l, tem, autodq
from facevlm.evaluation.tokens import ptb_tokens
said, told = json.load(open(sys.argv[1]))
def timed(work):
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start, time.process_time() - cpu
def text():
    tokens = {caption: ptb_tokens(caption) for caption in {*said, *told}}
    one = lambda caption: tokens[caption]
    return [*(s.corpus for s in bleu(said, told, tokenizer=one)), rouge_l(said, told, tokenizer=one).corpus,
            cider_d(said, told, tokenizer=one).corpus]
scores, wall, cpu = timed(text)
def all_text():
    bleu(said, told), rouge_l(said, told), cider_d(said, told), rouge_score_l(said, told)
    cider_d(said, told, length_penalty=False)
_, all_wall, all_cpu = timed(all_text)
judge = RuleJudge()
_, read_wall, read_cpu = timed(lambda: [judge.extract(caption) for caption in told])
_, tem_wall, tem_cpu = timed(lambda: (tem(said, told, judge=RuleJudge()), autodq(said, told, judge=RuleJudge())))
print(json.dumps({"scores": scores, "wall_s": wall, "cpu_s": cpu,
    "all_text_wall_s": all_wall, "all_text_cpu_s": all_cpu,
    "extract_per_s": len(told) / read_cpu, "tem_autodq_pairs_per_s": len(told) / tem_cpu,
    "tokens": [" ".join(ptb_tokens(caption)) for caption in said]}))
"""

COCO = """
import contextlib, json, os, resource, sys, time
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
said, told = json.load(open(sys.argv[1]))
as_coco = lambda captions: {k: [{"caption": caption}] for k, caption in enumerate(captions)}
def cpu_now():
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
with contextlib.redirect_stdout(sys.stderr):
    start, cpu = time.perf_counter(), cpu_now()
    tokenizer = PTBTokenizer()
    hypotheses, references = tokenizer.tokenize(as_coco(said)), tokenizer.tokenize(as_coco(told))
    split = time.perf_counter()
    scores = [*Bleu(4).compute_score(references, hypotheses, verbose=0)[0],
              Rouge().compute_score(references, hypotheses)[0], Cider().compute_score(references, hypotheses)[0]]
    end, cpu = time.perf_counter(), cpu_now() - cpu
print(json.dumps({"scores": [float(s) for s in scores], "wall_s": end - start, "cpu_s": cpu,
    "tokenizer_s": split - start, "tokens": [hypotheses[k][0] for k in range(len(said))]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=Path, help="JSON list of captions; default: made from labelled ones")
    parser.add_argument("--oracle", default=".venv-coco/bin/python", help="Python with pycocoevalcap 1.2; needs java")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    where = machine()
    told = read(args.captions) if args.captions else made()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "captions.json"
        path.write_text(json.dumps([predictions(told), told]))
        ours, coco = [], []
        for _ in range(args.rounds):
            ours.append(answer([sys.executable, "-c", OURS, str(path)]))
            coco.append(answer([args.oracle, "-c", COCO, str(path)]))
    keep("text_metrics", where, *summary(ours, coco, told))


def made() -> list[str]:
    """Captions of about the length of FEC-Bench's, of sentences drawn from the labelled ones."""
    rows = [row["caption"] for row in json.loads(LABELLED.read_text(encoding="utf-8"))["captions"] if "caption" in row]
    sentences = [part.strip() + "." for caption in rows for part in caption.split(".") if len(part.split()) > 3]
    rng = random.Random(1)
    return [" ".join(rng.sample(sentences, 8)) for _ in range(SAMPLES)]


def read(path: Path) -> list[str]:
    """So many captions of a file, from its beginning again where it is shorter."""
    captions = [row["caption"] for row in json.loads(path.read_text(encoding="utf-8"))]
    return [captions[k % len(captions)] for k in range(SAMPLES)]


def predictions(told: list[str]) -> list[str]:
    rng = random.Random(2)
    others = told[len(told) // 3 :] + told[: len(told) // 3]
    return [" ".join(word for word in caption.split() if rng.random() < 0.9) for caption in others]


def answer(command: list[str]) -> dict:
    """What a process says, run on one core."""
    pinned = [
        sys.executable,
        "-c",
        "import os, sys; os.sched_setaffinity(0, {0}); os.execvp(sys.argv[1], sys.argv[1:])",
    ]
    done = subprocess.run([*pinned, *command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def summary(ours: list[dict], coco: list[dict], told: list[str]) -> tuple[dict, str]:
    mine, theirs = (min(runs, key=lambda run: run["wall_s"]) for runs in (ours, coco))
    unequal = sum(a != b for a, b in zip(mine.pop("tokens"), theirs.pop("tokens"), strict=True))
    difference = max(abs(a - b) for a, b in zip(mine["scores"], theirs["scores"], strict=True))
    words = sum(len(caption.split()) for caption in told) / len(told)
    results = {
        "samples": len(told),
        "words_per_caption": words,
        "ours": mine,
        "pycocoevalcap": theirs,
        "speed_up_wall": theirs["wall_s"] / mine["wall_s"],
        "speed_up_cpu": theirs["cpu_s"] / mine["cpu_s"],
        "captions_with_other_tokens": unequal,
        "largest_score_difference": difference,
    }
    table = "\n".join(
        [
            f"{len(told)} captions of {words:.0f} words, one core",
            f"{'':22}{'wall s':>8}{'cpu s':>8}",
            f"{'facevlm':22}{mine['wall_s']:8.2f}{mine['cpu_s']:8.2f}   tokens, BLEU-1..4, ROUGE-L, CIDEr-D",
            f"{'pycocoevalcap 1.2':22}{theirs['wall_s']:8.2f}{theirs['cpu_s']:8.2f}   the same"
            f"; tokenizer alone {theirs['tokenizer_s']:.2f} s",
            f"{'ratio':22}{results['speed_up_wall']:8.1f}{results['speed_up_cpu']:8.1f}",
            f"{'facevlm, all text':22}{mine['all_text_wall_s']:8.2f}{mine['all_text_cpu_s']:8.2f}"
            "   also rouge-score's ROUGE-L and CIDEr without length penalty",
            f"captions with other tokens: {unequal}; largest difference of a corpus score: {difference:.1e}",
            f"rule judge: {mine['extract_per_s']:.0f} captions/s read, "
            f"{mine['tem_autodq_pairs_per_s']:.0f} pairs/s TEM and AutoDQ (cpu)",
        ]
    )
    return results, table


if __name__ == "__main__":
    main()
