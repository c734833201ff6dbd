"""The card of an assembled model: which part is from whom, at which revision, with which hash, under which licence."""

from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

from facevlm.models.assembling import Assembly
from facevlm.models.model_parts import find_model

TITLES = {"favchat": "FaVChat", "favchat-v2": "FaVChat v2", "facetrack-mm": "FaceTrack-MM"}

ONE_LICENCE = ("apache-2.0", "mit")  # names that the hub knows


def card_text(assembly: Assembly) -> str:
    """README.md with its front matter; reads every source once, for its hash."""
    files = [report.file for report in assembly.reports]
    licences = dict.fromkeys(file.licence for file in files if file.about.gives)
    one = next(iter(licences)) if len(licences) == 1 else None
    facts = ModelCardData(
        library_name="transformers",
        pipeline_tag="video-text-to-text",
        license=one if one in ONE_LICENCE else "other" if licences else None,
        license_name="licences-of-the-parts" if licences and one not in ONE_LICENCE else None,
        base_model=[file.where.partition("@")[0] for file in files if file.revision] or None,
        tags=["facevlm", assembly.name],
    )
    lines = [f"# {TITLES[assembly.name]}, assembled from public parts", "", _warning(assembly), ""]
    lines += ["| part | from |", "|---|---|"]
    lines += [
        f"| {part} | {assembly.origin(part)} |" for part in find_model(assembly.name).parts if _has(assembly, part)
    ]
    lines += ["", "| source | licence | where | revision | file | sha256 |", "|---|---|---|---|---|---|"]
    for file in files:
        hashes: Mapping[str, str] = file.hashes() or {"": ""}
        where = file.where if file.revision else Path(file.where).name  # folders of this machine concern nobody
        for name, sha256 in hashes.items():
            lines.append(f"| {file.source} | {file.licence} | {where} | {file.revision or ''} | {name} | {sha256} |")
        if file.about.sha256 and file.about.sha256 not in hashes.values():
            lines.append(f"| | | | | | not the file published as {file.about.sha256} |")
    lines += ["", _lora(assembly), "", "Each licence holds for its part, and so all of them for the whole."]
    return str(ModelCard(f"---\n{facts.to_yaml()}\n---\n" + "\n".join(lines) + "\n"))


def _has(assembly: Assembly, part: str) -> bool:
    return any(getattr(assembly.model, m, None) is not None for m in find_model(assembly.name).parts[part].modules)


def _warning(assembly: Assembly) -> str:
    drawn = [part for part in find_model(assembly.name).parts if "random" in assembly.origin(part)]
    if not drawn:
        return "Put together, not trained together: no one has measured how it answers."
    return (
        f"**Random**: {', '.join(drawn)}. They have first values and have learned nothing, so what the model says is "
        "noise until it is trained."
    )


def _lora(assembly: Assembly) -> str:
    if not any(report.lora for report in assembly.reports):
        return "There was no LoRA in the sources."
    if assembly.lora is None:
        return "LoRA in the sources was dropped."
    what = f"LoRA of {len(assembly.lora.pairs)} layers of the language model (alpha {assembly.lora.alpha})"
    if assembly.lora_mode == "merge":
        return f"{what} is merged into its weights."
    return f"{what} is kept beside it: `PeftModel.from_pretrained(model, 'lora')`."
