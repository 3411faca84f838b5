"""Model cards: what a model is, what made it, and every number with the command that prints it."""
import json
import subprocess
from pathlib import Path

HEAD = """---
license: apache-2.0
language: en
tags: [BiGS, state-space-model, sentence-similarity, feature-extraction]
---
# bigs-mini

A text encoder of 14 M parameters (BiGS: bidirectional gated state spaces, arXiv 2212.10544; no
attention, linear time): {hidden}-d embeddings of texts up to 4,096 tokens, uncased BERT WordPiece
vocabulary. An embedding is the mean of `last_hidden_state` over all tokens, [CLS] and [SEP]
included, L2-normalised. Encode each text at its own length, without padding. Erf GELU.

## How it was made

Distilled from sentence-transformers/all-MiniLM-L6-v2 (384-d) and trained to find texts by
`Models/recipe`{tree}: {tokens:.1f} M training tokens in this run's
{minutes:.0f} minutes{start}.
InfoNCE between short and long package descriptions,
manual pages and their NAME lines, dictionary entries and their headwords, texts and synthetic
queries from short spans of them; half of these batches are groups of near titles, which are hard
to tell apart. Where the teacher has seen a text (titles, words, dictionary entries, the first
window of each text, the rest of some or all, and variants of them made of other texts' words): cosine regression onto a fixed 384 -> {hidden}
projection of the teacher (`teacher_projection.safetensors`: a teacher embedding times that matrix,
normalised, is comparable with this model's), divergence and correlation of similarities, in the
batch and to a bank of other texts. Pages and documents of up to 4,066 tokens are
learnt in one pass: from their titles, towards the model's own embedding of their first window
(which says best what a page is about), and towards the mean of the teacher's windows with more
weight on the first. The archive section of each package is learnt too, by a linear layer on its
text's embedding that is thrown away: the section probe below measures something that was taught.
The pooler is the identity, untrained. Matrices are stored in bfloat16, the
rest in float32; compute in float32.

![training losses](loss.svg)

## Data

English text that Debian's package manager has: long package descriptions, manual pages,
documentation, dictionaries, fortunes and words of the packages named in
`Models/recipe/packages.txt`. Near-duplicates were removed. Pages are held out by a hash of their
name and packages by a hash of their source package. Training texts that share half of their
8-word runs with a held-out text, or hold half of one's, were dropped, and so were those that hold
half of the 5-word runs of a definition that the general English figures use. Of the large dictionary,
`dict-gcide` (Webster's of 1913 with additions), the senses that it took from WordNet were left out.

```
{summary}
```

`Models/recipe/run leaks`, the largest share of a held-out text's runs found in any single
training text of this run:

```
{leaks}
```

`queries_of_other_texts` counts held-out queries that are also the query of some training text: of the
glosses, words that a dictionary trained on defines too, in words of its own.

## Quality

    Models/recipe/run prepare && Models/recipe/run leaks && Models/recipe/run teach
    Models/recipe/run evaluate --model Models/bigs-mini

On held-out manual pages (NAME line, without the page's own names, to page), packages (short
description, without the package's name, to long) and WordNet (words to definition; nothing of it
was trained on). r1, r10: recall; mrr: mean reciprocal rank. BM25 is that of the server's text search,
of words or, as with `--store-tokenizer porter`, of their stems. BM25 and embedding are joined by
reciprocal ranks (constant 60) or by the mean of both scores on a scale from 0 to 1, as the server's
searches do with `"fusion": "rrf"` and `"relative_score"`; alpha is the embedding's weight of 1
(`"alpha"`, 0.5 unless named), the constant is `"rank_constant"`. "And best passage": each text was
kept with passages of 32 tokens, every 16 (`"chunk"`), and the best one's cosine has 0.4 of the
embedding's weight (`"passage_weight"`). These were picked on these texts: they are near the best on
the pages as on the packages. With the constant's usual 60 and without passages ranks reach less, the
teacher's too. The sum of standardised scores, which the server does not have, is what the first
figures of BM25 and embedding, .795 and .848, were taken by. The test
part depends a little on which manual pages are installed.

"""
TAIL = """
## What it is bad at

{misses}

The domain is software documentation: other languages, code, and questions that need reasoning are
outside it, and general English is weaker than the teacher's by what the table says. Pages of more
than 1,022 tokens are found less well than short ones, unless their passages count, too.
Similarities are its own: where the teacher's are wanted, Spearman's rows say how far they are from
them.

## Licence

Weights: Apache-2.0, distilled from all-MiniLM-L6-v2 (Apache-2.0). Training texts keep their
authors' licences; none is reproduced here. WordNet is used to measure, not to train; that other
dictionaries are trained on makes its words and definitions no strangers in kind.
"""
STARTED = (", starting from\nthe bigs-mini before it (411.0 M tokens, with the same parts held out)")
GOALS = {
    "pages, one pass": ("mrr", 0.735),
    "pages over 1,022 tokens": ("mrr", 0.67),
    "packages, first 256 tokens": ("mrr", 0.835),
    "pages, BM25 of stems + one pass and best passage, reciprocal ranks, constant 3, alpha 0.6":
        ("mrr", 0.82),
    "packages, BM25 of stems + first 256 tokens and best passage, reciprocal ranks, constant 3, "
    "alpha 0.6": ("mrr", 0.87),
    "general English, share of the teacher's MRR": (None, 0.85),
    "spearman, short texts": (None, 0.90),
    "spearman, queries": (None, 0.88),
    "spearman, long documents": (None, 0.95),
    "section, linear probe": ("accuracy", 0.66),
}
"""What the figures were meant to reach; a name may be the beginning of a measure's."""
SECTION = """---
license: apache-2.0
language: en
tags: [BiGS, state-space-model, text-classification]
---
# bigs-mini-section

`BiGSForSequenceClassification`: the archive section of a Debian package from its long description,
{classes} classes; sections of fewer than 1.2 % of the packages are "other". `bigs-mini`,
fine-tuned whole, with the reference's pooler (dense and tanh over the mean) and one linear layer;
erf GELU, texts up to 4,096 tokens, no padding.

    bigs classify --model Models/bigs-mini-section description.txt

## How it was made

    Models/recipe/run section --model Models/bigs-mini --out OUT --minutes {minutes:.0f}

by `Models/recipe`{tree}: {train:,} training texts, of which {texts_seen:,}
({tokens_seen:,} tokens) were seen in {minutes:.0f} minutes: long descriptions, some with
the short one before it, some short ones alone. The data, what is held out and how leaks are looked
for: see `bigs-mini`, whose held-out packages (by source package) are the test part here.

![loss](loss.svg)

## Quality

The last line that the command above prints, of {test:,} held-out packages' long descriptions:

| measure | value | goal |
|---|---|---|
| accuracy | {accuracy:.3f} | 0.75{accuracy_missed} |
| macro-F1 | {f1:.3f} | 0.72{f1_missed} |
| always the commonest class | {majority:.3f} | |

F1 by class (`eval.json`): {by_class}

## What it is bad at

Anything that is not a description of software; it has no class for "none of these". Sections
overlap in the archive itself (a library for Python may be in `libs` or `python`): the classes at
the end of the list above are told apart worst. Probabilities are not calibrated.

## Licence

Apache-2.0, as `bigs-mini`. Training texts keep their authors' licences; none is reproduced here.
"""


def tree():
    """The recipe's own version, as git names its folder, which moving a commit does not alter."""
    here = Path(__file__).resolve().parents[1]
    got = subprocess.run(["git", "-C", str(here), "rev-parse", "--short=12", "HEAD:./"],
                         capture_output=True, text=True)
    return f" (git tree {got.stdout.strip()})" if got.returncode == 0 else ""


def shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{k} {v:.3f}" for k, v in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def goal(measure):
    """(part, least) of a measure that has a goal, else None."""
    if measure.endswith(", teacher") or "mean of windows" in measure:
        return None
    if measure in GOALS:
        return GOALS[measure]
    return next((GOALS[g] for g in GOALS if measure.startswith(g + " ("
                 ) or measure.startswith(g + ", ") and g == "section, linear probe"), None)


def met(value, wanted):
    part, least = wanted
    return (value if part is None else value[part]) >= least - 5e-4


def table(results, before):
    """Markdown, one row a measure, with its goal; with an earlier model's results beside it."""
    rows = ["| measure | " + ("before | this" if before else "value") + " | goal |",
            "|---|" + "---|" * (3 if before else 2)]
    for measure, value in results.items():
        wanted = goal(measure)
        aim = "" if not wanted else f"{wanted[1]:.3f}" + ("" if met(value, wanted) else ", missed")
        cells = [measure, *([shown(before.get(measure, "-"))] if before else []), shown(value), aim]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def misses(results):
    missed = [m for m, v in results.items() if goal(m) and not met(v, goal(m))]
    if not missed:
        return "Every goal of the table is met."
    return "Goals of the table that are missed:\n\n" + "\n".join(f"- {m}" for m in missed)


def embedding(work, log, results, before):
    last = log[-1]
    texts = Path(work, "texts")
    leaks = texts / "leaks.json"
    started = next((x.get("from") for x in log if x.get("event") == "start"), None)
    config = json.loads(Path(work, "run", "config.json").read_text())
    head = HEAD.format(
        hidden=config["hidden_size"], tokens=last["tokens"] / 1e6, minutes=last["minutes"],
        start=STARTED if started else ", from scratch", tree=tree(),
        summary="\n".join(f"{k}: {v}" for k, v in
                          json.loads((texts / "summary.json").read_text()).items()),
        leaks=leaks.read_text() if leaks.exists() else "not run")
    return head + table(results, before) + "\n" + TAIL.format(misses=misses(results))


def section(results):
    by_class = sorted(results["by_class"].items(), key=lambda x: -x[1])
    return SECTION.format(**dict(
        results, tree=tree(), by_class=", ".join(f"{k} {v:.2f}" for k, v in by_class),
        accuracy_missed="" if results["accuracy"] >= 0.7495 else ", missed",
        f1_missed="" if results["f1"] >= 0.7195 else ", missed"))
