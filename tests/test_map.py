"""docs/map.md tells the truth: every module is in it, with the caption that its docstring begins with.

`python tests/test_map.py` brings the captions up to date and adds new files at the end of their folder. The order is
kept, because it is the order in which data flows, which only a person knows.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAP = ROOT / "docs" / "map.md"
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w.]+/?)(?: +(?P<caption>\S.*))?$")
WIDTH = 26  # column of the captions


def caption_of(module: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "(no docstring)"
    return " ".join(text.split("\n\n")[0].split())


def captions_in_code() -> dict[str, str]:
    """Path from the root -> caption, for every module; a package under its folder's name with a slash."""
    modules = {path.relative_to(ROOT).as_posix(): caption_of(path) for path in (ROOT / "facevlm").rglob("*.py")}
    return {path.removesuffix("__init__.py"): caption for path, caption in modules.items()}


def captions_in_map(text: str) -> dict[str, str]:
    """The same, as the map says."""
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in text.split("```")[1].splitlines()[1:]:
        if match := LINE.match(line):
            depth = len(match["indent"]) // 2
            folders[depth:] = [match["name"]]
            found["".join(folders)] = match["caption"] or ""
    return found


def render(order: list[str], captions: dict[str, str]) -> str:
    """The tree as text, in the given order of paths."""
    lines = []
    for path in order:
        depth = path.rstrip("/").count("/")
        name = path.rstrip("/").rsplit("/", 1)[-1] + ("/" if path.endswith("/") else "")
        lines.append(f"{'  ' * depth}{name}".ljust(WIDTH) + f" {captions[path]}")
    return "\n".join(lines)


def updated(text: str) -> str:
    """The map with true captions: gone files left out, new ones at the end of their folder."""
    captions = captions_in_code()
    order = [path for path in captions_in_map(text) if path in captions]
    for path in sorted(set(captions) - set(order)):
        folder = path.rstrip("/").rsplit("/", 1)[0] + "/"
        place = max((number for number, known in enumerate(order) if known.startswith(folder)), default=-1) + 1
        order.insert(place, path)
    before, _, after = text.split("```")
    return f"{before}```\n{render(order, captions)}\n```{after}"


def test_the_map_agrees_with_the_docstrings():
    told, true = captions_in_map(MAP.read_text(encoding="utf-8")), captions_in_code()
    differences = [f"{path}: not in the map" for path in sorted(true.keys() - told.keys())]
    differences += [f"{path}: in the map, but there is no such module" for path in sorted(told.keys() - true.keys())]
    differences += [
        f"{path}: the map says {told[path]!r}, the docstring {true[path]!r}"
        for path in sorted(told.keys() & true.keys())
        if told[path] != true[path]
    ]
    assert not differences, "run: python tests/test_map.py\n" + "\n".join(differences)


if __name__ == "__main__":
    MAP.write_text(updated(MAP.read_text(encoding="utf-8")), encoding="utf-8")
