"""Makes the bundled demo: tokenizer, base model, rows and golden ids. Seeded; about 20 minutes of one core.

    python make_demo.py --out ../../../cli/src/main/resources/dev/jemma/cli/demo --golden ../../src/test/resources/demo

torch 2.13.0, transformers 5.17.0, tokenizers 0.23.3, peft 0.21.2. lora_check.py trains a LoRA on the result with PEFT."""
import argparse
import json
import time
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

import common
import corpus
import rows
import tok

SEED, STEPS, TOKENS_A_STEP = 1, 1700, 2560


def config(vocabulary):
    return Gemma3TextConfig(
        vocab_size=vocabulary, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
        query_pre_attn_scalar=32, sliding_window=128, layer_types=["sliding_attention", "full_attention"] * 2, max_position_embeddings=2048,
        tie_word_embeddings=True, pad_token_id=0, eos_token_id=1, bos_token_id=2, attn_implementation="sdpa")


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum (Keller Jordan's Muon) in float32: torch's own runs in bfloat16, which is slow on a CPU."""

    def __init__(self, params, lr, momentum=0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                shapes.setdefault(tuple(p.shape), []).append((p, p.grad.lerp(m, group["momentum"])))
            for (height, width), found in shapes.items():
                x = torch.stack([u for _, u in found])
                x = x.mT if height > width else x
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                for _ in range(5):
                    y = x @ x.mT
                    x = 3.4445 * x + (-4.775 * y + 2.0315 * y @ y) @ x
                x = x.mT if height > width else x
                for (p, _), u in zip(found, x):
                    p.add_(u, alpha=-group["lr"] * max(1, height / width) ** 0.5)


def pad(samples):
    """Ids and labels of samples, padded on the right; labels only in the assistant's turns."""
    n = max(len(ids) for ids, _ in samples)
    ids, labels = torch.zeros(len(samples), n, dtype=torch.long), torch.full((len(samples), n), -100)
    for k, (i, learn) in enumerate(samples):
        ids[k, : len(i)] = torch.tensor(i)
        labels[k, : len(i)] = torch.tensor([x if y else -100 for x, y in zip(i, learn)])
    return ids, labels


def batches(tokenizer, rng, progress):
    """Batches of about TOKENS_A_STEP tokens, of samples of like length; `progress()` is asked at every sample."""
    while True:
        pool = []
        for _ in range(400):
            messages, tools = corpus.sample(rng, progress())
            assert not any(t["function"]["name"] in rows.METHODS for t in tools)
            pool.append(common.encode(tokenizer, messages, tools))
        pool.sort(key=lambda s: len(s[0]))
        cut, held = [[]], 0
        for s in pool:
            if held + len(s[0]) > TOKENS_A_STEP:
                cut.append([])
                held = 0
            cut[-1].append(s)
            held += len(s[0])
        rng.shuffle(cut)
        yield from map(pad, cut)


def loss_of(model, ids, labels):
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    at = labels[:, 1:] != -100
    logits, wanted = model.lm_head(hidden[at]).float(), labels[:, 1:][at]
    return torch.nn.functional.cross_entropy(logits, wanted), (logits.argmax(-1) == wanted).float().mean()


def pretrain(tokenizer, steps):
    torch.manual_seed(SEED)
    rng = Random(SEED)
    model = Gemma3ForCausalLM(config(tokenizer.get_vocab_size()))
    print(sum(p.numel() for p in model.parameters()), "parameters")
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    optimizers = [Muon(matrices, 0.02), torch.optim.AdamW(others, lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0)]
    peak = [o.param_groups[0]["lr"] for o in optimizers]
    step, seen, start = 0, 0, time.time()
    stream = batches(tokenizer, rng, lambda: step / steps)
    while step < steps:
        factor = min(1, (step + 1) / 30) * min(1, (1 - step / steps) / 0.4 + 0.01)
        for o, lr in zip(optimizers, peak):
            o.param_groups[0]["lr"] = lr * factor
        ids, labels = next(stream)
        loss, right = loss_of(model, ids, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in optimizers:
            o.step()
            o.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + ids.numel()
        if step % 25 == 0:
            print(f"{step} {time.time() - start:.0f} s, {seen} tokens, loss {loss.item():.3f}, tokens right {right:.3f}", flush=True)
    return model


def write_model(folder, model, tokenizer_json):
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    special = dict(bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>")
    write_json(folder / "generation_config.json", {"bos_token_id": 2, "eos_token_id": [1, 106], "pad_token_id": 0, "do_sample": False})
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False,
        "added_tokens_decoder": {str(t["id"]): {k: t[k] for k in ("content", "lstrip", "normalized", "rstrip", "single_word", "special")}
                                 for t in tokenizer_json["added_tokens"]},
        **special, "clean_up_tokenization_spaces": False, "model_max_length": 2048, "sp_model_kwargs": None, "spaces_between_special_tokens": False,
        "tokenizer_class": "GemmaTokenizer", "use_default_system_prompt": False})
    write_json(folder / "tokenizer.json", tokenizer_json)
    (folder / "chat_template.jinja").write_text(common.TEMPLATE, encoding="utf-8")


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


ODD_TEXTS = ["", " ", "  two  spaces ", "a\n\n\nb\n", "naïve café, 东京 🦊", "\t<tool_call>", "<start_of_turn>user\nhi<end_of_turn>", "<unused7><mask>", "0123456789.5",
             '{"name": "x", "arguments": {"y": [1, 2]}}', "\u0000\u001f\u007f", "▁ real underline ▁", "<bos><eos><pad><unk>", "\n" * 40]


def write_golden(folder, tokenizer, train, test):
    """What Hugging Face makes of some rows: the prompt with the answer, its ids, and which ids are supervised; and ids of odd texts."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "rows.jsonl", "w", encoding="utf-8", newline="\n") as out:
        for row in train[:24] + test[:24]:
            ids, learn = common.encode(tokenizer, row["messages"], row["tools"])
            text = common.render(row["messages"], row["tools"])
            assert tokenizer.encode(text, add_special_tokens=False).ids == ids
            out.write(json.dumps({"id": row["id"], "text": text, "ids": ids, "supervised": learn}, ensure_ascii=False) + "\n")
    with open(folder / "texts.jsonl", "w", encoding="utf-8", newline="\n") as out:
        for text in ODD_TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=True).ids
            out.write(json.dumps({"text": text, "ids": ids, "decoded": tokenizer.decode(ids[1:], skip_special_tokens=False)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--golden", type=Path, required=True)
    arguments.add_argument("--steps", type=int, default=STEPS)
    arguments.add_argument("--rows-only", action="store_true", help="keep the model that is there")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if not options.rows_only:
        made = tok.build(SEED)
        print(len(made["model"]["vocab"]), "pieces")
        write_model(options.out / "model", pretrain(Tokenizer.from_str(json.dumps(made)), options.steps), made)
    built = Tokenizer.from_file(str(options.out / "model" / "tokenizer.json"))
    train, test = rows.make_rows("train", 600, SEED), rows.make_rows("test", 120, SEED)
    rows.write_rows(options.out / "train.jsonl", train)
    rows.write_rows(options.out / "test.jsonl", test)
    write_golden(options.golden, built, train, test)
