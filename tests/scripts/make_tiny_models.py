#!/usr/bin/env python3
"""Makes the tiny random Gemmas in tests/src/test/resources/models and what Hugging Face computes with them.

usage: make_tiny_models.py OUT_DIR [--seed N]     (torch 2.13.0, transformers 5.17.0, peft 0.21)

Float32 arithmetic on bf16-rounded weights, eager attention. For every model folder:
  config.json, model.safetensors    the checkpoint
  forward.safetensors               input_ids, logits, hidden.<i>, greedy.prompt, greedy.new
  <adapter>/ + <adapter>.safetensors  a PEFT adapter; logits, labels, loss and grad.<PEFT key> with it
"""
import argparse, math, os, shutil
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, GemmaConfig,
                          GemmaForCausalLM)

V, T = 96, 20
COMMON = dict(vocab_size=V, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
              hidden_activation="gelu_pytorch_tanh", max_position_embeddings=1024, attn_implementation="eager", bos_token_id=2,
              eos_token_id=1, pad_token_id=0)
SLIDING, FULL = "sliding_attention", "full_attention"
MODELS = {
    "gemma1": lambda: GemmaForCausalLM(GemmaConfig(**COMMON, num_hidden_layers=2)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**COMMON, num_hidden_layers=3, query_pre_attn_scalar=24, sliding_window=6,
        attn_logit_softcapping=5.0, final_logit_softcapping=6.0, tie_word_embeddings=False)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**COMMON, num_hidden_layers=4, query_pre_attn_scalar=20, sliding_window=6,
        layer_types=[SLIDING, SLIDING, FULL, SLIDING], rope_parameters={
            FULL: {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0}, SLIDING: {"rope_type": "default", "rope_theta": 1e4}})),
}
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    "lora": LoraConfig(r=3, lora_alpha=12, target_modules=LINEARS + ["embed_tokens", "lm_head"], task_type="CAUSAL_LM"),
    "lora-rs-pattern": LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules=["v_proj", "down_proj"], rank_pattern={"v_proj": 2},
        alpha_pattern={"down_proj": 16}, layers_to_transform=[1], task_type="CAUSAL_LM"),
}


def put(path, tensors):
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, path)


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def main():
    a = argparse.ArgumentParser(); a.add_argument("out"); a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    for n, (name, make) in enumerate(MODELS.items()):
        torch.manual_seed(a.seed * 100 + n)
        out = os.path.join(a.out, name); shutil.rmtree(out, ignore_errors=True)
        model = make()
        with torch.no_grad():
            for key, p in model.named_parameters():
                p.copy_(torch.randn_like(p) * (0.3 if "norm" in key else 1.5 / math.sqrt(p.shape[-1])))
        model.to(torch.bfloat16).save_pretrained(out)
        os.remove(f"{out}/generation_config.json")
        model, ids, prompt = load(out), torch.randint(3, V, (2, T)), torch.randint(3, V, (1, 9))
        with torch.no_grad():
            r = model(input_ids=ids, output_hidden_states=True, use_cache=False)
            text = prompt
            for _ in range(16):
                text = torch.cat([text, model(input_ids=text, use_cache=False).logits[:, -1:].argmax(-1)], 1)
        put(f"{out}/forward.safetensors", {"input_ids": ids, "logits": r.logits, "greedy.prompt": prompt[0], "greedy.new": text[0, 9:]}
            | {f"hidden.{i}": h for i, h in enumerate(r.hidden_states)})
        for adapter, config in ADAPTERS.items():
            model = get_peft_model(load(out), config)
            with torch.no_grad():
                for key, p in model.named_parameters():
                    if "lora_" in key:
                        p.copy_(torch.randn_like(p) * (0.05 if "_B" in key else 1.0 / math.sqrt(p.shape[-1])))
            model.peft_config["default"].base_model_name_or_path = name
            model.save_pretrained(f"{out}/{adapter}", save_embedding_layers=False)
            os.remove(f"{out}/{adapter}/README.md")
            labels = ids.clone(); labels[:, :10] = -100; labels[1, 16:] = -100
            r = model(input_ids=ids, labels=labels, use_cache=False)
            r.loss.backward()
            put(f"{out}/{adapter}.safetensors", {"input_ids": ids, "labels": labels, "logits": r.logits, "loss": r.loss}
                | {"grad." + k.replace(".default", ""): p.grad for k, p in model.named_parameters() if p.requires_grad})


if __name__ == "__main__":
    main()
