"""Numbers from similarities, labels and texts.  Nothing here knows a model."""
import math
import re
import sqlite3

import numpy as np
import torch
import torch.nn.functional as F


def retrieval(scores, answers=None):
    """Recall at 1 and 10 and mean reciprocal rank; row i's right answer is column i.
    Ties count half.  `answers` restricts the queries to some rows."""
    right = scores.diag()[:, None]
    rank = (scores > right).sum(1) + ((scores == right).sum(1) - 1) / 2
    rank = rank if answers is None else rank[answers]
    return dict(r1=(rank < 1).float().mean().item(), r10=(rank < 10).float().mean().item(),
                mrr=(1 / (rank + 1)).mean().item())


def parts(lexical, vector, alpha, passages=None, weight=0):
    """(scores, weight) of what is joined: BM25 has 1 - alpha; documents' own cosines and those of
    their best passages share alpha, as by the server's `"passage_weight"`."""
    both = [(lexical, 1 - alpha), (vector, alpha * (1 - weight))]
    return both if passages is None else both + [(passages, alpha * weight)]


def fused(lexical, vector, constant=60, alpha=0.5, passages=None, weight=0):
    """Reciprocal rank fusion of score matrices (see `parts`): what `"fusion": "rrf"` does in the
    server."""
    return sum(2 * w / (constant + 1 + s.argsort(1, descending=True).argsort(1).float())
               for s, w in parts(lexical, vector, alpha, passages, weight))


def relative(lexical, vector, alpha=0.5, depth=100, passages=None, weight=0):
    """The mean of score matrices (see `parts`), each query's best `depth` scores on a scale from 0
    to 1 and the others 0: what `"fusion": "relative_score"` does in the server."""
    def scaled(s):
        best, place = s.topk(min(depth, s.shape[1]), 1)
        low, high = best[:, -1:], best[:, :1]
        return torch.zeros_like(s).scatter_(1, place, (best - low) / (high - low + 1e-12))

    return sum(w * scaled(s) for s, w in parts(lexical, vector, alpha, passages, weight))


def standardised(lexical, vector):
    """The sum of score matrices, each query's scores less their mean and by their deviation: what
    the first figures of BM25 and an embedding together were taken by."""
    return sum((s - s.mean(1, keepdim=True)) / (s.std(1, keepdim=True) + 1e-6)
               for s in (lexical, vector))


def bm25(queries, texts, stems=False):
    """BM25 of any of a query's words in the texts [queries, texts], by SQLite's FTS5 as in the
    server's store; with `stems`, of Porter's stems, as with `--store-tokenizer porter`."""
    index = sqlite3.connect(":memory:")
    tokenizer = "porter unicode61" if stems else "unicode61"
    index.execute(f"CREATE VIRTUAL TABLE t USING fts5(text, tokenize = '{tokenizer}')")
    index.executemany("INSERT INTO t (rowid, text) VALUES (?, ?)", enumerate(texts))
    scores = torch.zeros(len(queries), len(texts))
    for row, query in zip(scores, queries):
        words = [f'"{x}"' for x in query.replace('"', " ").split() if re.search(r"\w", x)]
        found = index.execute("SELECT rowid, -bm25(t) FROM t WHERE t MATCH ?",
                              [" OR ".join(dict.fromkeys(words)) or '""'])
        for i, score in found:
            row[i] = score
    return scores


def spearman(own, wanted, pairs=5000, seed=0):
    """Rank correlation of both models' cosines of random pairs of texts."""
    generator = torch.Generator().manual_seed(seed)
    i, j = torch.randint(len(own), (2, pairs), generator=generator)
    keep = i != j
    ranks = [(e[i] * e[j]).sum(1)[keep].argsort().argsort().double() for e in (own, wanted)]
    return torch.corrcoef(torch.stack(ranks))[0, 1].item()


def f1_by_class(predicted, right, classes):
    """F1 of every class [classes]; NaN for one that does not occur."""
    scores = []
    for k in range(classes):
        both = ((predicted == k) & (right == k)).sum().item()
        either = ((predicted == k).sum() + (right == k).sum()).item()
        scores.append(2 * both / either if (right == k).any() else math.nan)
    return scores


def labelled(predicted, right, classes):
    """Accuracy and macro-F1 over the classes that occur."""
    return dict(accuracy=(predicted == right).float().mean().item(),
                f1=float(np.nanmean(f1_by_class(predicted, right, classes))))


def probe(x, y, x_test, y_test, classes, penalties=(1e-4, 1e-3, 3e-3, 1e-2)):
    """Logistic regression on frozen embeddings; the penalty is chosen on a tenth of x."""
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    x, x_test, cut = (x - mean) / deviation, (x_test - mean) / deviation, int(0.9 * len(x))

    def fit(a, b, penalty):
        weight = torch.zeros(a.shape[1], classes, requires_grad=True)
        bias = torch.zeros(classes, requires_grad=True)
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(a @ weight + bias, b) + penalty * weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        return lambda values: (values @ weight + bias).argmax(1)

    def accuracy(penalty):
        return (fit(x[:cut], y[:cut], penalty)(x[cut:]) == y[cut:]).float().mean().item()

    best = max(penalties, key=accuracy)
    return labelled(fit(x, y, best)(x_test), y_test, classes)
