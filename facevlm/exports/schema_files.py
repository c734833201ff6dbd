"""The schema files beside this one: JSON Schemas of the documents, for programs that read them without facevlm.

`python -m facevlm.exports.schema_files` writes them anew; a test keeps them equal to the models.
"""

import json
from pathlib import Path
from typing import Any

from facevlm.exports.analysis_document import AnalysisDocument
from facevlm.exports.documents import DescriptionDocument, Strict, TracksDocument

SCHEMA_FILES: dict[str, type[Strict]] = {
    "analysis.schema.json": AnalysisDocument,
    "description.schema.json": DescriptionDocument,
    "tracks.schema.json": TracksDocument,
}


def json_schema(model: type[Strict]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    return _without_titles(schema)


def _without_titles(node: Any) -> Any:
    """Drop the titles that pydantic derives from names: they say nothing new."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_titles(value) for key, value in node.items() if key != "title"}
    return node


if __name__ == "__main__":
    for name, document in SCHEMA_FILES.items():
        Path(__file__).with_name(name).write_text(json.dumps(json_schema(document), indent=2) + "\n", encoding="utf-8")
