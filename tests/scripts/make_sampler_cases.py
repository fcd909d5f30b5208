#!/usr/bin/env python3
"""Writes what Hugging Face's logits processors leave of logits.

usage: make_sampler_cases.py [--seed N] [--out FILE]      needs torch, transformers (made with 5.17.0)

FILE holds {logits, seen, suppressed, temperature, top_k, top_p, min_p, repetition_penalty, greedy, kept, probabilities}: the arguments, the likeliest
token after penalty and suppression, and the ids and probabilities that sampling draws from.
"""
import argparse, json, os
import torch
from transformers.generation import logits_process as p

a = argparse.ArgumentParser(); a.add_argument("--seed", type=int, default=7)
a.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../src/test/resources/generate/sampler.jsonl")); a = a.parse_args()
torch.manual_seed(a.seed); os.makedirs(os.path.dirname(a.out), exist_ok=True)

def pick(*values): return values[int(torch.randint(len(values), (1,)))]

with open(a.out, "w") as f:
    for case in range(220):
        size = pick(5, 30, 30, 120)
        logits = (torch.randn(1, size) * pick(0.3, 2, 6)).round(decimals=pick(1, 4, 4))
        o = dict(temperature=pick(1.0, 0.01, 0.5, 0.7, 1.5), top_k=pick(0, 0, 1, 5, 50, 1000), top_p=pick(1.0, 1.0, 0.0, 0.3, 0.9, 0.95), min_p=pick(0.0, 0.0, 0.05, 0.3, 1.0), repetition_penalty=pick(1.0, 1.3, 0.8))
        seen = torch.randint(size, (1, pick(1, 3, 20)))
        suppressed = [int(torch.randint(size, (1,)))] if pick(True, False) else []
        s = logits.clone()
        if o["repetition_penalty"] != 1.0: s = p.RepetitionPenaltyLogitsProcessor(o["repetition_penalty"])(seen, s)
        if suppressed: s = p.SuppressTokensLogitsProcessor(suppressed)(seen, s)
        greedy = int(s.argmax())
        if o["temperature"] != 1.0: s = p.TemperatureLogitsWarper(o["temperature"])(seen, s)
        if o["top_k"]: s = p.TopKLogitsWarper(o["top_k"])(seen, s)
        before_top_p = s.clone()
        if o["top_p"] < 1: s = p.TopPLogitsWarper(o["top_p"])(seen, s)
        if o["min_p"]: s = p.MinPLogitsWarper(o["min_p"])(seen, s)
        probabilities = s.double().softmax(-1)[0]
        kept = [i for i in range(size) if s[0, i] != float("-inf")]
        if len(set(before_top_p[0, kept].tolist())) < len(kept) or (o["top_p"] < 1 and any(before_top_p[0, j] in before_top_p[0, kept] for j in range(size) if j not in kept and before_top_p[0, j] != float("-inf"))):
            continue  # which of equal logits top-p keeps is an accident of an unstable sort
        f.write(json.dumps(dict(logits=logits[0].tolist(), seen=seen[0].tolist(), suppressed=suppressed, **o, greedy=greedy, kept=kept, probabilities=[round(float(probabilities[i]), 8) for i in kept])) + "\n")
