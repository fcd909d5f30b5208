#!/usr/bin/env bash
# Trains an adapter with Jemma, and asks PEFT and transformers: does PEFT load it without a missing or unexpected key, does it give the logits that Jemma
# gives, and does transformers load what `jemma merge` wrote, with the same logits?
#
# usage: check_training.sh PYTHON [MODEL]...
# PYTHON has torch, transformers, peft and safetensors; models default to the bundled tiny ones (token ids below 90 are trained on, so any Gemma will do).
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
python="${1:?usage: check_training.sh PYTHON [MODEL]...}"
shift
[ $# -gt 0 ] || set -- "$here"/../src/test/resources/models/*
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$python" - >"$work/rows.jsonl" <<'ROWS'
import json, random
random.seed(3)
for _ in range(24):
    print(json.dumps({"input_ids": [random.randrange(3, 90) for _ in range(24)]}))
ROWS
head -3 "$work/rows.jsonl" >"$work/three.jsonl"
jemma="$here/../../jemma"
n=0
for model in "$@"; do
  # plain, and what PEFT treats apart: rsLoRA, patterns of ranks and alphas, the embedding and the head
  for options in "--lora-r 8" "--lora-r 4 --use-rslora --rank-pattern v_proj=2 --alpha-pattern down_proj=64" \
      "--lora-r 4 --target-modules q_proj,v_proj,embed_tokens,lm_head"; do
    n=$((n + 1))
    out="$work/$n"
    echo "== $model $options"
    # shellcheck disable=SC2086
    "$jemma" train --model "$model" --data "$work/rows.jsonl" --out "$out" --max-steps 12 --batch-size 4 --learning-rate 1e-2 $options 2>"$work/log" ||
      { cat "$work/log"; exit 1; }
    "$jemma" score --model "$model" --adapter "$out" --data "$work/three.jsonl" --logits "$out.safetensors" --compute f32 --json
    "$jemma" merge --model "$model" --adapter "$out" --out "$out-f32" --dtype float32 2>>"$work/log"
    "$jemma" merge --model "$model" --adapter "$out" --out "$out-bf16" --dtype bfloat16 2>>"$work/log"
    "$python" "$here/check_adapter.py" "$model" "$out" --rows "$work/three.jsonl" --logits "$out.safetensors" \
      --merged "$out-f32" --merged "$out-bf16" 2>>"$work/log" || { tail -20 "$work/log"; exit 1; }
  done
done
echo "PEFT and transformers agree with Jemma in all $n cases"
