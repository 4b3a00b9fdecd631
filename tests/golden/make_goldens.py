#!/usr/bin/env python3
"""Makes the golden models: for each decoder family a tiny model of random weights with its features switched on, and what
transformers computes with it in f32 on the CPU, eager attention.

    python3 make_goldens.py [FOLDER]        needs: pip install torch transformers safetensors

Per family: config.json as most checkpoints have it, config-5.json as transformers 5 writes it, model.safetensors (bf16),
tokenizer.json, and expected.safetensors (f32): tokens.S, logits.S (T, V), residual.S.L (T, C) of sequence S before
block L (the last: after the last block), and gradient.NAME of the summed -log p of every next token. The versions used are in expected.safetensors' metadata.
angles.safetensors: cosines and sines of rotary positions far into a context, and the configs they follow from.
"""

import json
import math
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LENGTHS = (22, 9)
VOCABULARY = 96

COMMON = dict(vocab_size=VOCABULARY, max_position_embeddings=32, initializer_range=0.02, bos_token_id=18, eos_token_id=19,
              pad_token_id=None, torch_dtype="bfloat16")
SMALL = dict(COMMON, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-5)
SPLIT = dict(COMMON, hidden_size=24, intermediate_size=32, num_hidden_layers=3, num_attention_heads=3)  # heads of 8

FAMILIES = {
    "llama": dict(
        SMALL, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rope_theta=10000.0,
        tie_word_embeddings=False,
        rope_scaling=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=16)),
    "llama-biased": dict(
        SMALL, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", attention_bias=True,
        mlp_bias=True, rope_theta=10000.0, rope_scaling=dict(type="linear", factor=2.0), tie_word_embeddings=True),
    "llama-dynamic": dict(
        SMALL, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="gelu", num_hidden_layers=2,
        rope_parameters=dict(rope_type="dynamic", factor=2.0, rope_theta=5000.0), tie_word_embeddings=True),
    "mistral": dict(
        SMALL, architectures=["MistralForCausalLM"], model_type="mistral", hidden_act="silu", rope_theta=10000.0,
        sliding_window=6, tie_word_embeddings=False),
    "qwen2": dict(
        {k: v for k, v in SMALL.items() if k != "head_dim"}, architectures=["Qwen2ForCausalLM"], model_type="qwen2",
        hidden_act="silu", rope_theta=1000000.0, use_sliding_window=True, sliding_window=5, max_window_layers=1,
        tie_word_embeddings=True,
        rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=8)),
    "qwen3": dict(
        SMALL, architectures=["Qwen3ForCausalLM"], model_type="qwen3", hidden_act="silu", rope_theta=1000000,
        attention_bias=True, rope_scaling=None, sliding_window=None, max_window_layers=3, use_sliding_window=False,
        tie_word_embeddings=False),
    "smollm3": dict(
        {k: v for k, v in SMALL.items() if k != "head_dim"}, architectures=["SmolLM3ForCausalLM"], model_type="smollm3",
        hidden_act="silu", rope_theta=5000000.0, no_rope_layers=[1, 0, 1], no_rope_layer_interval=2,
        layer_types=["full_attention"] * 3, use_sliding_window=False, sliding_window=None, tie_word_embeddings=True),
    "olmo": dict(
        {k: v for k, v in SPLIT.items()}, architectures=["OlmoForCausalLM"], model_type="olmo", hidden_act="silu",
        rope_theta=10000.0, clip_qkv=0.7, num_key_value_heads=3, tie_word_embeddings=False, num_hidden_layers=2),
    "olmo2": dict(
        SPLIT, architectures=["Olmo2ForCausalLM"], model_type="olmo2", hidden_act="silu", rope_theta=500000,
        rms_norm_eps=1e-6, num_key_value_heads=1, tie_word_embeddings=False, num_hidden_layers=2),
    "olmo3": dict(
        {k: v for k, v in SMALL.items() if k != "head_dim"}, architectures=["Olmo3ForCausalLM"], model_type="olmo3",
        hidden_act="silu", rope_theta=500000, sliding_window=4, num_hidden_layers=4, tie_word_embeddings=False,
        layer_types=["sliding_attention"] * 3 + ["full_attention"],
        rope_scaling=dict(rope_type="yarn", factor=4.0, beta_fast=32.0, beta_slow=1.0, attention_factor=1.2,
                          original_max_position_embeddings=8)),
    "gpt-neox": dict(
        SPLIT, architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", hidden_act="gelu", layer_norm_eps=1e-5,
        rotary_pct=0.25, rotary_emb_base=10000, use_parallel_residual=True, tie_word_embeddings=False,
        num_hidden_layers=2),
    "gpt-neox-serial": dict(
        SPLIT, architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", hidden_act="gelu_new", layer_norm_eps=1e-5,
        rotary_pct=0.5, rotary_emb_base=10000, use_parallel_residual=False, attention_bias=False,
        tie_word_embeddings=True, num_hidden_layers=2),
    "gpt2": dict(
        COMMON, architectures=["GPT2LMHeadModel"], model_type="gpt2", activation_function="gelu_new", n_embd=24, n_head=3,
        n_layer=2, n_positions=32, n_ctx=32, n_inner=None, layer_norm_epsilon=1e-5, attn_pdrop=0.1, embd_pdrop=0.1,
        resid_pdrop=0.1),
    "gemma2": dict(
        SMALL, architectures=["Gemma2ForCausalLM"], model_type="gemma2", hidden_act="gelu_pytorch_tanh",
        hidden_activation="gelu_pytorch_tanh", rope_theta=10000.0, query_pre_attn_scalar=20, sliding_window=6,
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0, attention_bias=False),
    "gemma3": dict(
        SMALL, architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", hidden_activation="gelu_pytorch_tanh",
        rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0),
        sliding_window=5, sliding_window_pattern=2, query_pre_attn_scalar=12, attn_logit_softcapping=None,
        final_logit_softcapping=None, attention_bias=False),
    "phi3": dict(
        SPLIT, architectures=["Phi3ForCausalLM"], model_type="phi3", hidden_act="silu", rope_theta=10000.0,
        rms_norm_eps=1e-5, num_key_value_heads=1, sliding_window=20, original_max_position_embeddings=12,
        partial_rotary_factor=0.75, tie_word_embeddings=False, num_hidden_layers=2,
        rope_scaling=dict(type="longrope", short_factor=[1.0, 1.1, 1.3], long_factor=[1.2, 2.0, 5.0])),
    # Other values of the same keys.
    "llama-yarn": dict(
        SMALL, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="gelu_new", num_hidden_layers=2,
        attention_bias=True, rope_theta=10000.0, original_max_position_embeddings=8, tie_word_embeddings=True,
        rope_scaling=dict(rope_type="yarn", factor=8.0, beta_fast=2.0, beta_slow=0.5, mscale=0.7, mscale_all_dim=1.3,
                          truncate=False, original_max_position_embeddings=16)),
    "llama-longrope": dict(
        SMALL, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", num_hidden_layers=2,
        num_key_value_heads=1, rope_theta=10000.0, original_max_position_embeddings=12, tie_word_embeddings=True,
        rope_scaling=dict(rope_type="longrope", factor=2.0, short_factor=[1.0, 1.1, 1.2, 1.3],
                          long_factor=[1.0, 2.0, 3.0, 4.0])),
    "ministral": dict(
        SMALL, architectures=["MinistralForCausalLM"], model_type="ministral", hidden_act="silu", num_hidden_layers=2,
        rope_theta=10000.0, sliding_window=6, tie_word_embeddings=True,
        layer_types=["full_attention", "sliding_attention"]),
    "qwen3-window": dict(
        SMALL, architectures=["Qwen3ForCausalLM"], model_type="qwen3", hidden_act="silu", rope_theta=1000000,
        num_hidden_layers=2, attention_bias=False, sliding_window=4, max_window_layers=1, use_sliding_window=True,
        tie_word_embeddings=True),
    "smollm3-window": dict(
        {k: v for k, v in SMALL.items() if k != "head_dim"}, architectures=["SmolLM3ForCausalLM"], model_type="smollm3",
        hidden_act="silu", rope_theta=5000000.0, num_hidden_layers=2, no_rope_layer_interval=2, use_sliding_window=True,
        sliding_window=5, mlp_bias=True, tie_word_embeddings=False),
    "olmo-grouped": dict(
        SPLIT, architectures=["OlmoForCausalLM"], model_type="olmo", hidden_act="silu", rope_theta=10000.0,
        clip_qkv=None, num_key_value_heads=1, attention_bias=True, rope_scaling=dict(type="linear", factor=2.0),
        tie_word_embeddings=True, num_hidden_layers=2),
    "gpt-neox-whole": dict(  # its own words for the angles count, not others'
        SPLIT, architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", hidden_act="gelu_fast", layer_norm_eps=1e-5,
        rotary_pct=1.0, rotary_emb_base=500, rope_theta=777.0, use_parallel_residual=True,
        rope_scaling=dict(type="linear", factor=2.0), tie_word_embeddings=True, num_hidden_layers=2),
    "gpt2-plain": dict(
        COMMON, architectures=["GPT2LMHeadModel"], model_type="gpt2", activation_function="gelu", n_embd=24, n_head=3,
        n_layer=2, n_positions=32, n_ctx=32, n_inner=40, layer_norm_epsilon=1e-6, scale_attn_weights=False,
        tie_word_embeddings=False),
    "gemma2-layers": dict(
        SMALL, architectures=["Gemma2ForCausalLM"], model_type="gemma2", hidden_activation="gelu_pytorch_tanh",
        num_hidden_layers=2, rope_theta=10000.0, query_pre_attn_scalar=8, sliding_window=6, attention_bias=True,
        attn_logit_softcapping=None, final_logit_softcapping=None,
        layer_types=["full_attention", "sliding_attention"]),
    "gemma3-capped": dict(  # attn_logit_softcapping is there, and heeded by nothing
        SMALL, architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", hidden_activation="gelu_pytorch_tanh",
        num_hidden_layers=2, rope_theta=1000000.0, rope_local_base_freq=500.0, sliding_window=5,
        sliding_window_pattern=2, query_pre_attn_scalar=8, attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
        attention_bias=True),
    "phi3-plain": dict(
        SPLIT, architectures=["Phi3ForCausalLM"], model_type="phi3", hidden_act="silu", rope_theta=10000.0,
        rms_norm_eps=1e-5, num_key_value_heads=3, sliding_window=None, tie_word_embeddings=True, num_hidden_layers=2),
}

TOKENIZER = {
    "added_tokens": [{"id": 18, "content": "<s>", "special": True}, {"id": 19, "content": "</s>", "special": True}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
    "model": {"type": "BPE", "vocab": {**{chr(97 + i): i for i in range(16)}, "\u0120": 16, ".": 17}, "merges": []},
}


def fill(model, generator):
    """Random weights, large enough that every part of the model matters; rounded to bf16, in which they are stored."""
    zero_centred = "Gemma" in type(model).__name__
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 2:
            table = any(part in name for part in ("embed", "wte", "wpe", "lm_head"))
            value = noise * (0.6 if table else 1.2 / math.sqrt(min(parameter.shape)))
            if zero_centred and table:
                value = value / 2
        elif name.endswith("bias"):
            value = 0.3 * noise
        else:
            value = 0.2 * noise + (0 if zero_centred else 1)
        parameter.data.copy_(value.to(torch.bfloat16).float())


def made_by():
    return (f"tests/golden/make_goldens.py, torch {torch.__version__.split('+')[0]}, "
            f"transformers {transformers.__version__}")


def stored_name(model, name):
    """As checkpoints have it: GPT-NeoX's say embed_out, transformers 5 lm_head."""
    return name.replace("lm_head", "embed_out") if "NeoX" in type(model).__name__ else name


def run(model, sequences):
    expected = {}
    body = model.base_model
    layers = body.h if hasattr(body, "h") else body.layers
    tensor = lambda value: value[0] if isinstance(value, tuple) else value
    total = 0
    for s, tokens in enumerate(sequences):
        seen = {}
        hooks = [layers[0].register_forward_pre_hook(
            lambda module, args, kwargs: seen.__setitem__(0, args[0] if args else kwargs["hidden_states"]),
            with_kwargs=True)]
        for i, layer in enumerate(layers):
            hooks.append(layer.register_forward_hook(
                lambda module, args, output, i=i: seen.__setitem__(i + 1, tensor(output))))
        logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
        for hook in hooks:
            hook.remove()
        log_p = torch.log_softmax(logits, dim=-1)
        total = total - log_p[torch.arange(len(tokens) - 1), torch.tensor(tokens[1:])].sum()
        expected[f"tokens.{s}"] = torch.tensor(tokens, dtype=torch.int32)
        expected[f"logits.{s}"] = logits.detach().clone()
        for i, value in seen.items():
            expected[f"residual.{s}.{i}"] = value.detach().reshape(len(tokens), -1).clone()
    total.backward()
    for name, parameter in model.named_parameters():
        expected["gradient." + stored_name(model, name)] = parameter.grad.clone()
    return expected


def make(name, settings, folder, number):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings, indent=1) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER) + "\n")
    config = transformers.AutoConfig.from_pretrained(folder)
    config._attn_implementation = "eager"
    spelt = json.loads(config.to_json_string(use_diff=False))
    spelt["architectures"] = settings["architectures"]
    # What of it says anything of the model.
    kept = ("bidirectional", "rope", "rotary", "layer_types", "sliding", "window", "head", "hidden", "layer", "bias", "cap",
            "scalar", "n_", "act", "eps", "vocab", "position", "tie_", "token_id", "model_type", "architectures", "dtype",
            "clip", "intermediate", "parallel", "initializer")
    spelt = {key: value for key, value in spelt.items() if any(part in key for part in kept)}
    (folder / "config-5.json").write_text(json.dumps(spelt, indent=1) + "\n")
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32)
    model = model.float().eval()
    assert model.config._attn_implementation == "eager" and type(model).__name__ == settings["architectures"][0]
    generator = torch.Generator().manual_seed(number)
    fill(model, generator)
    sequences = [torch.randint(0, VOCABULARY, (length,), generator=generator).tolist() for length in LENGTHS]
    expected = run(model, sequences)
    weights = {stored_name(model, key): value.detach().to(torch.bfloat16).contiguous()
               for key, value in model.named_parameters()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors",
              metadata={"made_by": made_by()})  # one key: their order is not fixed
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name}: {sum(w.numel() for w in weights.values())} parameters, {size} bytes")


POSITIONS = [0, 1, 2, 7, 100, 1023, 1024, 4097, 8190, 8191]
ANGLES = {
    "plain": dict(rope_type="default", rope_theta=10000.0),
    "wide": dict(rope_type="default", rope_theta=1000000.0),
    "linear": dict(rope_type="linear", rope_theta=10000.0, factor=3.0),
    "llama3": dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=1024),
    "yarn": dict(rope_type="yarn", rope_theta=1000000.0, factor=8.0, original_max_position_embeddings=1024),
    "longrope": dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=1024,
                     short_factor=[1 + i / 64 for i in range(32)], long_factor=[1 + i for i in range(32)]),
}


def angles(path):
    """Cosines, then sines of half the heads of 64 columns, at positions far into a context of 8,192."""
    expected, configs = {"positions": torch.tensor(POSITIONS, dtype=torch.int32)}, {}
    for name, parameters in ANGLES.items():
        settings = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=128, intermediate_size=8,
                        num_hidden_layers=1, num_attention_heads=2, vocab_size=8, max_position_embeddings=8192,
                        rope_parameters=parameters)
        configs[name] = json.dumps(settings)
        rotary = LlamaRotaryEmbedding(transformers.LlamaConfig(**json.loads(configs[name])))
        cosines, sines = rotary(torch.zeros(1), torch.tensor([POSITIONS]))
        expected[name] = torch.cat([cosines[0, :, :32], sines[0, :, :32]], dim=1).contiguous()
    save_file(expected, path, metadata=dict(made_by=made_by(), **configs))


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for number, (name, settings) in enumerate(FAMILIES.items()):
        make(name, settings, root / name, number + 1)
    angles(root / "angles.safetensors")


if __name__ == "__main__":
    main()
