"""What training sees and how it is judged, on made-up targets."""
import gzip
import random
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from recipe import curves, sources, targets, train
from recipe.batches import Batches
from recipe.model import BiGS

CONFIG = dict(vocab_size=400, hidden_size=16, num_hidden_layers=1, intermediate_size=48,
              max_position_embeddings=512, type_vocab_size=2, initializer_range=0.3,
              layer_norm_eps=1e-12, pad_token_id=0, num_ssm=4, pooler_type="mean")


def made_up(folder, packages=300, pages=40):
    """Targets of packages, of which only the titles are taught, and of pages, taught whole."""
    rng, items, embeddings, records = np.random.RandomState(0), [], [], []

    def item(length, taught):
        items.append(np.concatenate([[101], rng.randint(110, 400, length), [102]]))
        embeddings.append(rng.randn(384) if taught else np.zeros(384))
        return len(items) - 1

    for i in range(packages):
        records.append(dict(kind="package", name=f"p{i}", section="", queries=[item(4, True)],
                            spans=[(item(5, False), 0)], windows=[item(rng.randint(9, 30), False)]))
    for i in range(pages):
        records.append(dict(kind="page", name=f"m{i}", section="", queries=[item(4, True)],
                            spans=[], windows=[item(30, True), item(9, True)]))
    vectors = F.normalize(torch.tensor(np.array(embeddings)), dim=1).half().numpy()
    path = Path(folder, "train-0000.npz")
    targets.write(path, items, vectors, records)
    return targets.Targets([path])


class Training(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.data = made_up(self.folder.name)

    def test_batches(self):
        batches, again = Batches(self.data, 600, 1), Batches(self.data, 600, 1)
        kept = {r["name"] for r in batches.development}
        titles = {tuple(self.data[r["queries"][0]]) for r in batches.development}
        self.assertEqual(len(kept), 34)
        seen = set()
        for _ in range(60):
            kind, groups = batches.next()
            kind2, groups2 = again.next()
            self.assertEqual(kind, kind2)
            self.assertEqual([[list(x) for x in s] for s, _ in groups],
                             [[list(x) for x in s] for s, _ in groups2])
            seen.add(kind)
            for sequences, wanted in groups:
                self.assertEqual(len(sequences), len(wanted))
                self.assertTrue(titles.isdisjoint(tuple(s) for s in sequences))
            tokens = sum(len(s) for sequences, _ in groups[:2] for s in sequences)
            self.assertLessEqual(tokens, 700)
        self.assertEqual(seen, {"package", "passage", "document", "window"})

    def test_hard_batches_are_of_near_titles(self):
        pool = Batches(self.data, 600, 1).pools["package"]

        def likeness(pairs):
            t = self.data.teacher([q for q, _ in pairs])
            return (t @ t.T).triu(1).sum().item() / (len(t) * (len(t) - 1) / 2)

        rng, titles = random.Random(0), len(pool.titles)
        self.assertGreater(likeness(pool.draw_hard(rng, 24)),
                           likeness(rng.sample(pool.titles, min(24, titles))) + 0.01)

    def test_order_and_padding_do_not_alter_embeddings(self):
        torch.manual_seed(0)
        model = BiGS(CONFIG)
        sequences = [self.data[i] for i in range(0, 60)]
        got = train.embedded(model, sequences, "cpu")
        for row, sequence in zip(got, sequences):
            alone = model.embed(torch.tensor(sequence[None].astype(np.int64)),
                                torch.tensor([len(sequence)]))[0]
            self.assertLess((row - alone).abs().max().item(), 0.03)      # bfloat16 there

    def test_untaught_texts_only_contrast(self):
        weights = dict(regression=1.0, bank=1.0, batch=1.0, contrast=1.0)
        loss = train.Loss(self.data, torch.eye(384)[:, :16], weights, 0)
        own = [F.normalize(torch.randn(12, 16), dim=1) for _ in range(2)]
        parts = loss("package", own, [torch.zeros(12, 384)] * 2)
        self.assertEqual(set(parts), {"contrast"})
        apart = loss("other", [own[0], own[0]], [torch.zeros(12, 384)] * 2)["contrast"]
        self.assertLess(apart.item(), parts["contrast"].item())

    def test_twins_are_not_negatives(self):
        weights = dict(regression=1.0, bank=1.0, batch=1.0, contrast=1.0)
        loss = train.Loss(self.data, torch.eye(384)[:, :16], weights, 0)
        query = F.normalize(torch.randn(2, 16), dim=1)
        same = F.normalize(torch.randn(1, 384), dim=1).expand(2, -1)
        alike = loss("a", [query, query], [same, same])["contrast"]
        self.assertAlmostEqual(alike.item(), 0.0, places=5)


class Briefs(unittest.TestCase):
    def test_dictionary(self):
        text = b"word\n   It is the meaning of a word that we look for in a dictionary.\n"
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "usr/share/dictd")
            folder.mkdir(parents=True)
            (folder / "d.dict.dz").write_bytes(gzip.compress(b"xx" + text))
            self.assertEqual(len(text), 70)                  # "BG" in the index's base 64
            (folder / "d.index").write_text("00-info\tA\tC\nword\tC\tBG\n")
            found = list(sources.briefs(root))
        self.assertEqual([(b["name"], b["title"]) for b in found], [("d/word", "word")])
        self.assertTrue(found[0]["body"].startswith("It is the meaning of a word"))


class Picture(unittest.TestCase):
    def test_loss_curve(self):
        log = [dict(step=i, tokens=i * 1000, minutes=i, package_contrast=1 / i) for i in
               range(1, 30)] + [dict(step=30, tokens=30_000, event="development",
                                     development=dict(mrr=0.5))]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "loss.svg")
            curves.draw(curves.of_training(log), path)
            picture = path.read_text()
        self.assertIn(">package</text>", picture)
        self.assertIn(">development</text>", picture)
        self.assertNotIn("nan", picture)


if __name__ == "__main__":
    unittest.main()
