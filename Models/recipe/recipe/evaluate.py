"""Quality of an embedding model's directory on the held-out texts."""
import json
import time
from collections import Counter
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from . import metrics, targets
from .model import BiGS, load_encoder
from .prepare import query, texts

RAREST = 0.012
"""Archive sections with a smaller share of the packages are merged into "other"."""

LEXICAL = {"BM25": False, "BM25 of stems": True}
JOINED = {"reciprocal ranks": metrics.fused,
          "standardised scores": metrics.standardised,
          "relative scores": metrics.relative,
          "relative scores, alpha 0.6": partial(metrics.relative, alpha=0.6)}
PASSAGES = {"reciprocal ranks, constant 3, alpha 0.6": partial(metrics.fused, constant=3, alpha=0.6),
            "relative scores, alpha 0.6": partial(metrics.relative, alpha=0.6)}
"""How passages are joined with the others."""
PASSAGE, STEP, WEIGHT = 32, 16, 0.4
"""Tokens of a passage, tokens from one to the next, and what the best one weighs beside its
document: as `"chunk": [{"granularity": "tokens", "size": 32, "overlap": 16}]` and
`"passage_weight"` in the server."""


def batches(sequences, tokens, device):
    """(numbers, ids, lengths): as many texts of like length at a time as fit into `tokens`."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * len(sequences[order[end]]) <= tokens:
            end += 1
        yield order[start:end], *targets.padded([sequences[i] for i in order[start:end]], device)
        start = end


@torch.inference_mode()
def encode(model, sequences, tokens=8192, device="cpu"):
    """Embeddings [n, H] on the CPU, matrix products in bfloat16."""
    out = torch.zeros(len(sequences), model.config["hidden_size"])
    for numbers, ids, lengths in batches(sequences, tokens, device):
        out[numbers] = model.embed(ids, lengths, dtype=torch.bfloat16).cpu()
    return out


@torch.inference_mode()
def best_passages(model, sequences, queries, tokens=8192, device="cpu"):
    """Cosines [queries, n] of queries [queries, H] with each text's best passage: the mean of the
    states of `PASSAGE` tokens, of all that begin at a multiple of `STEP`."""
    out = torch.zeros(len(queries), len(sequences))
    for numbers, ids, lengths in batches(sequences, tokens, device):
        mask = torch.arange(ids.shape[1], device=device)[None] < lengths[:, None]
        states = model(ids, dtype=torch.bfloat16, mask=mask).float().cpu()
        for number, hidden, length in zip(numbers, states, lengths.tolist()):
            starts = range(0, max(1, length - STEP), STEP)
            means = torch.stack([hidden[i:min(i + PASSAGE, length)].mean(0) for i in starts])
            out[:, number] = (queries @ F.normalize(means, dim=-1).T).max(1).values
    return out


def sections(packages):
    """(labels, section -> label number): the archive's sections, rare ones as "other"."""
    count = Counter(p["section"] for p in packages if not p["test"])
    labels = sorted(s for s, n in count.items() if s and n >= RAREST * sum(count.values()))
    labels.append("other")
    return labels, lambda s: labels.index(s if s in labels else "other")


class Evaluation:
    """Measures one model; `results` is {measure: number or {name: number}}."""

    def __init__(self, work, directory, device="cpu"):
        self.work, self.directory, self.device = work, Path(directory), device
        self.model = load_encoder(directory).to(device)
        self.data, self.results, self.began = targets.held_out(work), {}, time.time()

    def put(self, name, value):
        self.results[name] = value
        shown = value if not isinstance(value, dict) else " ".join(
            f"{k} {v:.3f}" for k, v in value.items())
        print(f"{time.time() - self.began:5.0f} s  {name}: {shown}", flush=True)

    def of(self, kind):
        return [r for r in self.data.records if r["kind"] == kind]

    def encode(self, sequences, model=None):
        return encode(model or self.model, sequences, device=self.device)

    def queries(self, records):
        items = [r["queries"][0] for r in records]
        return self.encode([self.data[i] for i in items]), self.data.teacher(items)

    def firsts(self, records):
        items = [r["windows"][0] for r in records]
        return self.encode([self.data[i] for i in items]), self.data.teacher(items)

    def retrieve(self, name, records, raw):
        """Queries to first windows; -> own and teacher's embeddings of both, and what BM25 says."""
        (q, tq), (d, td) = self.queries(records), self.firsts(records)
        asked, bodies = [query(x) for x in raw], [x["body"] for x in raw]
        lexical = {how: metrics.bm25(asked, bodies, stems) for how, stems in LEXICAL.items()}
        self.put(f"{name}, first 256 tokens", metrics.retrieval(q @ d.T))
        self.put(f"{name}, first 256 tokens, teacher", metrics.retrieval(tq @ td.T))
        for bm25, found in lexical.items():
            self.put(f"{name}, {bm25} on whole text", metrics.retrieval(found))
        for who, scores in (("", q @ d.T), (", teacher", tq @ td.T)):
            self.join(f"{name}, %s + first 256 tokens, %s{who}", lexical, scores)
        self.with_passages(f"{name}, %sfirst 256 tokens", lexical, q @ d.T, q,
                           [self.data[r["windows"][0]] for r in records])
        return q, d, tq, td, lexical

    def join(self, name, lexical, scores):
        """Each BM25 with an embedding's scores, joined in each way."""
        for bm25, found in lexical.items():
            for how, join in JOINED.items():
                self.put(name % (bm25, how), metrics.retrieval(join(found, scores)))

    def with_passages(self, name, lexical, scores, queries, sequences):
        """The same where each text's best passage counts, too; -> scores of both."""
        best = best_passages(self.model, sequences, queries, device=self.device)
        both = (1 - WEIGHT) * scores + WEIGHT * best
        self.put(f"{name % ''} and best passage", metrics.retrieval(both))
        for bm25, found in lexical.items():
            for how, join in PASSAGES.items():
                joined = join(found, scores, passages=best, weight=WEIGHT)
                self.put(f"{name % (bm25 + ' + ')} and best passage, {how}",
                         metrics.retrieval(joined))
        return both

    def everything(self, probe, untrained):
        pages, packages, glosses = (self.of(k) for k in ("page", "package", "gloss"))
        raw = {k: [x for x in texts(self.work, k) if x.get("test", True)]
               for k in ("pages", "packages")}
        self.put("held-out pages, packages, glosses",
                 f"{len(pages)}, {len(packages)}, {len(glosses)}")
        q, d, tq, td, lexical = self.retrieve("pages", pages, raw["pages"])
        whole = self.whole_pages(pages, q, tq, lexical)
        pq, pd, tpq, tpd, _ = self.retrieve("packages", packages, raw["packages"])
        (gq, tgq), (gd, tgd) = self.queries(glosses), self.firsts(glosses)
        own, best = metrics.retrieval(gq @ gd.T), metrics.retrieval(tgq @ tgd.T)
        self.put("general English, words to definition", own)
        self.put("general English, teacher", best)
        self.put("general English, share of the teacher's MRR", own["mrr"] / best["mrr"])
        self.put("spearman, short texts", metrics.spearman(torch.cat([pd, d]),
                                                           torch.cat([tpd, td])))
        self.put("spearman, queries", metrics.spearman(torch.cat([pq, q]), torch.cat([tpq, tq])))
        long = [i for i, r in enumerate(pages) if len(r["windows"]) > 1]
        chunked = torch.stack([self.data.chunked(r["windows"]) for r in pages])
        if len(long) > 8:
            self.put("spearman, long documents", metrics.spearman(whole[long], chunked[long]))
        if probe:
            self.probe_sections(packages, pd, tpd, probe)
        if untrained:
            self.baseline(pages, packages)
        return self.results

    def whole_pages(self, pages, q, tq, lexical):
        """Pages in one pass, against the mean of their windows."""
        size = torch.tensor([sum(int(self.data.lengths[w]) - 2 for w in r["windows"])
                             for r in pages])
        over = size > 1022
        texts = [self.data.joined(r["windows"]) for r in pages]
        whole = self.encode(texts)
        windows = self.encode([self.data[w] for r in pages for w in r["windows"]])
        weight = torch.cat([torch.tensor(self.data.lengths[r["windows"]]) for r in pages]) - 2.0
        owner = torch.repeat_interleave(torch.arange(len(pages)),
                                        torch.tensor([len(r["windows"]) for r in pages]))
        mean = torch.zeros_like(whole).index_add_(0, owner, windows * weight[:, None])
        mean = F.normalize(mean, dim=-1)
        chunked = torch.stack([self.data.chunked(r["windows"]) for r in pages])
        kinds = (("one pass", q @ whole.T), ("mean of windows", q @ mean.T),
                 ("mean of windows, teacher", tq @ chunked.T))
        for name, scores in kinds:
            self.put(f"pages, {name}", metrics.retrieval(scores))
        self.join("pages, %s + one pass, %s", lexical, q @ whole.T)
        both = self.with_passages("pages, %sone pass", lexical, q @ whole.T, q, texts)
        for name, scores in (*kinds, ("one pass and best passage", both)):
            if over.any():
                self.put(f"pages over 1,022 tokens ({int(over.sum())}), {name}",
                         metrics.retrieval(scores, over))
        return whole

    def probe_sections(self, packages, own, wanted, most):
        train = targets.training(self.work)
        labels, number = sections(texts(self.work, "packages"))
        records = [r for r in train.records if r["kind"] == "package"]
        records = [records[i] for i in torch.randperm(
            len(records), generator=torch.Generator().manual_seed(0))[:most].tolist()]
        items = [r["windows"][0] for r in records]
        y = torch.tensor([number(r["section"]) for r in records])
        y_test = torch.tensor([number(r["section"]) for r in packages])
        name = f"section, linear probe, {len(labels)} classes, {len(y)} texts"
        x = self.encode([train[i] for i in items])
        self.put(name, metrics.probe(x, y, own, y_test, len(labels)))
        wanted_x = train.teacher(items)
        taught = wanted_x.any(1)
        if taught.sum() >= 200:
            self.put(f"section, linear probe, {len(labels)} classes, {int(taught.sum())} texts, "
                     "teacher", metrics.probe(wanted_x[taught], y[taught], wanted, y_test,
                                              len(labels)))

    def baseline(self, pages, packages):
        """The reference's random initialisation, for scale."""
        torch.manual_seed(1)
        model = BiGS(self.model.config).eval().to(self.device)
        for name, records in (("pages", pages), ("packages", packages)):
            q = self.encode([self.data[r["queries"][0]] for r in records], model)
            d = self.encode([self.data[r["windows"][0]] for r in records], model)
            self.put(f"{name}, first 256 tokens, untrained", metrics.retrieval(q @ d.T))


def evaluate(work, directory, output=None, probe=8000, untrained=False, device="cpu"):
    """Measure the model in `directory`; writes the results as JSON to `output`."""
    results = Evaluation(work, directory, device).everything(probe, untrained)
    if output:
        Path(output).write_text(json.dumps(results, indent=1) + "\n")
    return results
