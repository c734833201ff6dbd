"""Small public files in exactly the layouts of the published ones, on disk, for the tiny models."""

import json

import torch
from safetensors.torch import save_file
from transformers import BertTokenizer, CLIPVisionConfig, CLIPVisionModel, MistralConfig, MistralForCausalLM

from facevlm.models.presets import FACETRACK_MM, TINY_FACE, TINY_TEXT
from facevlm.models.small_tokenizers import small_llm_tokenizer
from tests.models import public_layouts

VOCABULARY = TINY_TEXT["vocab_size"]
WIDTH = TINY_TEXT["hidden_size"]
LORA_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
CONFIGS = {  # sizes of the tiny models; the language model is that of the folder
    "favchat": {
        "umt": {"width": 32, "blocks": 4, "heads": 4, "mlp_width": 64},
        "facexformer": TINY_FACE,
        "granularity": {"width": 32, "heads": 4, "max_side": 7},
        "qformer": {
            **{"width": 24, "layers": 2, "heads": 4, "mlp_width": 48, "vocabulary": 320, "max_text": 64},
            **{"queries": 4, "extra_queries": 4},
        },
        "moe": {"gate_width": 16, "expert_width": 32},
    },
    "facetrack-mm": {key: FACETRACK_MM["tiny"][key] for key in ("clip", "stc", "facexformer", "face_branch", "frames")},
    "favchat-v2": {
        "umt": {"width": 32, "blocks": 4, "heads": 4, "mlp_width": 64},
        "facexformer": TINY_FACE,
        "prompt_query": {"heads": 4, "queries": 8},
        "max_side": 7,
    },
}
FACE = {"embed": 8, "depths": (1, 1, 2, 1), "heads": (1, 2, 4, 8), "width": 32, "mlp": 48}


def tensors(layout, prefix="", seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {prefix + name: torch.randn(shape, generator=generator) for name, shape in layout.items()}


def umt_and_qformer():
    held = tensors(public_layouts.umt(width=32, blocks=4, mlp=64), seed=1)
    sizes = {"vision": 32, "width": 24, "layers": 2, "mlp": 48, "words": 320, "text": 64, "queries": 4, "extra": 4}
    return held | tensors(public_layouts.qformer(**sizes, out=WIDTH), seed=2)


def mistral():
    torch.manual_seed(4)
    return MistralForCausalLM(MistralConfig(**{k: v for k, v in TINY_TEXT.items() if k != "model_type"})).eval()


def llm(folder, suffix="safetensors"):
    """A folder of a language model as transformers saves it, in shards."""
    model = mistral()
    model.save_pretrained(folder, max_shard_size="40KB")
    small_llm_tokenizer(VOCABULARY).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nA model.\n")
    if suffix == "bin":  # as before safetensors
        index = folder / "model.safetensors.index.json"
        table = json.loads(index.read_text())["weight_map"]
        for old in set(table.values()):
            new = old.replace("model-", "pytorch_model-").replace(".safetensors", ".bin")
            torch.save({n: t for n, t in model.state_dict().items() if table[n] == old}, folder / new)
            (folder / old).unlink()
        renamed = {n: s.replace("model-", "pytorch_model-").replace(".safetensors", ".bin") for n, s in table.items()}
        index.unlink()
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": renamed}))
    return folder


def bert(folder):
    """A folder of BERT's tokenizer, without [DEC]."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), "?", "."]
    BertTokenizer(vocab={piece: k for k, piece in enumerate(pieces)}, do_lower_case=True).save_pretrained(folder)
    return folder


def adapted():
    """The language model with LoRA as VideoChat2's stage 3 trains it."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(5)
    model = get_peft_model(mistral(), LoraConfig(r=4, lora_alpha=8, target_modules=list(LORA_LAYERS)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    return model.eval()


def videochat2(path, *, lora=True, base=False):
    """stage 3 (or 2, without LoRA): what was trained, under "model"."""
    held = umt_and_qformer() | {"qformer.bert.embeddings.position_ids": torch.arange(64)[None]}
    if lora:
        state = {f"mistral_model.{name}": tensor for name, tensor in adapted().state_dict().items()}
        held |= {name: tensor for name, tensor in state.items() if base or "lora_" in name}
    torch.save({"model": held, "epoch": 2}, path)
    return path


def facexformer(path, *, moments=True):
    held = tensors(public_layouts.facexformer(**FACE), seed=3)
    stages = enumerate(FACE["depths"])
    indices = {
        f"backbone.0.{2 * stage + 1}.{block}.attn.relative_position_index": torch.arange(2401)
        for stage, depth in stages
        for block in range(depth)
    }
    optimizer = {"state": {k: {"exp_avg": t.clone(), "exp_avg_sq": t.clone()} for k, t in enumerate(held.values())}}
    torch.save({"state_dict_backbone": held | indices} | ({"optimizer": optimizer} if moments else {}), path)
    return path


def clip_weights():
    return tensors(public_layouts.clip(width=32, layers=3, mlp=64, image=56), seed=6)


def clip(folder):
    """A folder of OpenAI's CLIP, from before safetensors, with its text tower."""
    folder.mkdir()
    text = {"text_model.final_layer_norm.weight": torch.ones(8), "logit_scale": torch.ones(())}
    ids = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    torch.save(clip_weights() | text | ids, folder / "pytorch_model.bin")
    return folder


def stc_weights(prefix=""):
    layout = public_layouts.stc(vision=32, width=WIDTH, depth=1)
    return tensors({n: s for n, s in layout.items() if "downsample" not in n}, prefix, seed=7)  # of equal widths: none


def videollama2(folder):
    """A folder of the merged model: language model, tower and connector in three shards."""
    folder.mkdir()
    held = {name: tensor.clone() for name, tensor in mistral().state_dict().items()}
    held |= {f"model.vision_tower.vision_tower.{name}": tensor for name, tensor in clip_weights().items()}
    held |= stc_weights("model.")
    table = {name: f"model-0000{1 + number % 3}-of-00003.safetensors" for number, name in enumerate(sorted(held))}
    for shard in set(table.values()):
        save_file({name: held[name] for name in table if table[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": table}))
    (folder / "config.json").write_text(json.dumps({"model_type": "videollama2_mistral", "hidden_size": WIDTH}))
    small_llm_tokenizer(VOCABULARY).save_pretrained(folder)
    return folder


def reference_clip():
    """The tower of transformers itself, with the public weights under its own names."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
    model = CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=56, patch_size=14, projection_dim=32))
    model.load_state_dict({n.removeprefix("vision_model."): t for n, t in clip_weights().items()})
    return model.eval()
