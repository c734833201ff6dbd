"""Run emotion classification and face verification: what `eval dfew`, `mafw` and `verification` do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from facevlm.answering.answerers import COMPARERS, TALKERS, is_answerer, make_answerer
from facevlm.cli.answering import Run, prompt_hashes
from facevlm.cli.batch import make_writable, refuse_empty
from facevlm.cli.evaluating import DESCRIBED, report_table
from facevlm.datasets.readers import dataset_named
from facevlm.datasets.record import Clip, check_choice
from facevlm.datasets.verification_pairs import Segment, VerificationPair, read_pairs
from facevlm.errors import DatasetError, UsageError
from facevlm.evaluation.answers import Answerer, Footage, Question, ask_for
from facevlm.evaluation.caption_files import read_captions
from facevlm.evaluation.classification import DFEW_LABELS, MAFW_LABELS
from facevlm.evaluation.emotion_labels import label_by_rule, parse_label
from facevlm.evaluation.emotion_run import Inferred, LabelledClip, run_emotions
from facevlm.evaluation.judges import RuleJudge
from facevlm.evaluation.run_folder import Origin, texts_hash
from facevlm.evaluation.verification_run import run_verification
from facevlm.evaluation.zero_shot import zero_shot_card
from facevlm.prompts import load_prompt

LABELS = {"dfew": DFEW_LABELS, "mafw": MAFW_LABELS}
INFERRED, COMPARED, FACES = "labels.jsonl", "comparisons.jsonl", "faces.jsonl"  # in the folder of a run
RULE, ITSELF = "rule", "model"


def evaluate_emotions(
    run: Run, benchmark: str, root: str, *, folds: Sequence[int], infer_by: str | None
) -> tuple[str, int]:
    """Describe the test clips of a dataset, infer an emotion from each description, and score it.

    Args:
        run: A model, or a file with an "answer" or a "caption" for each clip.
        benchmark: A key of `LABELS`.
        root: Of the dataset.
        folds: Official ones; none for all.
        infer_by: "rule", "model" (the one that described), or another model by its name; None for "model" where it
            answers questions about text, else "rule".

    Returns:
        The table to print, and the exit code: 1 where something could not be scored.

    Raises:
        FacevlmError: As `collect` and `run_emotions`, and for files that cannot be used.
    """
    for name, where in ((root, "--root"), (run.model, "--model")):
        refuse_empty(name, where=where)
    clips, labels = _test_clips(benchmark, Path(root), folds), LABELS[benchmark]
    truth = [_labelled(clip, labels) for clip in clips]
    answerer = make_answerer(run.model, replace(run.options, infer=True)) if is_answerer(run.model) else None
    inferrer = _inferrer(run, infer_by, answerer)
    make_writable(run.folder)
    described, origin = _descriptions(run, answerer, clips, Path(root))
    answers = read_captions(run.model, field="answer") if answerer is None else {}
    if any(text is not None for text in answers.values()):
        found = {name: Inferred(parse_label(text, labels), text) for name, text in answers.items() if text is not None}
    else:
        found, origin = _infer(run, inferrer, described, origin, labels)
    origin = replace(origin, zero_shot=zero_shot_card(clips, run.trained_on))
    report = run_emotions(truth, found, run.folder, benchmark=benchmark, labels=labels, origin=origin)
    return report_table(report), 1 if report["failures"] else 0


def _test_clips(benchmark: str, root: Path, folds: Sequence[int]) -> list[Clip]:
    dataset = dataset_named(benchmark)
    for fold in folds:
        check_choice(dataset, fold=fold, split=None)
    wanted = set(folds or dataset.folds)
    clips: dict[str, Clip] = {}
    for clip in dataset.read(root):
        if clip.split == "test" and clip.fold in wanted and clip.protocol in (None, "single"):
            if clip.source_clip_id in clips:
                what = f"clip {clip.source_clip_id} is in the test parts of two folds"
                raise DatasetError(what, where=root, mend="get the official lists, or name one --fold")
            clips[clip.source_clip_id] = clip
    if not clips:
        raise DatasetError("no test clips are listed", where=root)
    return list(clips.values())


def _labelled(clip: Clip, labels: Sequence[str]) -> LabelledClip:
    label = parse_label(str(clip.labels["label_name"]), labels)
    assert label is not None and clip.fold is not None  # the readers know no others
    return LabelledClip(clip.source_clip_id, label, clip.fold)


def _inferrer(run: Run, infer_by: str | None, answerer: Answerer | None) -> Answerer | None:
    """Who infers emotions from descriptions, None for the rule; told before anything is described."""
    answers_questions = answerer is not None and run.model.partition(":")[0] in TALKERS
    infer_by = infer_by or (ITSELF if answers_questions else RULE)
    if infer_by == RULE:
        return None
    if infer_by != ITSELF:
        return make_answerer(infer_by, run.options, among=TALKERS, where="--infer-by")
    if not answers_questions:
        what = f"{run.model} answers no questions about descriptions"
        raise UsageError(what, where="--infer-by", mend="give rule, or a model such as openai:NAME")
    return answerer


def _descriptions(
    run: Run, answerer: Answerer | None, clips: Sequence[Clip], root: Path
) -> tuple[Mapping[str, str | None], Origin]:
    if answerer is None:
        return read_captions(run.model), Origin(run.shown_name)
    prompt = load_prompt("describe_emotion").fill()
    there = [clip for clip in clips if clip.path is not None]
    questions = [ask_for(prompt, clip.source_clip_id, Footage(root, str(clip.path))) for clip in there]
    answers = run.ask(answerer, questions, DESCRIBED, doing="describing")
    missing = {clip.source_clip_id: clip.problem or "no video" for clip in clips if clip.path is None}
    prompts = run.prompts("describe_emotion")
    failures = answers.failures | missing
    return answers.texts, Origin(run.shown_name, answers.answerer, prompts, failures, answers.notes)


def _infer(
    run: Run,
    inferrer: Answerer | None,
    described: Mapping[str, str | None],
    origin: Origin,
    labels: Sequence[str],
) -> tuple[dict[str, Inferred], Origin]:
    texts = {name: text for name, text in described.items() if text is not None}
    if inferrer is None:
        judge = RuleJudge()
        found = {name: Inferred(label_by_rule(text, labels, judge=judge), None, text) for name, text in texts.items()}
        return found, replace(origin, extra={"labels_by": f"rule, {judge.name} {judge.version}"})
    prompt = load_prompt("infer_emotion")
    questions = [
        ask_for(prompt.fill(caption=text.strip(), labels=", ".join(labels)), name) for name, text in texts.items()
    ]
    answers = run.ask(inferrer, questions, INFERRED, doing="inferring")
    found = {
        name: Inferred(parse_label(answer, labels), answer, texts[name])
        for name, answer in answers.texts.items()
        if answer is not None
    }
    prompts = dict(origin.prompts or {}) | prompt_hashes("infer_emotion")
    failures = dict(origin.failures or {}) | answers.failures
    return found, replace(origin, prompts=prompts, failures=failures, extra={"labels_by": answers.answerer})


def evaluate_pairs(run: Run, pairs: str, root: str | None, *, describe_with: str | None) -> tuple[str, int]:
    """Ask of each pair whether it shows one person, in words or by similarity, and score it.

    Args:
        run: A model, "appearance" or "onnx:FILE", or a file with an "answer" for each pair.
        pairs: File of pairs, as `facevlm data pairs` writes it.
        root: Of their dataset; needed by models.
        describe_with: Another model, or a file of captions with ids such as "00000/a", whose descriptions of the faces
            are put into the prompt (FaVChat's setting "w. FaVChat"); None for none.

    Returns:
        The table to print, and the exit code: 1 where something could not be scored.

    Raises:
        FacevlmError: As `collect` and `run_verification`, and for files that cannot be used.
    """
    given = {"--pairs": pairs, "--root": root, "--model": run.model, "--describe-with": describe_with}
    for where, name in given.items():
        refuse_empty(name, where=where)
    drawn = read_pairs(Path(pairs))
    segments = [segment for pair in drawn for segment in (pair.a, pair.b)]
    zero_shot = zero_shot_card([_as_clip(segment) for segment in segments], run.trained_on)
    by_similarity = run.model.partition(":")[0] in COMPARERS and is_answerer(run.model)
    make_writable(run.folder)
    if is_answerer(run.model):
        if root is None:
            raise UsageError("a model needs the frames", where="--root", mend="give the folder of the dataset")
        if by_similarity and describe_with:
            raise UsageError("vectors read no descriptions", where="--describe-with", mend="leave it out")
        answerer = make_answerer(run.model, run.options, among=TALKERS | COMPARERS)
        questions, origin = _pair_questions(run, drawn, Path(root), describe_with=describe_with)
        answers = run.ask(answerer, questions, COMPARED, doing="comparing")
        failures = dict(origin.failures or {}) | answers.failures
        notes = {**(origin.notes or {}), **answers.notes}
        origin = replace(origin, answerer=answers.answerer, failures=failures, notes=notes, zero_shot=zero_shot)
        said: Mapping[str, str | None] = answers.texts
    else:
        said, origin = read_captions(run.model, field="answer"), Origin(run.shown_name, zero_shot=zero_shot)
    report = run_verification(drawn, said, run.folder, origin=origin, by_similarity=by_similarity)
    return report_table(report), 1 if report["failures"] else 0


def _pair_questions(
    run: Run, pairs: Sequence[VerificationPair], root: Path, *, describe_with: str | None
) -> tuple[list[Question], Origin]:
    def shown(segment: Segment) -> Footage:
        return Footage(root, segment.path, segment.frames)

    if describe_with is None:
        prompt = load_prompt("same_person").fill()
        questions = [ask_for(prompt, pair.id, shown(pair.a), shown(pair.b)) for pair in pairs]
        return questions, Origin(run.shown_name, prompts=run.prompts("same_person"))
    sides = {f"{pair.id}/{side}": segment for pair in pairs for side, segment in (("a", pair.a), ("b", pair.b))}
    prompts, failures, notes = prompt_hashes("same_person_described"), {}, {}
    if is_answerer(describe_with):
        prompts |= prompt_hashes("describe_identity")
        asked = load_prompt("describe_identity").fill()
        describer = make_answerer(describe_with, run.options, where="--describe-with")
        told = run.ask(
            describer, [ask_for(asked, name, shown(one)) for name, one in sides.items()], FACES, doing="describing"
        )
        texts, reasons, card = told.texts, told.failures, dict(told.answerer)
        notes = {name.rpartition("/")[0]: note for name, note in told.notes.items()}
    else:
        texts, reasons, card = read_captions(describe_with), {}, {"file": Path(describe_with).name}
        card["hash"] = texts_hash(texts)
    filled, questions = load_prompt("same_person_described"), []
    for pair in pairs:
        first, second = (texts.get(f"{pair.id}/{side}") for side in "ab")
        if first is None or second is None:
            side = "a" if first is None else "b"
            failures[pair.id] = f"no description of {side}: {reasons.get(f'{pair.id}/{side}', 'not in the file')}"
            continue
        prompt = filled.fill(first=first.strip(), second=second.strip())
        questions.append(ask_for(prompt, pair.id, shown(pair.a), shown(pair.b)))
    described_with = {"described_with": card}
    return questions, Origin(run.shown_name, prompts=prompts, failures=failures, notes=notes, extra=described_with)


def _as_clip(segment: Segment) -> Clip:
    return Clip(segment.source_dataset, segment.source_clip_id, identity=segment.identity)
