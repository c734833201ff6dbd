"""What both models share around their language model: any decoder of transformers, which takes embeddings and answers.

Arguments that only the language model knows (its cache, `use_cache`, `output_attentions` …) are handed on untouched.
"""

from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from facevlm.errors import InputError, UsageError
from facevlm.models.initial_weights import set_initial_weights

IGNORED_LABEL = -100
PROMPT_INPUTS = ("inputs_embeds", "labels")  # keywords of `forward` that are not of the clip
MISTRAL_7B_INSTRUCT = {  # v0.2, without vocab_size; the defaults of MistralConfig are those of another model
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "sliding_window": None,
}
MISTRAL_VOCABULARY = 32000


@dataclass
class FaceModelOutput(CausalLMOutputWithPast):
    """The language model's output, and how the branches were weighed.

    Attributes:
        gate_weights: Weights of general and facial branch, (B, 2) or (B, N, 2), of C clips in each prompt (B, C, ...);
            None where there is no gate, or where the tokens come from a cache.
    """

    gate_weights: Tensor | None = None


class FaceLanguageModel(PreTrainedModel, GenerationMixin):
    """Base of the models: the language model, and generation in which a clip is seen in the first step only.

    A model's `forward` names its clip's inputs by keyword, puts what it sees into the prompt's embeddings (`_embedded`,
    `_places`), and ends in `_answer`.

    Attributes:
        clip_inputs: Names of the inputs that belong to the clip and not to a step of generation.
    """

    clip_inputs: ClassVar[tuple[str, ...]] = ()
    supports_gradient_checkpointing = True
    _no_split_modules = [  # noqa: RUF012  # boxes reach into their parts, which therefore share a device
        *("Umt", "FaceXFormer", "GranularityChain", "QFormerProjector", "MoeAdapter", "PromptQueryEncoder"),
        *("ClipTower", "Stc", "FaceBranch"),
    ]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    language_model: PreTrainedModel

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        named = [p.name for p in signature(cls.forward).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
        cls.clip_inputs = tuple(name for name in named if name not in PROMPT_INPUTS)

    def build_language_model(self) -> PreTrainedModel:
        """The decoder of `config.text_config`, which must have rows for the placeholders' ids.

        Raises:
            UsageError: A placeholder's id is beyond the vocabulary.
        """
        size = self.config.text_config.vocab_size
        if beyond := [token for token in self.config.placeholder_ids if token >= size]:
            raise UsageError(
                f"placeholder ids {beyond} are beyond a vocabulary of {size}",
                mend="add them to the tokenizer and to text_config.vocab_size",
            )
        return AutoModelForCausalLM.from_config(self.config.text_config)

    def get_input_embeddings(self) -> nn.Module:
        """Of the language model."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """As `get_input_embeddings`."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """Of the language model."""
        return self.language_model.get_output_embeddings()

    def set_output_embeddings(self, value: nn.Module) -> None:
        """As `get_output_embeddings`."""
        self.language_model.set_output_embeddings(value)

    def enable_input_require_grads(self) -> None:
        """Let gradients pass through frozen embeddings, for adapters: of the language model, where they are."""
        self.language_model.enable_input_require_grads()

    def disable_input_require_grads(self) -> None:
        """Undo `enable_input_require_grads`."""
        self.language_model.disable_input_require_grads()

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, *arguments: Any, is_first_iteration: bool | None = False, **kwargs: Any
    ) -> dict[str, Any]:
        """As transformers does; after the first step the clip is in the cache, or, without one, is seen again."""
        inputs = super().prepare_inputs_for_generation(
            input_ids, *arguments, is_first_iteration=is_first_iteration, **kwargs
        )
        if not is_first_iteration and kwargs.get("use_cache", True):
            inputs.update(dict.fromkeys(self.clip_inputs))
        return inputs

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        set_initial_weights(module)

    def _takes_positions(self) -> bool:
        return "position_ids" in signature(type(self.language_model).forward).parameters

    def _embedded(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds")
        return self.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds

    def _places(self, input_ids: Tensor | None, token_id: int, what: str) -> Tensor:
        if input_ids is None:
            raise InputError(f"places of {what} tokens are found by input_ids, which are missing")
        return input_ids == token_id

    def _answer(
        self,
        embeddings: Tensor,
        attention_mask: Tensor | None,
        labels: Tensor | None,
        *,
        gate_weights: Tensor | None = None,
        **kwargs: Any,
    ) -> FaceModelOutput:
        """The language model's answer to a prompt in which the clip has its places; no label counts at those."""
        if labels is not None:
            held = torch.isin(labels, torch.tensor(self.config.placeholder_ids, device=labels.device))
            labels = labels.masked_fill(held, IGNORED_LABEL)
        if isinstance(attention_mask, Tensor) and attention_mask.ndim == 2 and self._takes_positions():
            # counted without padding: there are language models that learned a vector for each place
            places = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
            kwargs = {"position_ids": places[:, -embeddings.shape[1] :], **kwargs}
        answer = self.language_model(inputs_embeds=embeddings, attention_mask=attention_mask, labels=labels, **kwargs)
        return FaceModelOutput(**answer, gate_weights=gate_weights)
