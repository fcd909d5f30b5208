#!/usr/bin/env python3
"""Whether this checkout computes as fast as COMMIT: both are built and run in turns on this machine, old new, new old, ...

  tests/scripts/same_speed.py COMMIT --model DIR             bench: prompts, generation and LoRA steps over bf16, Q8_0 and Q4_0 weights
  tests/scripts/same_speed.py COMMIT --kernels [PART]        each row of KernelTable whose name holds PART
  ... --pairs 12 --most 40 --least 0.97 --widest 0.06        --compute and --threads as for jemma

For each test: the median of new / old over the pairs, and its 95 % interval by bootstrap. Tests whose interval is wider than --widest get
more pairs, up to --most. Exit status 1 if a median is below --least. Let nothing else run meanwhile.
Builds are kept in ~/.cache/jemma/builds. Needs Python 3.9 and its standard library.
"""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "jemma" / "builds"
WEIGHTS = ("bf16", "q8", "q4")
ROW = re.compile(r"^(.{34}) (.{24}) +([0-9.]+) (GFLOP/s|GB/s)", re.M)


def run(command, folder, **more):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} in {folder} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def checkout(commit):
    """A clone of this repository at the commit, kept by its hash."""
    full = run(["git", "rev-parse", "--verify", commit + "^{commit}"], HERE).strip()
    folder = CACHE / ("speed-" + full[:12])
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        beside = CACHE / f".{folder.name}.{os.getpid()}"
        run(["git", "clone", "-q", "--shared", "--no-checkout", str(HERE), str(beside)], HERE)
        run(["git", "checkout", "-q", "--detach", full], beside)
        beside.rename(folder)
    return folder


class Bench:
    """Tokens per second of `jemma bench`, a test for each form of weights."""

    def __init__(self, args):
        self.args = args

    def groups(self):
        return WEIGHTS

    def prepare(self, folder):
        run(["./jemma", "doctor", "--json"], folder)

    def measure(self, folder, weights):
        command = ["./jemma", "bench", "--model", self.args.model, "--weights", weights, "--compute", self.args.compute]
        command += ["--threads", str(self.args.threads), "-r", "3", "--train", "--json"]
        return {f"{weights} {row['test']}": row["tokens_per_second"] for row in json.loads(run(command, folder))}

    def group(self, test):
        return test.split()[0]


class Kernels:
    """Rates of KernelTable's rows; all rows are one run."""

    def __init__(self, args):
        self.args = args

    def groups(self):
        return ("table",)

    def prepare(self, folder):
        self.measure(folder, None, "no such row")

    def measure(self, folder, _, part=None):
        threads = str(self.args.threads or os.cpu_count())
        arithmetic = "F32" if self.args.compute == "auto" else self.args.compute.upper()
        command = ["tests/scripts/bench.sh", "--main", "KernelTable", threads, part or self.args.kernels, arithmetic]
        rows = ROW.findall(run(command, folder))
        return {f"{name.strip()} {shape.strip()}": float(rate) for name, shape, rate, _ in rows}

    def group(self, test):
        return "table"


def interval(ratios):
    """95 % of the medians of samples drawn from the ratios."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--model")
    parser.add_argument("--kernels", nargs="?", const="", metavar="PART")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--least", type=float, default=0.97)
    parser.add_argument("--widest", type=float, default=0.06)
    parser.add_argument("--compute", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if (args.model is None) == (args.kernels is None):
        parser.error("wanted --model DIR or --kernels")
    if args.model:
        args.model = str(pathlib.Path(args.model).resolve())
    kind = Kernels(args) if args.model is None else Bench(args)
    old = checkout(args.commit)
    for folder in (old, HERE):
        kind.prepare(folder)

    ratios = {}

    def pair(number, group):
        order = (old, HERE) if number % 2 == 0 else (HERE, old)
        rates = {folder: kind.measure(folder, group) for folder in order}
        for test in rates[old].keys() & rates[HERE].keys():
            ratios.setdefault(test, []).append(rates[HERE][test] / rates[old][test])

    def wide(test):
        low, high = interval(ratios[test])
        return high - low > args.widest

    for number in range(args.pairs):
        for group in kind.groups():
            pair(number, group)
        print(f"pair {number + 1} of {args.pairs}", file=sys.stderr)
    for number in range(args.pairs, args.most):
        again = {kind.group(test) for test in ratios if wide(test)}
        if not again:
            break
        for group in sorted(again):
            pair(number, group)
        print(f"pair {number + 1} of at most {args.most}: {', '.join(sorted(again))}", file=sys.stderr)

    slower = 0
    for test, values in sorted(ratios.items()):
        low, high = interval(values)
        median = statistics.median(values)
        slower += median < args.least
        notes = ("  SLOWER" if median < args.least else "") + ("  (interval stayed wide)" if wide(test) else "")
        print(f"{test:60} {median:6.3f}  [{low:.3f}, {high:.3f}]  {len(values)} pairs{notes}")
    print(f"{len(ratios)} tests, {slower} with a median ratio below {args.least}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
