"""A tiny image-text model of random weights, built without a network: LLaVA with CLIP and Llama, as a folder."""

from pathlib import Path

WORDS = (
    *("yes", "no", "he", "she", "blinks", "smiles", "nods", "happy", "sad", "angry", "the", "face", "user"),
    *("assistant", "system", ":", ",", ".", "?", "what", "does", "do"),
)
TEMPLATE = (
    "{% for message in messages %}{{ message.role }} : {% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)


def tiny_llava(folder: Path, *, template: bool = True) -> Path:
    """Write the model and its processor; pictures of 28x28 pixels are 4 tokens."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", "<image>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE if template else None,
    )
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(3)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(**sizes, image_size=28, patch_size=14, projection_dim=16),
            text_config=LlamaConfig(
                **sizes, vocab_size=len(vocabulary), pad_token_id=0, bos_token_id=1, eos_token_id=2
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
