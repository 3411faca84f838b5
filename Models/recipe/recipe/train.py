"""Distil the teacher into a BiGS encoder.

See batches.py for what a step sees; a whole document's target is the mean of the teacher's
windows.  The loss is cosine regression onto a fixed 384 -> H projection of the teacher, the
divergence between both models' similarities (within the batch, and to a bank of other texts), how
far these similarities are from a linear relation, and InfoNCE between queries and their texts,
with recent texts of the same kind as more negatives.  A linear layer, thrown away in the end,
learns packages' archive sections from their embeddings.

Several processes train one model: each step's gradient is the mean of theirs.
"""
import json
import math
import os
import signal
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from . import metrics, targets, teacher
from .batches import Batches
from .evaluate import encode, sections
from .model import MINI, BiGS, load_encoder

TEMPERATURE = 0.05
BANK, QUEUE = 512, 1536
"""Teacher texts compared with in each step, and recent own texts kept as negatives."""
FIRST, SECTION = 0.8, 0.3
"""Weights of a document's likeness to its first window, and of packages' sections."""
TWIN, SAME = 0.85, 0.96
"""Texts that the teacher, or the model, finds this alike are not negatives of each other."""


def projection_of(embeddings, hidden):
    """[384, hidden]: the leading directions of the teacher's space."""
    sample = embeddings[np.random.RandomState(0).permutation(len(embeddings))[:40_000]]
    sample = torch.from_numpy(sample.astype(np.float32))
    return torch.linalg.eigh(sample.T @ sample / len(sample))[1][:, -hidden:].contiguous()


@torch.no_grad()
def initialise(model):
    """Start values that let a short run get far: the teacher's word vectors, memories from one
    token in the first layer to hundreds in the last, gates near one."""
    w, config = teacher.weights(), model.config
    hidden, layers = config["hidden_size"], model.encoder.layer
    words = (w["embeddings.word_embeddings.weight"]
             + w["embeddings.token_type_embeddings.weight"][0]
             + w["embeddings.position_embeddings.weight"][2:64].mean(0))
    words = F.layer_norm(words, (teacher.WIDTH,), w["embeddings.LayerNorm.weight"],
                         w["embeddings.LayerNorm.bias"], 1e-12)
    words = words - words.mean(0)
    leading = torch.linalg.eigh(words.T @ words)[1][:, -hidden:]
    words = words @ leading @ torch.linalg.qr(torch.randn(hidden, hidden))[0]
    model.embeddings.word_embeddings.weight.copy_(words / words.std() * 0.5)
    model.embeddings.position_embeddings.weight.zero_()
    model.embeddings.token_type_embeddings.weight.zero_()
    model.embeddings.LayerNorm.weight.fill_(0.3)
    for i, layer in enumerate(layers):
        for name in ("dv", "du_forward", "du_backward", "duc_forward", "duc_backward", "dol", "do"):
            weight = getattr(layer, name).weight
            weight.normal_(0, weight.shape[1] ** -0.5)
        layer.do.weight.mul_(0.5)
        layer.duc_forward.bias.fill_(1.0)
        layer.duc_backward.bias.fill_(1.0)
        for ssm in (layer.fs4, layer.bs4):
            ssm.D.fill_(1.0)
            ssm.kernel.log_step.fill_(math.log(0.01) * i / max(1, len(layers) - 1))
            ssm.kernel.C.mul_(0.5 / ssm.kernel(512).norm())


def divergence(own, wanted):
    return F.kl_div(F.log_softmax(own / TEMPERATURE, -1), F.log_softmax(wanted / TEMPERATURE, -1),
                    log_target=True, reduction="batchmean")


def disorder(own, wanted):
    """One less the correlation of both models' similarities: the divergence looks at the few
    texts that are alike, this at all of them."""
    own, wanted = own.flatten(), wanted.flatten()
    return 1 - F.cosine_similarity(own - own.mean(), wanted - wanted.mean(), dim=0)


class Loss:
    """The losses of a batch's embeddings, and the queues of recent texts that InfoNCE uses.  The
    others see only what the teacher has seen."""

    def __init__(self, data, projection, weights, seed):
        self.data, self.projection, self.weights = data, projection, weights
        self.random, self.queues = np.random.RandomState(seed), {}
        self.taught = np.flatnonzero(data.embeddings.any(1))

    def onto(self, embeddings):
        return F.normalize(embeddings @ self.projection, dim=-1)

    def __call__(self, kind, own, wanted):
        """own, wanted: lists of [n, H] and [n, 384], one or two groups -> {name: loss}."""
        device = own[0].device
        s, t = torch.cat(own), torch.cat(wanted)
        taught = t.any(1)
        s, t, parts = s[taught], t[taught], {}
        if len(s):
            bank = self.random.choice(self.taught, BANK)
            bank = self.data.teacher(bank).to(device)
            similar, wanted_similar = s @ self.onto(bank).T, t @ bank.T
            parts = dict(regression=(1 - (s * self.onto(t)).sum(1)).mean(),
                         bank=divergence(similar, wanted_similar),
                         order=disorder(similar, wanted_similar))
        if len(s) > 8:
            itself = 1e4 * torch.eye(len(s), device=device)
            parts["batch"] = divergence(s @ s.T - itself, t @ t.T - itself)
            pairs = torch.triu_indices(len(s), len(s), 1, device=device).unbind()
            parts["pairs"] = disorder((s @ s.T)[pairs], (t @ t.T)[pairs])
        if len(own) == 2:
            parts["contrast"] = self.contrast(kind, own, wanted)
        return {k: self.weights[k] * v for k, v in parts.items()}

    def contrast(self, kind, own, wanted):
        """InfoNCE both ways.  Texts alike by the teacher's embedding of them or of their queries,
        or by the model's own, are not negatives of each other."""
        (query, text), (tq, tt) = own, wanted
        n, right = len(query), torch.arange(len(query), device=query.device)
        kind = "passage" if kind == "document" else kind       # a page and its beginning are alike
        recent = self.queues.get(kind, (text[:0], tt[:0], tq[:0]))
        candidates, t_text, t_query = (torch.cat(x) for x in zip((text, tt, tq), recent))
        alike = torch.maximum(tt @ t_text.T, tq @ t_query.T) > TWIN
        alike |= text.detach() @ candidates.detach().T > SAME
        alike &= ~torch.eye(n, len(candidates), dtype=torch.bool, device=query.device)
        forth = (query @ candidates.T / TEMPERATURE).masked_fill(alike, -1e4)
        back = (text @ query.T / TEMPERATURE).masked_fill(alike[:, :n], -1e4)
        self.queues[kind] = tuple(
            x.detach()[:QUEUE] for x in (candidates, t_text, t_query))
        return 0.5 * (F.cross_entropy(forth, right) + F.cross_entropy(back, right))


def embedded(model, sequences, device):
    """Embeddings [n, H] for training, in bfloat16; texts of like length share a pass, so that
    little is spent on padding."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    passes, used = [[]], 0
    for i in order:
        used += len(sequences[i])
        if passes[-1] and len(sequences[i]) * (len(passes[-1]) + 1) > 1.12 * used + 256:
            passes.append([])
            used = len(sequences[i])
        passes[-1].append(i)
    out = torch.cat([model.embed(*targets.padded([sequences[i] for i in part], device),
                                 dtype=torch.bfloat16) for part in passes])
    return out[torch.tensor(order, device=out.device).argsort()]


class Sections:
    """Packages' archive sections, which a linear layer learns from the embeddings of their texts."""

    def __init__(self, data, hidden):
        packages = [r for r in data.records if r["kind"] == "package"]
        labels, number = sections([dict(section=r["section"], test=False) for r in packages])
        self.of = np.full(len(data.lengths), -1)
        self.of[[r["windows"][0] for r in packages]] = [number(r["section"]) for r in packages]
        self.layer = torch.nn.Linear(hidden, len(labels))
        torch.nn.init.zeros_(self.layer.weight)

    def loss(self, embeddings, items):
        """Cross-entropy of those of the texts that have a section; None where none has."""
        wanted = torch.from_numpy(self.of[list(items)])
        if bool((wanted < 0).all()):
            return None
        scores = self.layer(embeddings * embeddings.shape[1] ** 0.5)
        return F.cross_entropy(scores, wanted.to(scores.device), ignore_index=-1)


class Run:
    """The state of a training run, all of it in work/run/checkpoint.pt between runs."""

    def __init__(self, work, start, config, seed, rate, device):
        self.folder = Path(work, "run")
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        self.step, self.tokens, self.seconds, self.rate = 0, 0, 0.0, rate
        self.data = targets.training(work)
        if start:
            self.model = load_encoder(start)
            self.projection = load_file(Path(start) / "teacher_projection.safetensors")[
                "teacher_projection"]
        else:
            self.model = BiGS(config)
            initialise(self.model)
            self.projection = projection_of(self.data.embeddings, config["hidden_size"])
        self.model.to(device).train()
        self.projection = self.projection.to(device)
        embeddings = self.model.embeddings
        for part in (embeddings.token_type_embeddings, self.model.pooler):
            part.requires_grad_(False)
        self.sections = Sections(self.data, self.model.config["hidden_size"])
        self.sections.layer.to(device)
        matrices, *others = self.groups()
        self.optimizers = [
            torch.optim.Muon([matrices], lr=rate, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), eps=1e-8, fused=True)]
        self.average = {k: v.detach().clone() for k, v in self.model.named_parameters()
                        if v.requires_grad}
        if (self.folder / "checkpoint.pt").exists():
            self.restore(device)

    def groups(self):
        """Matrices first: they decay, and Muon takes them, which gets further in as many steps
        (Jordan et al. 2024; steps of AdamW's size as in arXiv 2502.16982).  The rest does not
        decay, and SSM and word vectors learn more slowly."""
        groups = dict(matrix=[], other=[], ssm=[], words=[], places=[])
        for name, p in self.model.named_parameters():
            if p.requires_grad:
                ssm = "kernel" in name or name.endswith(".D")
                groups["words" if "word_" in name else "places" if "position_" in name else
                       "ssm" if ssm else "matrix" if p.dim() > 1 else "other"].append(p)
        return [dict(params=groups["matrix"], weight_decay=0.02, scale=1.0),
                dict(params=groups["other"], weight_decay=0.0, scale=1.0),
                dict(params=groups["ssm"] + groups["words"], weight_decay=0.0, scale=0.7),
                dict(params=groups["places"], weight_decay=0.0, scale=1.0),
                dict(params=list(self.sections.layer.parameters()), weight_decay=0.02, scale=3.0)]

    def trained(self):
        """All that the optimisers alter."""
        return [p for o in self.optimizers for group in o.param_groups for p in group["params"]]

    def restore(self, device):
        state = torch.load(self.folder / "checkpoint.pt", map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.sections.layer.load_state_dict(state["sections"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        self.average, self.projection = state["average"], state["projection"]
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]

    def save(self):
        """Write the checkpoint, and the averaged weights as safetensors for `export`."""
        state = dict(model=self.model.state_dict(), average=self.average,
                     sections=self.sections.layer.state_dict(),
                     optimizers=[x.state_dict() for x in self.optimizers],
                     projection=self.projection, step=self.step, tokens=self.tokens,
                     seconds=self.seconds)
        torch.save(state, self.folder / "checkpoint.part")
        os.replace(self.folder / "checkpoint.part", self.folder / "checkpoint.pt")
        final = {k: v.detach().cpu().contiguous() for k, v in self.model.state_dict().items()}
        final.update({k: v.cpu().contiguous() for k, v in self.average.items()})
        final["teacher_projection"] = self.projection.cpu().contiguous()
        save_file(final, self.folder / "weights.part")
        os.replace(self.folder / "weights.part", self.folder / "weights.safetensors")
        (self.folder / "config.json").write_text(json.dumps(self.model.config, indent=2) + "\n")

    def shared(self, stop):
        """Make the gradients the mean of all processes', and the time spent the first one's;
        -> whether any is to stop."""
        if not torch.distributed.is_initialized():
            return stop
        trained = self.trained()
        first = torch.distributed.get_rank() == 0
        flat = torch.cat([p.grad.flatten() if p.grad is not None else p.new_zeros(p.numel())
                          for p in trained] + [torch.tensor([float(stop), self.seconds * first])])
        torch.distributed.all_reduce(flat)
        for p, grad in zip(trained, flat.split([p.numel() for p in trained] + [2])):
            p.grad = grad.view_as(p) / torch.distributed.get_world_size()
        self.seconds = flat[-1].item()
        return bool(flat[-2])

    def update(self, progress):
        """One step of the optimiser; progress runs from 0 to 1 over the whole budget."""
        rate = self.rate * min(1, (self.step + 1) / 60)
        rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        trained = self.trained()
        norm = torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            if torch.isfinite(norm):
                optimizer.step()
        for p in trained:
            p.grad = None
        self.step += 1
        keep = min(0.995, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                if p.requires_grad:
                    self.average[name].lerp_(p, 1 - keep)
        return rate


def train(work, minutes, processes=1, **options):
    """Train until `minutes` of its own time are spent; a stopped run goes on where it was.
    `processes` share each step, one core each; see `train_in` for the options."""
    if processes == 1:
        return train_in(work, minutes, **options)
    with tempfile.TemporaryDirectory() as meeting:
        run = torch.multiprocessing.spawn(one_of, (processes, meeting, work, minutes, options),
                                          processes, join=False)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda name, _: [os.kill(p, name) for p in run.pids()])
        while not run.join():
            pass


def one_of(process, processes, meeting, work, minutes, options):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}/store",
                                         rank=process, world_size=processes)
    train_in(work, minutes, process=process, **options)
    torch.distributed.destroy_process_group()


def train_in(work, minutes, start=None, config=MINI, seed=0, tokens=8192, rate=6e-4, device="cpu",
             save_every=300.0, contrast=0.6, process=0):
    """Train in one process; `tokens` are those of its part of a step.

    Time in which the process was suspended does not count.  Progress is one JSON object a line
    in work/run/log.jsonl."""
    run = Run(work, start, config, seed, rate, device)
    batches = Batches(run.data, tokens, seed * 1_000_003 + run.step, process)
    weights = dict(regression=4.0, bank=1.0, order=5.0, batch=1.0, pairs=3.0, contrast=contrast)
    losses = Loss(run.data, run.projection, weights, seed + run.step + 7919 * process)
    signals, stop, saved, sums = [], run.seconds >= 60 * minutes, 0.0, defaultdict(list)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: signals.append(True))

    def say(**line):
        if process:
            return
        line = dict(step=run.step, minutes=round(run.seconds / 60, 2), tokens=run.tokens, **line)
        with open(run.folder / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def develop_and_say(event, **line):
        if not process:
            say(event=event, **line, development=develop(run, batches, device))

    develop_and_say("start", **{"from": start}, records=len(run.data.records), parameters=sum(
        p.numel() for p in run.model.parameters()))
    watched, processes = run.seconds, 1
    if torch.distributed.is_initialized():
        processes = torch.distributed.get_world_size()
    while not stop:
        began = time.monotonic()
        kind, groups = batches.next()
        own = [embedded(run.model, g.sequences, device) for g in groups[:2]]
        parts = losses(kind, own, [g.wanted.to(device) for g in groups[:2]])
        if kind == "document":
            with torch.no_grad():
                first = embedded(run.model, groups[2].sequences, device)
            parts["first"] = FIRST * (1 - (own[1] * first).sum(1)).mean()
        if kind in ("package", "text"):
            labelled = run.sections.loss(own[-1], groups[-1].items)
            if labelled is not None:
                parts["section"] = SECTION * labelled
        sum(parts.values()).backward()
        stop = run.shared(bool(signals) or run.seconds >= 60 * minutes)
        rate_now = run.update(run.seconds / (60 * minutes))
        run.tokens += processes * sum(len(s) for g in groups for s in g.sequences)
        for name, value in parts.items():
            sums[f"{kind}_{name}"].append(value.item())
        spent = min(30.0, time.monotonic() - began)
        run.seconds, saved = run.seconds + spent, saved + spent
        if run.step % 25 == 0:
            say(rate=rate_now, **{k: round(float(np.mean(v)), 4) for k, v in sorted(sums.items())})
            sums.clear()
        if saved > save_every:
            if not process:
                run.save()
            saved = 0.0
        if run.seconds - watched > 2 * save_every:
            develop_and_say("development")
            watched = run.seconds
    if not process:
        run.save()
    develop_and_say("done" if run.seconds >= 60 * minutes else "stopped")


@torch.no_grad()
def develop(run, batches, device):
    """Retrieval of the records kept aside, by the averaged weights: titles to first windows; and
    how the similarities of both agree with the teacher's."""
    data, records = run.data, batches.development
    held = {k: v.detach().clone() for k, v in run.model.named_parameters() if k in run.average}
    run.model.load_state_dict(run.average, strict=False)
    items = [[r[key][0] for r in records] for key in ("queries", "windows")]
    query, text = (encode(run.model, [data[i] for i in some], device=device) for some in items)
    run.model.load_state_dict(held, strict=False)
    found = metrics.retrieval(query @ text.T)
    for name, own, some in zip(("queries", "texts"), (query, text), items):
        found["spearman_" + name] = metrics.spearman(own, data.teacher(some))
    return {k: round(v, 4) for k, v in found.items()}
