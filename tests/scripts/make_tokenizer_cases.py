#!/usr/bin/env python3
"""Writes small tokenizers in Gemma's form, and what Hugging Face's tokenizers library computes with them.

usage: make_tokenizer_cases.py [--seed N] [--out DIR]      needs tokenizers (made with 0.23.2)

DIR/<name>.json   one tokenizer.json a variant
DIR/cases.jsonl   {tokenizer, text, ids (with the post-processor), ids_plain, decoded, decoded_skip_special}
"""
import argparse, json, os, random
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

a = argparse.ArgumentParser(); a.add_argument("--seed", type=int, default=3)
a.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "../src/test/resources/tokenizer")); a = a.parse_args()
rnd = random.Random(a.seed); os.makedirs(a.out, exist_ok=True)

CORPUS = ["the cat sat on the mat and the hat", "a tool call: {'name': 'get_weather', 'city': 'Paris'}", "naïve café über alles",
          "日本語のテキスト 日本 語", "<table><tr><td>x</td></tr></table>", "12 34 5.6 -7e8", "there then that this those these", "    indented    text\n\n\tand tabs\n"]
CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>"]

def train(byte_fallback, size=150, alphabet=1000):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=byte_fallback))
    t.normalizer = normalizers.Replace(" ", "▁")
    bytes_ = [f"<0x{i:02X}>" for i in range(256)] if byte_fallback else []
    t.train_from_iterator(CORPUS * 3, trainers.BpeTrainer(vocab_size=len(CONTROL) + len(bytes_) + size, limit_alphabet=alphabet, special_tokens=CONTROL + bytes_, show_progress=False))
    d = json.loads(t.to_str())
    d["added_tokens"] = [x for x in d["added_tokens"] if x["content"] in CONTROL]
    return d

def gemma(d, added=(), post=True):
    t = Tokenizer.from_str(json.dumps(d))
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    if post: t.post_processor = processors.TemplateProcessing(single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", 2)])
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ("<start_of_turn>", "<end_of_turn>")])
    t.add_tokens([AddedToken(s, special=False, normalized=False) for s in ("\n", "\n\n", "▁▁", "<table>", "<call>")] + list(added))
    return json.loads(t.to_str())

def strings(d):
    d["model"]["merges"] = [" ".join(m) for m in d["model"]["merges"]]; return d

full, bare = train(True), train(False)
variants = {
    "pairs": gemma(full),
    "strings": strings(gemma(full)),
    "flags": gemma(full, [AddedToken("<L>", lstrip=True, normalized=False), AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<LR>", lstrip=True, rstrip=True, normalized=False, special=True),
                          AddedToken("cat", single_word=True, normalized=False), AddedToken("on the", normalized=True), AddedToken("tool ", normalized=True, rstrip=True), AddedToken("sat", normalized=True, single_word=True, lstrip=True)]),
    "unknown": gemma(bare),
    "unknown-apart": gemma({**bare, "model": {**bare["model"], "fuse_unk": False}}, post=False),
    "prepend": gemma(full),
    "split": gemma({**full, "normalizer": None}),
}
p = Tokenizer.from_str(json.dumps(variants["prepend"]))
p.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
p.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
p.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)])
variants["prepend"] = json.loads(p.to_str())
variants["tiny"] = gemma(train(False, 84, 60))  # its ids fit the vocabulary of 96 that the tiny reference models have

PIECES = [" ", "  ", "   ", "\n", "\n\n\n", "\t", "▁", "cat", "cats", "sat", "on the", "tool ", "the", "there", "<L>", "<R>", "<LR>", "<table>", "<start_of_turn>", "<end_of_turn>", "<start_of", "<bos>", "<0x41>", "é", "e\u0301",
          "日", "本", "語", "Ω", "👋🏽", "\U00010348", "\u3000", "\u200d", "_", "1", "x", "Q", "<unk>", "\x00", "\u2028", "ﬁ", "<", ">", "'"]
TEXTS = ["", " ", "  ", "a", "the cat sat on the mat", "Ωλ Ωλ", "👋👋 x", "<L> <R> <LR> ", " cat cat, cats bobcat cat", "sat sat\nsat  sat", "tool   \n tool x", "aaaa" * 40, "▁" * 70 + "x", "日本" * 40, "the" * 40]
TEXTS += ["".join(rnd.choice(PIECES) for _ in range(rnd.randint(1, 14))) for _ in range(120)]
with open(f"{a.out}/cases.jsonl", "w") as f:
    for name, d in variants.items():
        with open(f"{a.out}/{name}.json", "w") as g: json.dump(d, g, ensure_ascii=False, **(dict(separators=(",", ":")) if name == "strings" else dict(indent=1)))
        t = Tokenizer.from_str(json.dumps(d))
        for text in TEXTS:
            plain = t.encode(text, add_special_tokens=False).ids
            f.write(json.dumps(dict(tokenizer=name, text=text, ids=t.encode(text).ids, ids_plain=plain, decoded=t.decode(plain, skip_special_tokens=False), decoded_skip_special=t.decode(plain)), ensure_ascii=False) + "\n")
