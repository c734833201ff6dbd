"""What the runner of benchmarks takes per caption: a judge that answers at once over loopback, or from kept replies.

    python benchmarks/runner_overhead.py [--samples 200]

The scripted server replies without thinking, so all that is timed is ours: prompts, the client, parsing, keeping
replies, text metrics, intervals. Eight requests a caption and two a reference that is not also a prediction, eight
captions at a time. Needs the extra judge.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from machine import keep, machine

from facevlm.endpoints.model_client import OpenAIClient
from facevlm.endpoints.reply_cache import CachedClient
from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.evaluation.benchmark_run import run_benchmark
from facevlm.evaluation.judging import Judging
from facevlm.evaluation.run_folder import Origin

LABELLED = Path(__file__).parents[1] / "tests" / "evaluation" / "labelled_captions.json"
EVENTS = [f"the person moves part {number}" for number in range(8)]
VERDICTS = [{"event": "", "relationship": "neutral", "reason": ""} for _ in EVENTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    arguments = parser.parse_args()
    where, told, results = machine(), captions(arguments.samples), {}
    said = dict(zip(told, [*list(told.values())[1:], next(iter(told.values()))], strict=True))
    with tempfile.TemporaryDirectory() as folder, ScriptedServer(reply) as server:
        for name in ("asked", "kept"):
            client = CachedClient(OpenAIClient("m", base_url=server.base_url), Path(folder) / "replies")
            start, cpu = time.perf_counter(), time.process_time()
            judging = Judging(client, align="neutral")
            run_benchmark(said, told, folder, benchmark="b", origin=Origin("m"), judging=judging, concurrency=8)
            took, cpu = time.perf_counter() - start, time.process_time() - cpu
            results[name] = {
                "ms_per_caption": 1000 * took / len(told),
                "cpu_ms_per_caption": 1000 * cpu / len(told),
                "requests_per_caption": client.asked / len(told),
            }
    lines = [f"{len(told)} captions, every score, judge over loopback (its server in the same process)"]
    lines += [
        f"{name:6}{row['ms_per_caption']:8.1f} ms a caption, {row['cpu_ms_per_caption']:.1f} ms of processor, "
        f"{row['requests_per_caption']:.1f} requests"
        for name, row in results.items()
    ]
    keep("runner_overhead", where, results, "\n".join(lines))


def reply(body: dict) -> str:
    user = body["messages"][1]["content"]
    if user.startswith("Question:"):
        return '{"score": 3}'
    if user.startswith("Rewrite"):
        return user.split("Text:\n")[1]
    if user.startswith("Below are two numbered lists"):
        return json.dumps({"pairs": [{"predicted": n, "reference": n, "relation": "same"} for n in range(1, 9)]})
    return json.dumps({"events": VERDICTS if user.startswith("Below are a description") else EVENTS})


def captions(samples: int) -> dict[str, str]:
    """Captions of about the length of FEC-Bench's, of sentences drawn from the labelled ones."""
    rows = [row["caption"] for row in json.loads(LABELLED.read_text(encoding="utf-8"))["captions"] if "caption" in row]
    sentences = [part.strip() + "." for caption in rows for part in caption.split(".") if len(part.split()) > 3]
    rng = random.Random(1)
    return {str(number): " ".join(rng.sample(sentences, 8)) for number in range(samples)}


if __name__ == "__main__":
    main()
