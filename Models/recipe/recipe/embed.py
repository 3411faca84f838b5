"""Embeddings of texts by a model's directory in float32, and how far another program's are."""
import json
import subprocess
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .model import load_encoder
from .prepare import texts

LONGEST = 20_000
"""Characters of the longest text compared: some more than 4,096 tokens."""
CLOSE = 1e-4
"""Largest difference of any number of two equal embeddings, which have length one."""


def reader(directory, config):
    tokenizer = Tokenizer.from_file(str(Path(directory, "tokenizer.json")))
    tokenizer.enable_truncation(config["max_position_embeddings"])
    return lambda text: tokenizer.encode(text).ids


@torch.inference_mode()
def embed(directory, wanted):
    """[n, H] float32, each text alone and without padding, cut at the model's longest; and the
    number of tokens of each."""
    model = load_encoder(directory)
    ids = list(map(reader(directory, model.config), wanted))
    rows = [model.embed(torch.tensor([x]), torch.tensor([len(x)]))[0] for x in ids]
    return torch.stack(rows), [len(x) for x in ids]


def lines(directory):
    """Standard input, a text a line, to standard output, a JSON array a line."""
    for row in embed(directory, [line.rstrip("\n") for line in sys.stdin])[0]:
        print(json.dumps([round(x, 8) for x in row.tolist()]))


def asked(program, directory, wanted, dtype="float32"):
    """What `program embed` answers for each text, whole up to the model's longest."""
    lines = "".join(json.dumps({"text": x}) + "\n" for x in wanted)
    run = subprocess.run([program, "embed", "--model", str(directory), "--dtype", dtype, "--jsonl"],
                         input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def compare(work, directory, program, count=100):
    """Whether `program embed` gives the same embeddings of `count` texts of all lengths: pages and
    package descriptions of the test part, by length from the shortest to the longest."""
    found = sorted((x["body"] for kind in ("pages", "packages") for x in texts(work, kind)
                    if x["test"] and len(x["body"]) < LONGEST), key=len)
    sizes = torch.linspace(len(found[0]) ** 0.5, len(found[-1]) ** 0.5, count) ** 2
    near = torch.searchsorted(torch.tensor([len(x) for x in found]), sizes.long())
    wanted = [found[i] for i in near.clamp(max=len(found) - 1).tolist()]
    own, tokens = embed(directory, wanted)
    answers = asked(program, directory, wanted)
    other = torch.tensor([x["embedding"] for x in answers])
    worst = (own - other).abs().max(1).values
    same = [x["tokens_used"] for x in answers] == tokens
    print(json.dumps(dict(
        texts=count, shortest=min(tokens), longest=max(tokens),
        at_longest=sum(t == max(tokens) for t in tokens), same_token_counts=same,
        largest_difference=worst.max().item(), mean_difference=worst.mean().item())))
    return same and worst.max().item() <= CLOSE
