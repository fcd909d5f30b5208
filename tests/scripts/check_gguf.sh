#!/usr/bin/env bash
# Trains over GGUF bases and merges into them, and asks PEFT and transformers: do the adapter's logits over the file agree with PEFT's over what its blocks
# decode to, and is the merged folder one that transformers loads, with the weights and logits that PEFT's merge has?
#
# usage: check_gguf.sh PYTHON [FILE.gguf FOLDER]
# PYTHON has gguf, torch, transformers, peft and safetensors. Bases are the bundled tiny models, written by the Python package gguf in several types, and
# FILE.gguf, whose FOLDER holds its weights rounded to bf16 and its tokenizer (the real Gemma 3 270M has both).
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
python="${1:?usage: check_gguf.sh PYTHON [FILE.gguf FOLDER]}"
shift
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$python" - >"$work/rows.jsonl" <<'ROWS'
import json, random
random.seed(5)
for _ in range(12):
    print(json.dumps({"input_ids": [random.randrange(3, 90) for _ in range(24)]}))
ROWS
head -3 "$work/rows.jsonl" >"$work/three.jsonl"
jemma="$here/../../jemma"
n=0

# check GGUF FOLDER SCORE-OPTIONS TOKENIZER-OPTIONS
check() {
  n=$((n + 1))
  local gguf="$1" folder="$2" out="$work/out$n"
  # shellcheck disable=SC2086
  {
    "$jemma" train --model "$gguf" --data "$work/rows.jsonl" --out "$out" --max-steps 3 --batch-size 4 --learning-rate 1e-2 --lora-r 4 2>"$work/log" &&
      "$jemma" score --model "$gguf" --adapter "$out" --data "$work/three.jsonl" --logits "$out.safetensors" --compute f32 $3 --json 2>>"$work/log" &&
      "$jemma" merge --model "$gguf" --adapter "$out" --out "$out-bf16" 2>>"$work/log" &&
      "$jemma" merge --model "$gguf" --adapter "$out" --out "$out-f32" --dtype float32 2>>"$work/log" &&
      "$python" "$here/check_adapter.py" "$folder" "$out" --rows "$work/three.jsonl" --logits "$out.safetensors" $5 --merged "$out-bf16" 2>>"$work/log" &&
      "$python" "$here/check_gguf.py" folder "$out-bf16" $4 2>>"$work/log" &&
      "$python" "$here/check_gguf.py" folder "$out-f32" $4 2>>"$work/log"
  } || { tail -20 "$work/log"; exit 1; }
  rm -rf "$out-f32" "$out-bf16"
}

for family in gemma1 gemma2 gemma3; do
  for type in BF16 Q8_0 Q5_0 Q4_0; do
    echo "== $family in $type"
    "$python" "$here/check_gguf.py" make "$here/../src/test/resources/models/$family" "$type" "$work/$family-$type.gguf" "$work/$family-$type"
    # blocks that no kernel knows are rounded to bf16 to compute, not to merge
    if [ "$type" = Q5_0 ]; then
      "$python" - "$work/$family-$type" <<'ROUND'
import sys, torch
from safetensors.torch import load_file, save_file
file = sys.argv[1] + "/model.safetensors"
save_file({k: v.bfloat16().float() for k, v in load_file(file).items()}, file, {"format": "pt"})
ROUND
      check "$work/$family-$type.gguf" "$work/$family-$type" "" "" --base-rounded
    else
      check "$work/$family-$type.gguf" "$work/$family-$type" "" "" "--merged $work/out$((n + 1))-f32"
    fi
  done
done
if [ $# -gt 0 ]; then
  echo "== $1"
  check "$1" "${2:?FOLDER}" "--weights bf16" "--tokenizer $2" --base-rounded
fi
echo "PEFT and transformers agree with Jemma in all $n cases"
