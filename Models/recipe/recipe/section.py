"""Fine-tune the embedding model into a classifier of packages by archive section."""
import json
import math
import random
import signal
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from . import card, curves, export, metrics, targets
from .evaluate import sections
from .model import BiGSClassifier, load_encoder
from .prepare import texts
from .targets import CLS, SEP
from .teach import tokenizer

LENGTHENED, TITLE = 0.25, 0.15
"""How often a training text is title and description together, and the title alone: users have
texts of all lengths."""


BALANCE = 0.25
"""Rare classes count for more: a text of a class of n texts weighs n to the power of minus this."""


def weights_of(y, classes):
    """[classes], so that a text weighs one on average."""
    count = y.bincount(minlength=classes).float().clamp(min=1)
    weight = count ** -BALANCE
    return weight * len(y) / (weight * count).sum()


def batches(sequences, tokens, rng):
    """Lists of places in `sequences`, of like length, in random order."""
    order = sorted(range(len(sequences)),
                   key=lambda i: len(sequences[i]) * (1 + 0.1 * rng.random()))
    out, batch = [], []
    for i in order:
        if batch and (len(batch) + 1) * len(sequences[i]) > tokens:
            out.append(batch)
            batch = []
        batch.append(i)
    rng.shuffle(out)
    return out + [batch]


class Head(torch.nn.Module):
    """Encoder, pooler and classifier, computing as the reference does."""

    def __init__(self, encoder, classes):
        super().__init__()
        self.model = BiGSClassifier(encoder.config, classes)
        self.model.bigs.load_state_dict(encoder.state_dict())
        torch.nn.init.normal_(self.model.classifier.weight, 0, 0.05)

    def forward(self, ids, lengths, dropout=0.0):
        mean = self.model.bigs.mean(ids, lengths, dtype=torch.bfloat16)
        pooled = torch.tanh(self.model.bigs.pooler.dense(mean))
        return self.model.classifier(F.dropout(pooled, dropout, self.training))


@torch.inference_mode()
def predict(head, sequences, device):
    head.eval()
    out = torch.zeros(len(sequences), dtype=torch.long)
    for batch in batches(sequences, 8192, random.Random(0)):
        ids, lengths = targets.padded([sequences[i] for i in batch], device)
        out[batch] = head(ids, lengths).argmax(1).cpu()
    head.train()
    return out


def optimizer_of(head, rate):
    """The new layers learn faster than the encoder; position and type vectors stay."""
    bigs = head.model.bigs
    for part in (bigs.embeddings.position_embeddings, bigs.embeddings.token_type_embeddings):
        part.requires_grad_(False)
    top = [*bigs.pooler.parameters(), *head.model.classifier.parameters()]
    below = [p for p in [*bigs.embeddings.parameters(), *bigs.encoder.parameters()]
             if p.requires_grad]
    return torch.optim.AdamW([dict(params=below, scale=1.0), dict(params=top, scale=6.0)],
                             lr=rate, betas=(0.9, 0.98), weight_decay=0.02, fused=True)


class Texts:
    """Descriptions as tokens [CLS] ... [SEP], at most 4,096 of them, with their labels."""

    def __init__(self, packages, number, rng):
        encode = tokenizer().encode
        self.bodies, self.titles = ([encode(p[key], add_special_tokens=False).ids
                                     for p in packages] for key in ("body", "title"))
        self.y, self.rng = torch.tensor([number(p["section"]) for p in packages]), rng

    def plain(self):
        return [[CLS, *body[:4094], SEP] for body in self.bodies]

    def varied(self):
        """One epoch's texts: descriptions, some with their titles, some titles alone."""
        out = []
        for title, body in zip(self.titles, self.bodies):
            chance = self.rng.random()
            text = (title if chance < TITLE else
                    title + body if chance < TITLE + LENGTHENED else body)
            out.append([CLS, *text[:4094], SEP])
        return out


def section(work, model, out, minutes, seed=0, rate=3e-4, tokens=4096, device="cpu"):
    """Fine-tune `model` for `minutes` and write the classifier's directory to `out`.  Stopped by a
    signal, it measures and writes what it has."""
    torch.manual_seed(seed)
    rng, packages = random.Random(seed), texts(work, "packages")
    labels, number = sections(packages)
    train, held = (Texts([p for p in packages if p["test"] == test], number, rng)
                   for test in (False, True))
    head = Head(load_encoder(model), len(labels)).to(device).train()
    optimizer, stop = optimizer_of(head, rate), []
    weight = weights_of(train.y, len(labels)).to(device)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.append(True))
    seconds, seen, used, step, log, recent = 0.0, 0, 0, 0, [], []
    while seconds < 60 * minutes and not stop:
        sequences = train.varied()
        for batch in batches(sequences, tokens, rng):
            began, progress = time.monotonic(), min(1.0, seconds / (60 * minutes))
            for group in optimizer.param_groups:
                warm = rate * min(1, (step + 1) / 50) * group["scale"]
                group["lr"] = warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
            ids, lengths = targets.padded([sequences[i] for i in batch], device)
            wanted = train.y[batch].to(device)
            logits = head(ids, lengths, 0.2)
            loss = F.cross_entropy(logits, wanted, weight, label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            recent.append((loss.item(), (logits.argmax(1) == wanted).float().mean().item()))
            step, seen, used = step + 1, seen + len(batch), used + int(lengths.sum())
            seconds += min(30.0, time.monotonic() - began)
            if step % 20 == 0:
                mean = torch.tensor(recent).mean(0).tolist()
                log.append(dict(step=step, minutes=round(seconds / 60, 2), tokens=used, texts=seen,
                                loss=round(mean[0], 4), accuracy=round(mean[1], 4)))
                print(json.dumps(log[-1]), flush=True)
                recent.clear()
            if stop or seconds >= 60 * minutes:
                break
    predicted = predict(head, held.plain(), device)
    scores = metrics.labelled(predicted, held.y, len(labels))
    print(json.dumps(scores), flush=True)
    write(head.model, labels, Path(out), log, dict(
        scores, classes=len(labels), train=len(train.y), test=len(held.y),
        texts_seen=seen, tokens_seen=used, minutes=round(seconds / 60, 1),
        majority=(held.y == train.y.bincount().argmax()).float().mean().item(),
        by_class={label: round(f1, 3) for label, f1 in zip(
            labels, metrics.f1_by_class(predicted, held.y, len(labels))) if f1 == f1}))
    return scores


def write(model, labels, out, log, results):
    out.mkdir(parents=True, exist_ok=True)
    config = dict(model.bigs.config, architectures=["BiGSForSequenceClassification"],
                  id2label={str(i): label for i, label in enumerate(labels)},
                  label2id={label: i for i, label in enumerate(labels)},
                  problem_type="single_label_classification")
    (out / "config.json").write_text(json.dumps(config, indent=2))
    export.save(export.stored({k: v.detach().cpu() for k, v in model.state_dict().items()}),
                out / "model.safetensors")
    export.tokenizer(out)
    (out / "eval.json").write_text(json.dumps(results, indent=1) + "\n")
    curves.draw(curves.of_classifier(log), out / "loss.svg")
    (out / "README.md").write_text(card.section(results))
