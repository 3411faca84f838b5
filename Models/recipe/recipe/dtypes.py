"""How well `bigs embed` finds held-out texts in each of its types."""
import json

import torch

from . import metrics
from .embed import asked
from .prepare import query, texts

MAY_LOSE = dict(float32=0.0, bfloat16=0.002, int8=0.01)
"""The mean reciprocal rank that a type may differ by from float32."""


def ask(program, directory, dtype, wanted):
    """[n, H]: the program's embeddings of texts."""
    return torch.tensor([x["embedding"] for x in asked(program, directory, wanted, dtype)])


def compare(work, directory, program, output=None):
    """Retrieval of held-out pages, packages and WordNet's definitions by each type; whether all stay
    within `MAY_LOSE` of float32.  Writes {kind: {type: figures}} as JSON to `output`."""
    results, close = {}, True
    for kind in ("pages", "packages", "glosses"):
        held = [x for x in texts(work, kind) if x.get("test", True)]
        found = results[f"{kind} ({len(held)})"] = {}
        for dtype, most in MAY_LOSE.items():
            queries = ask(program, directory, dtype, [query(x) for x in held])
            kept = ask(program, directory, dtype, [x["body"] for x in held])
            if dtype == "float32":
                exact = torch.cat([queries, kept])
            cosine = (torch.cat([queries, kept]) * exact).sum(1).min().item()
            found[dtype] = dict(metrics.retrieval(queries @ kept.T), least_cosine=cosine)
            differs = found[dtype]["mrr"] - found["float32"]["mrr"]
            close &= abs(differs) <= most
            print(f"{kind}, {dtype}: mrr {found[dtype]['mrr']:.4f} ({differs:+.4f}), "
                  f"least cosine with float32 {cosine:.6f}", flush=True)
    if output:
        with open(output, "w") as file:
            file.write(json.dumps(results, indent=1) + "\n")
    return close
