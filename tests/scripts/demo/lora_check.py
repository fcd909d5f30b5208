"""Trains a LoRA on the demo's rows with PEFT, as the demo does with Jemma, and prints accuracy before and after."""
import argparse, json, time, sys
from random import Random
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from transformers import Gemma3ForCausalLM
import common, rows, make_demo
from collections import Counter

def answers(model, tokenizer, test, batch=50, limit=90):
    """Greedy answers of the first assistant turn, several rows at a time, padded on the left."""
    model.eval(); out = []
    for k in range(0, len(test), batch):
        prompts = [tokenizer.encode(common.render(r["messages"][:1], r["tools"], True), add_special_tokens=False).ids for r in test[k:k+batch]]
        n = max(map(len, prompts))
        ids = torch.tensor([[0] * (n - len(p)) + p for p in prompts]); mask = torch.tensor([[0] * (n - len(p)) + [1] * len(p) for p in prompts])
        with torch.no_grad():
            got = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=limit, eos_token_id=[1, 106], pad_token_id=0)
        for row in got[:, n:].tolist():
            stop = min([row.index(t) for t in (1, 106) if t in row], default=len(row))
            out.append(tokenizer.decode(row[:stop], skip_special_tokens=False))
    return out

def correct(row, text):
    want = row["messages"][1]["tool_calls"][0]["function"]
    try:
        got = json.loads(text.strip().removeprefix("<tool_call>").removesuffix("</tool_call>"))
        return got == want and json.dumps(got, sort_keys=True) == json.dumps(want, sort_keys=True)
    except (ValueError, TypeError):
        return False

def accuracy(model, tokenizer, test, show=0):
    texts = answers(model, tokenizer, test); ok = [correct(r, t) for r, t in zip(test, texts)]
    by = Counter(); n = Counter()
    for r, o in zip(test, ok):
        m = r["id"].split("-")[-1]; n[m] += 1; by[m] += o
    for r, t, o in zip(test, texts, ok):
        if not o and show > 0: show -= 1; print("   ", r["messages"][0]["content"], "->", t.replace("\n", ""))
    print(f"accuracy {sum(ok)}/{len(ok)} = {sum(ok)/len(ok):.1%}", {m: f"{by[m]}/{n[m]}" for m in n}, flush=True)

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("model"); a.add_argument("--rows", type=int, default=360); a.add_argument("--test", type=int, default=120); a.add_argument("--epochs", type=int, default=4)
    a.add_argument("--lr", type=float, default=2e-3); a.add_argument("--batch", type=int, default=8); a.add_argument("--seeds", default="1"); a.add_argument("--alpha", type=int, default=32); a.add_argument("--show", type=int, default=8); a.add_argument("--rowseed", type=int, default=0); a.add_argument("--no-before", action="store_true")
    o = a.parse_args(); torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(o.model + "/tokenizer.json")
    train, test = rows.make_rows("train", o.rows, o.rowseed), rows.make_rows("test", o.test, o.rowseed)
    data = [common.encode(tokenizer, r["messages"], r["tools"]) for r in train]
    print(f"{len(data)} rows, {sum(len(i) for i, _ in data)} tokens, longest {max(len(i) for i, _ in data)}")
    for seed in map(int, o.seeds.split(",")):
        torch.manual_seed(seed); rng = Random(seed)
        model = Gemma3ForCausalLM.from_pretrained(o.model, dtype=torch.float32)
        if not o.no_before: print("before", end=" "); accuracy(model, tokenizer, test, o.show)
        model = get_peft_model(model, LoraConfig(r=16, lora_alpha=o.alpha, target_modules=["q_proj","k_proj","v_proj","o_proj","gate_proj","up_proj","down_proj"], task_type="CAUSAL_LM"))
        if seed == 1: model.print_trainable_parameters()
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=o.lr, weight_decay=0)
        steps = (len(data) + o.batch - 1) // o.batch * o.epochs; step = 0; start = time.time(); model.train()
        for epoch in range(o.epochs):
            order = list(range(len(data))); rng.shuffle(order)
            for k in range(0, len(order), o.batch):
                for g in optimizer.param_groups: g["lr"] = o.lr * (1 - step / steps)
                ids, labels = make_demo.pad([data[i] for i in order[k:k+o.batch]])
                loss, _ = make_demo.loss_of(model.base_model.model, ids, labels)
                loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); optimizer.zero_grad(); step += 1
            print(f"  epoch {epoch+1} loss {loss.item():.3f} {time.time()-start:.0f}s")
        print(f"seed {seed} after", end=" "); accuracy(model, tokenizer, test, o.show)
