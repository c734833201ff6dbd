"""Tiny image-text models of random weights, built without a network, as folders: LLaVA and Qwen2-VL."""

import json
from pathlib import Path
from typing import Any

WORDS = (
    *("yes", "no", "he", "she", "blinks", "smiles", "nods", "happy", "sad", "angry", "the", "face", "user"),
    *("assistant", "system", ":", ",", ".", "?", "what", "does", "do"),
)
TEMPLATE = (
    "{% for message in messages %}{{ message.role }} : {% for part in message.content %}"
    "{% if part.type == 'image' %}IMAGE{% elif part.type == 'video' %}VIDEO{% else %}{{ part.text }}{% endif %}"
    "{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def tiny_tokenizer(*specials: str, template: str | None) -> tuple[Any, dict[str, int]]:
    """A tokenizer of whole words, and its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *specials, *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(specials),
    )
    tokenizer.chat_template = template
    return tokenizer, vocabulary


def tiny_llava(folder: Path, *, template: bool = True) -> Path:
    """Write the model and its processor; pictures of 28x28 pixels are 4 tokens."""
    import torch
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer, vocabulary = tiny_tokenizer("<image>", template=None)
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE.replace("IMAGE", "<image>") if template else None,
    )
    torch.manual_seed(3)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(**SIZES, image_size=28, patch_size=14, projection_dim=16),
            text_config=LlamaConfig(
                **SIZES, vocab_size=len(vocabulary), pad_token_id=0, bos_token_id=1, eos_token_id=2
            ),
            image_token_index=vocabulary["<image>"],
        )
    )
    with torch.no_grad():  # so that words, not specials, are likely, and pictures matter
        model.lm_head.weight[:5] = -1.0
        model.lm_head.weight[5:] *= 40
        model.model.multi_modal_projector.linear_2.weight *= 40
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tiny_qwen2_vl(folder: Path) -> Path:
    """Write a model whose processor has a part for videos, which torchvision alone can make."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

    specials = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    shown = TEMPLATE.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    shown = shown.replace("VIDEO", "<|vision_start|><|video_pad|><|vision_end|>")
    tokenizer, vocabulary = tiny_tokenizer(*specials, template=shown)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    text = {**SIZES, **ends, "num_key_value_heads": 2, "vocab_size": len(vocabulary), "rope_parameters": rope}
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14}
    places = {
        f"{name}_token_id": vocabulary[special]
        for name, special in zip(("image", "video", "vision_start", "vision_end"), specials, strict=True)
    }
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=text, vision_config=vision, **places))
    with torch.no_grad():
        model.lm_head.weight[:8] = -1.0
        model.lm_head.weight[8:] *= 40
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    pictures = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56).to_dict()
    kinds = {"processor_class": "Qwen2VLProcessor", "image_processor_type": "Qwen2VLImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures | kinds))
    return folder
