"""Small tokenizers of the same kinds and files as the public ones, made by code: for tiny models, with no network.

The words of a tiny model are noise, so what matters here is the form: byte fallback, `▁` for blanks, `[DEC]` and so on.
"""

import string

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from transformers import BertTokenizer, PreTrainedTokenizerFast

LETTERS = " etaoinshrdlucmfwypvbgkqjxz0123456789.,?[]/<>:'INSTAHV"  # in the order in which small vocabularies take them
MERGES = "] .|t h|h e|▁ a|▁ t|i n|o u|e r|▁ h|▁ s|o n|▁ m|▁ o|n g|▁ b|▁ l"
LONGEST = 4096  # tokens of a text


def small_llm_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of the kind of Llama's and Mistral's: BPE with byte fallback, `<s>` and `</s>`, no padding token.

    Args:
        size: Ids of its vocabulary, 260 or more: three marks, 256 bytes, then letters and some of their pairs.
    """
    marks = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    merges = [(first, second) for first, second in (pair.split(" ") for pair in MERGES.split("|"))]
    letters = [letter.replace(" ", "▁") for letter in LETTERS]
    pieces = list(dict.fromkeys(letters))[: size - len(marks) - len(merges)]
    merges = [(a, b) for a, b in merges if all(c in pieces for c in a + b)]
    pieces += [a + b for a, b in merges]
    pieces += [f"▁{k}" for k in range(size - len(marks) - len(pieces))]  # never made: no merge leads to them
    vocabulary = {piece: number for number, piece in enumerate([*marks, *pieces])}
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    for mark in ("<unk>", "<s>", "</s>"):
        backend.add_special_tokens([AddedToken(mark, normalized=False, special=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=LONGEST,
        clean_up_tokenization_spaces=False,
    )


def small_bert_tokenizer() -> BertTokenizer:
    """A tokenizer of the kind of bert-base-uncased with `[DEC]`: WordPiece over letters, `[CLS]` and `[SEP]` around."""
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    pieces += list(string.punctuation)
    pieces += ["the", "what", "how", "is", "does", "do", "face", "eyes", "mouth", "brows", "head", "person", "move"]
    tokenizer = BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, do_lower_case=True)
    tokenizer.add_special_tokens({"bos_token": "[DEC]"})
    return tokenizer
