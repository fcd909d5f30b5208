#!/usr/bin/env python3
"""Writes what transformers says the assistant generated: character ranges of TRL's training templates, and token masks with real Gemma tokenizers.

usage: make_mask_golden.py [--tokenizers DIR]     needs transformers; DIR holds gemma2/ and gemma3/ with tokenizer.json(.xz) and tokenizer_config.json

masks.jsonl   {"template", "conversation", "ranges": [[from, to], ...]} in code points, for every training template in trl.jsonl that takes the conversation;
              and, with --tokenizers, {"template", "conversation", "family", "ids", "mask"} for Gemma's own
"""
import argparse, json, lzma, os
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template
from tokenizers import Tokenizer

HERE = os.path.join(os.path.dirname(__file__), "..", "src", "test", "resources", "template")
a = argparse.ArgumentParser(); a.add_argument("--tokenizers"); a = a.parse_args()
conversations = json.load(open(f"{HERE}/trl-conversations.json"))
templates = {row["template"]: row["source"] for row in map(json.loads, open(f"{HERE}/trl.jsonl")) if "source" in row}
with open(f"{HERE}/masks.jsonl", "w") as f:
    for name, source in templates.items():
        if "{% generation" not in source and "{%- generation" not in source: continue
        for conversation, c in conversations.items():
            try: _, ranges = render_jinja_template([c["messages"]], tools=c.get("tools"), chat_template=source, return_assistant_tokens_mask=True, bos_token="<bos>", eos_token="<eos>")
            except Exception: continue
            f.write(json.dumps(dict(template=name, conversation=conversation, ranges=ranges[0])) + "\n")
    for family, name in (("gemma2", "gemma_training.jinja"), ("gemma3", "gemma3_training.jinja")):
        if not a.tokenizers: break
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(lzma.open(f"{a.tokenizers}/{family}/tokenizer.json.xz", "rt").read()), bos_token="<bos>", eos_token="<eos>", pad_token="<pad>")
        for conversation, c in conversations.items():
            try: out = tokenizer.apply_chat_template(c["messages"], chat_template=templates[name], return_assistant_tokens_mask=True, return_dict=True)
            except Exception: continue
            f.write(json.dumps(dict(template=name, conversation=conversation, family=family, ids=out["input_ids"], mask=out["assistant_masks"])) + "\n")
