"""Tokens of a caption as the COCO caption evaluation makes them, without Java.

Follows `pycocoevalcap` 1.2: Stanford's PTBTokenizer (CoreNLP 3.4.1, lower-cased) and a filter that drops punctuation.
`benchmarks/text_metrics.py` compares the two. What differs is rare: some times and dates, addresses of web pages,
abbreviations with a full stop (only the common ones are known here), and right-to-left or exotic scripts.
"""

import re
from collections.abc import Callable

Tokenizer = Callable[[str], list[str]]

# Ends of lines to the Java wrapper, which would shift every later caption to the wrong clip.
_LINE_ENDS = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

_DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
_SAME = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‹": "'", "›": "'", "«": '"', "»": '"'}
    | {"–": "--", "—": "--", "―": "--", "…": "...", "\u00ad": None, "\u00a0": " ", "\u2009": " ", "\u202f": " "}
)
_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_ABBREVIATIONS = (
    *("mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "inc", "ltd", "co", "corp", "gen", "col", "lt"),
    *("sgt", "rev", "hon", "gov", "sen", "rep", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept"),
    *("oct", "nov", "dec", "no", "e.g", "i.e", "cf", "approx", "a.m", "p.m"),
)
_SPLIT_WORDS = {
    **{"cannot": ("can", "not"), "gonna": ("gon", "na"), "gotta": ("got", "ta"), "wanna": ("wan", "na")},
    **{"gimme": ("gim", "me"), "lemme": ("lem", "me")},
}
_TOKEN = re.compile(
    r"""
      (?P<tag>       </?[a-z!][^<>\r\n]{0,40}> )                # markup stays one token
    | (?P<address>   https?://\S+ | [\w.+-]+@\w[\w-]*(?:\.\w+)+ | @[a-z_]\w* )
    | (?P<abbr>      (?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))? | (?:"""
    + "|".join(re.escape(a) for a in _ABBREVIATIONS)
    + r""")\.(?=\s+\w) )
    | (?P<number>    [+-]?\d+(?:[.,:/-]\d+)+ | [+-]?\d+(?![^\W_]|[-_'&/][^\W_]) )
    | (?P<clitic>    '(?:s|m|d|re|ve|ll|em)\b )
    | (?P<word>      [^\W_]+(?:[-_'&/.\u2010\u2011][^\W_]+)* )
    | (?P<dots>      \.{2,} | -+ )
    | (?P<marks>     [?!]+ )
    | (?P<stars>     \*+ | \#+ | _+ | =+ | ~+ )
    | (?P<quote>     ''|``|["'`] )
    | (?P<other>     [^\s\w] )
    """,
    re.VERBOSE,
)
_PICTURES = re.compile("[\U00010000-\U0010ffff\u2600-\u27bf\ufe0f\u200d]")  # the lexer knows no emoji
_NOT = re.compile(r"^(.+)(n't)(?:-(.+))?$")
_CLITIC = re.compile(r"^(.+)('(?:s|m|d|re|ve|ll))$")


def one_line(caption: str) -> str:
    """The caption with every kind of line end replaced by a space, as all text metrics see it."""
    return _LINE_ENDS.sub(" ", caption)


def ptb_tokens(caption: str) -> list[str]:
    """Lower-cased Penn Treebank tokens without punctuation: those of the COCO caption metrics.

    Args:
        caption: Any text; line ends count as spaces.

    Returns:
        Tokens such as ["she", "does", "n't", "move", "-lrb-", "half-closed", "-rrb-"]; empty for an empty caption.
    """
    text = _PICTURES.sub(" ", one_line(caption).lower().translate(_SAME))
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        token, kind = match.group(), match.lastgroup
        if kind == "word":
            found += _word(token)
        elif kind == "other":
            found.append(_BRACKETS.get(token, token))
        elif kind in ("quote", "dots"):
            continue
        elif token not in _DROPPED:
            found.append(token)
    return [token for token in found if token not in _DROPPED]


def _word(token: str) -> tuple[str, ...] | list[str]:
    if token.isalpha() and token.isascii():  # nearly all
        return _SPLIT_WORDS.get(token, (token,))
    if match := _NOT.match(token):
        return [match[1], match[2], *(_word(match[3]) if match[3] else ())]
    if match := _CLITIC.match(token):
        return [*_word(match[1]), match[2]]
    return (token,)


def regex_tokens(caption: str) -> list[str]:
    r"""Lower-cased runs of word characters, `\w+(?:[-']\w+)*`: a plain alternative to `ptb_tokens`."""
    return re.findall(r"\w+(?:[-']\w+)*", caption.lower())


def rouge_tokens(caption: str) -> list[str]:
    """Lower-cased runs of a-z and 0-9, as `rouge_score` splits text; letters with accents vanish."""
    return re.findall(r"[a-z0-9]+", caption.lower())
