#!/usr/bin/env python3
"""Checks that PEFT loads an adapter which Jemma wrote, and that transformers loads what `jemma merge` wrote.

usage: check_adapter.py MODEL ADAPTER [--same-as PEFT_ADAPTER] [--merged DIR]... [--rows R.jsonl --logits L.safetensors] [--seed N]

MODEL       the base model's folder
ADAPTER     an adapter folder written by Jemma; a missing or unexpected key is a failure
--same-as   an adapter folder written by PEFT whose logits must be the same, bit for bit
--merged    a folder written by `jemma merge --model MODEL --adapter ADAPTER`; float32 weights must give the adapter's logits
            within 2e-5 of the largest; in either type every weight must be W + PEFT's own delta, within one unit in the last place of bfloat16
            or a millionth of the largest weight
--base-rounded  MODEL holds the weights that were merged into rounded to bfloat16, as a folder does for a GGUF file of k-quants: what that changes is allowed
--logits    what `jemma score --model MODEL --adapter ADAPTER --data R.jsonl --logits L.safetensors` wrote for rows of input_ids: PEFT's logits
            must be within 2e-4 of the largest

Run by hand, by check_training.sh, or by a test where Python has torch, transformers (5.17), peft (0.21) and safetensors. Exits 1 on the first failure.
"""
import argparse, json, sys, warnings
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText


def load(folder, **options):
    multimodal = "vision_config" in json.load(open(f"{folder}/config.json"))
    auto = AutoModelForImageTextToText if multimodal else AutoModelForCausalLM
    return auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **options)


def stored_type(folder):
    config = json.load(open(f"{folder}/config.json"))
    return config.get("dtype") or config.get("torch_dtype")


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(input_ids=ids, use_cache=False).logits


def adapted(model, adapter):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        peft = PeftModel.from_pretrained(load(model), adapter)
    problems = [str(w.message) for w in caught if "missing" in str(w.message) or "unexpected" in str(w.message).lower()]
    if problems:
        sys.exit(f"FAIL {adapter}: {problems[0]}")
    return peft


def merged_weights(peft):
    """Each weight before and after merging, by itself: PEFT's in-place merge would add both updates to a tied embedding."""
    weights = {}
    for name, module in peft.get_base_model().named_modules():
        if hasattr(module, "get_delta_weight"):
            base = module.get_base_layer().weight.data
            weights[name + ".weight"] = base, base + module.get_delta_weight("default")
    return weights


def main():
    a = argparse.ArgumentParser(usage=__doc__)
    a.add_argument("model"); a.add_argument("adapter"); a.add_argument("--same-as"); a.add_argument("--merged", action="append", default=[])
    a.add_argument("--rows"); a.add_argument("--logits"); a.add_argument("--seed", type=int, default=1); a.add_argument("--base-rounded", action="store_true")
    a = a.parse_args()
    torch.manual_seed(a.seed)
    base = load(a.model)
    text = getattr(base.config, "text_config", base.config)
    ids = torch.randint(3, min(text.vocab_size, 300), (2, 24))
    want = logits(adapted(a.model, a.adapter), ids)
    changed = (want - logits(base, ids)).abs().max().item()
    print(f"PEFT loads {a.adapter}: changes logits by up to {changed:.4g}")
    if a.same_as:
        difference = (want - logits(adapted(a.model, a.same_as), ids)).abs().max().item()
        print(f"difference to {a.same_as}: {difference}")
        if difference != 0:
            sys.exit("FAIL: not the same adapter")
    if a.logits:
        peft, have = adapted(a.model, a.adapter), load_file(a.logits)
        for i, line in enumerate(open(a.rows)):
            wanted = logits(peft, torch.tensor([json.loads(line)["input_ids"]]))[0]
            error = ((have[f"logits.{i}"] - wanted).abs().max() / wanted.abs().max()).item()
            print(f"row {i}: Jemma's logits within {error:.2e} of PEFT's largest")
            if not error < 2e-4:
                sys.exit("FAIL: other logits")
    for folder in a.merged:
        model, info = load(folder, output_loading_info=True)
        wrong = {k: v for k, v in info.items() if v and k != "error_msgs"}
        if wrong:
            sys.exit(f"FAIL {folder}: {wrong}")
        worst, exact, count = 0.0, 0, 0
        state = model.state_dict()
        for name, (before, weight) in merged_weights(adapted(a.model, a.adapter)).items():
            have = state[name]
            want_weight = weight.to(torch.bfloat16).float() if stored_type(folder) == "bfloat16" else weight
            unit = weight.abs().max() * 1e-6 + (weight.abs() * 2**-7 if stored_type(folder) == "bfloat16" else 0)
            if a.base_rounded:
                unit = unit + before.abs() * 2**-8
            worst = max(worst, ((have - want_weight).abs() / unit).max().item())
            exact += int((have == want_weight).sum()); count += have.numel()
        error = ((logits(model, ids) - want).abs().max() / want.abs().max()).item()
        print(f"transformers loads {folder} ({stored_type(folder)}): {exact / count:.4%} of {count} merged weights equal, worst off by "
              f"{worst:.2f} units; logits within {error:.2e} of the largest")
        if worst > 1 or (stored_type(folder) == "float32" and not error < 2e-5):
            sys.exit("FAIL: other weights")


if __name__ == "__main__":
    main()
