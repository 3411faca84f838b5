"""The commands.  `all` runs every step within a time budget."""
import argparse
import os
import sys
import time
from pathlib import Path

import torch

from . import dtypes, embed, evaluate, export, prepare, section, teach, train


def parser():
    top = argparse.ArgumentParser(prog="recipe", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    def command(name, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--work", default="work", help="folder for texts, targets, checkpoints")
        sub.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        sub.add_argument("--threads", type=int, default=os.cpu_count())
        sub.add_argument("--seed", type=int, default=0)
        return sub

    def training(sub):
        sub.add_argument("--start", help="model directory to start from; default: from scratch")
        sub.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
        sub.add_argument("--tokens", type=int, default=8192, help="tokens in a batch")
        sub.add_argument("--contrast", type=float, default=0.6, help="weight of InfoNCE")
        sub.add_argument("--processes", type=int, default=1,
                         help="processes of one core each that train together")
        sub.add_argument("--layers", type=int, default=6)
        sub.add_argument("--hidden", type=int, default=256)

    sub = command("prepare", "collect texts and set the test part aside")
    sub.add_argument("--sample", type=float, default=1.0, help="share of the texts to keep")
    command("leaks", "measure how much of the test part stands in training texts")
    sub = command("teach", "write the teacher's embeddings; goes on where it stopped")
    sub.add_argument("--minutes", type=float, default=float("inf"))
    sub.add_argument("--shards", type=float, default=float("inf"),
                     help="shards of 300,000 tokens to have in the end")
    sub.add_argument("--whole", type=int, default=teach.WHOLE,
                     help="shards that the teacher embeds whole; of the rest titles and first windows")
    sub = command("vary", "write variants of the texts that are taught; goes on where it stopped")
    sub.add_argument("--minutes", type=float, default=float("inf"))
    sub.add_argument("--shards", type=float, default=float("inf"),
                     help="shards of 1,200,000 tokens to have in the end")
    sub = command("train", "train; goes on where it stopped")
    sub.add_argument("--minutes", type=float, required=True)
    training(sub)
    sub = command("evaluate", "measure a model's directory on the test part")
    sub.add_argument("--model", required=True)
    sub.add_argument("--json", help="file for the results")
    sub.add_argument("--probe", type=int, default=8000, help="texts for the section probe; 0: none")
    sub.add_argument("--untrained", action="store_true", help="measure random weights too")
    sub = command("export", "write the trained model's directory, with its card when measured")
    sub.add_argument("--out", required=True)
    sub.add_argument("--average", help="the model that the run started from: write the mean of both")
    sub.add_argument("--share", type=float, default=0.5, help="of the run in that mean")
    sub.add_argument("--results", help="what `evaluate --json` wrote for the exported model")
    sub.add_argument("--before", help="the same for an earlier model, for a second column")
    sub = command("embed", "embed standard input, a text a line, as JSON arrays")
    sub.add_argument("--model", required=True)
    sub = command("compare", "compare `bigs embed` with the recipe's own model")
    sub.add_argument("--model", required=True)
    sub.add_argument("--program", required=True, help="the bigs program, built")
    sub = command("dtypes", "compare how well `bigs embed` finds texts in each of its types")
    sub.add_argument("--model", required=True)
    sub.add_argument("--program", required=True, help="the bigs program, built")
    sub.add_argument("--json", help="file for the results")
    sub = command("section", "fine-tune the classifier of archive sections")
    sub.add_argument("--model", required=True)
    sub.add_argument("--out", required=True)
    sub.add_argument("--minutes", type=float, default=30)
    sub = command("all", "every step, in about --budget minutes")
    sub.add_argument("--budget", type=float, required=True, help="minutes")
    sub.add_argument("--sample", type=float, help="share of the texts; default: what fits")
    sub.add_argument("--out", help="model directory to write; default: WORK/bigs-mini")
    training(sub)
    return top


def configuration(a):
    return dict(train.MINI, num_hidden_layers=a.layers, hidden_size=a.hidden,
                intermediate_size=3 * a.hidden)


def run_training(a, minutes):
    train.train(a.work, minutes, a.processes, start=a.start, config=configuration(a), seed=a.seed,
                tokens=a.tokens, rate=a.rate, device=a.device, contrast=a.contrast)


def everything(a):
    """prepare, leaks, teach, vary, train, export, evaluate, section: what remains is shared out."""
    end = time.time() + 60 * a.budget
    sample = a.sample if a.sample is not None else min(1.0, a.budget / 120)
    out = Path(a.out or Path(a.work, "bigs-mini"))
    results = Path(a.work, "results.json")

    def left(share):
        return max(0.2, share * (end - time.time()) / 60)

    if not Path(a.work, "texts", "summary.json").exists():
        prepare.prepare(a.work, sample)
    if not prepare.leaks(a.work):
        raise SystemExit("held-out texts are in the training texts")
    teach.teach(a.work, left(0.2), seed=a.seed, device=a.device)
    teach.vary(a.work, left(0.06), seed=a.seed, device=a.device)
    run_training(a, left(0.65))
    export.weights(a.work, out)
    evaluate.evaluate(a.work, out, results, probe=int(8000 * sample), device=a.device)
    export.describe(a.work, out, results)
    section.section(a.work, out, out.parent / (out.name + "-section"), left(0.8), a.seed,
                    device=a.device)


def main():
    a = parser().parse_args()
    torch.set_num_threads(a.threads)
    if a.command == "prepare":
        prepare.prepare(a.work, a.sample)
    elif a.command == "leaks":
        sys.exit(0 if prepare.leaks(a.work) else 1)
    elif a.command == "teach":
        teach.teach(a.work, a.minutes, a.shards, a.seed, a.device, a.whole)
    elif a.command == "vary":
        teach.vary(a.work, a.minutes, a.shards, a.seed, a.device)
    elif a.command == "train":
        run_training(a, a.minutes)
    elif a.command == "evaluate":
        evaluate.evaluate(a.work, a.model, a.json, a.probe, a.untrained, a.device)
    elif a.command == "export":
        export.weights(a.work, a.out, a.average, a.share)
        if a.results:
            export.describe(a.work, a.out, a.results, a.before)
    elif a.command == "embed":
        embed.lines(a.model)
    elif a.command == "compare":
        sys.exit(0 if embed.compare(a.work, a.model, a.program) else 1)
    elif a.command == "dtypes":
        sys.exit(0 if dtypes.compare(a.work, a.model, a.program, a.json) else 1)
    elif a.command == "section":
        section.section(a.work, a.model, a.out, a.minutes, a.seed, device=a.device)
    else:
        everything(a)


if __name__ == "__main__":
    main()
