"""What training sees and how it is judged, on made-up targets."""
import gzip
import random
import tempfile
import unittest
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from recipe import curves, evaluate, export, sources, targets, teach, train
from recipe.batches import Batches
from recipe.model import BiGS

CONFIG = dict(vocab_size=400, hidden_size=16, num_hidden_layers=1, intermediate_size=48,
              max_position_embeddings=512, type_vocab_size=2, initializer_range=0.3,
              layer_norm_eps=1e-12, pad_token_id=0, num_ssm=4, pooler_type="mean")
WEIGHTS = dict(regression=1.0, bank=1.0, order=1.0, batch=1.0, pairs=1.0, contrast=1.0)


def step_of(process, meeting):
    """One process's part of a step, as a process of its own."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}/store",
                                         rank=process, world_size=2)
    run = train.Run.__new__(train.Run)
    run.model, run.seconds = torch.nn.Linear(2, 1, bias=False), 10.0 + process
    run.optimizers = [torch.optim.SGD(run.model.parameters())]
    run.model.weight.grad = torch.tensor([[1.0, 1.0], [2.0, 0.0]][process])[None]
    stop = run.shared(process == 1)
    torch.save((run.model.weight.grad[0], run.seconds, stop), Path(meeting, f"{process}.pt"))
    torch.distributed.destroy_process_group()


def made_up(folder, packages=300, pages=40):
    """Targets of packages, of which only the titles are taught, and of pages, taught whole."""
    rng, items, embeddings, records = np.random.RandomState(0), [], [], []

    def item(length, taught):
        items.append(np.concatenate([[101], rng.randint(110, 400, length), [102]]))
        embeddings.append(rng.randn(384) if taught else np.zeros(384))
        return len(items) - 1

    for i in range(packages):
        records.append(dict(kind="package", name=f"p{i}", section="even" if i % 2 == 0 else "odd",
                            queries=[item(4, True)],
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
            self.assertEqual([[list(x) for x in g.sequences] for g in groups],
                             [[list(x) for x in g.sequences] for g in groups2])
            seen.add(kind)
            for sequences, wanted, _ in groups:
                self.assertEqual(len(sequences), len(wanted))
                self.assertTrue(titles.isdisjoint(tuple(s) for s in sequences))
            tokens = sum(len(s) for g in groups[:2] for s in g.sequences)
            self.assertLessEqual(tokens, 700)
        self.assertEqual(seen, {"package", "passage", "document", "text", "window", "title"})

    def test_processes_draw_their_own_texts_of_one_kind(self):
        batches, others = Batches(self.data, 600, 1), Batches(self.data, 600, 1, process=1)
        same = 0
        for _ in range(40):
            (kind, groups), (kind2, groups2) = batches.next(), others.next()
            self.assertEqual(kind, kind2)
            same += all(map(np.array_equal, groups[0].sequences, groups2[0].sequences))
        self.assertLess(same, 4)

    def test_processes_share_a_step(self):
        with tempfile.TemporaryDirectory() as meeting:
            torch.multiprocessing.spawn(step_of, (meeting,), 2)
            steps = [torch.load(Path(meeting, f"{i}.pt"), weights_only=True) for i in range(2)]
        for grad, seconds, stop in steps:
            self.assertEqual(grad.tolist(), [1.5, 0.5])       # the mean of [1, 1] and [2, 0]
            self.assertEqual((seconds, stop), (10.0, True))     # the first one's, and any one's

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

    def test_best_passages(self):
        torch.manual_seed(0)
        model = BiGS(CONFIG).eval()
        long = np.arange(70) % 399 + 1
        sequences = [long[:10], long, long[5:45]]
        queries = F.normalize(torch.randn(4, 16), dim=1)
        got = evaluate.best_passages(model, sequences, queries)
        for column, sequence in zip(got.T, sequences):
            states = model(torch.tensor(sequence[None]))[0]
            means = [states[i:i + 32].mean(0) for i in range(0, max(1, len(sequence) - 16), 16)]
            best = (queries @ F.normalize(torch.stack(means), dim=1).T).max(1).values
            self.assertLess((column - best).abs().max().item(), 0.03)    # bfloat16 there

    def test_untaught_texts_only_contrast(self):
        loss = train.Loss(self.data, torch.eye(384)[:, :16], WEIGHTS, 0)
        own = [F.normalize(torch.randn(12, 16), dim=1) for _ in range(2)]
        parts = loss("package", own, [torch.zeros(12, 384)] * 2)
        self.assertEqual(set(parts), {"contrast"})
        apart = loss("other", [own[0], own[0]], [torch.zeros(12, 384)] * 2)["contrast"]
        self.assertLess(apart.item(), parts["contrast"].item())

    def test_twins_are_not_negatives(self):
        loss = train.Loss(self.data, torch.eye(384)[:, :16], WEIGHTS, 0)
        query = F.normalize(torch.randn(2, 16), dim=1)
        same = F.normalize(torch.randn(1, 384), dim=1).expand(2, -1)
        alike = loss("a", [query, query], [same, same])["contrast"]
        self.assertAlmostEqual(alike.item(), 0.0, places=5)

    def test_sections_are_learnt_of_packages_alone(self):
        learnt = train.Sections(self.data, 16)
        packages, pages = ([r["windows"][0] for r in self.data.records if r["kind"] == kind]
                           for kind in ("package", "page"))
        self.assertEqual(sorted(set(learnt.of[packages].tolist())), [0, 1])
        self.assertEqual(set(learnt.of[pages].tolist()), {-1})
        self.assertIsNone(learnt.loss(torch.randn(len(pages), 16), pages))
        right = F.normalize(torch.tensor([[1.0] + [0.0] * 15, [0.0, 1.0] + [0.0] * 14]), dim=1)
        with torch.no_grad():
            learnt.layer.weight[:2] = 9 * right
            learnt.layer.weight[2:] = -9
            learnt.layer.bias.zero_()
        own = torch.cat([right[learnt.of[packages]], torch.randn(len(pages), 16)])
        self.assertLess(learnt.loss(own, packages + pages).item(), 1e-4)
        self.assertGreater(learnt.loss(own.flip(0), packages + pages).item(), 1.0)

    def test_variants_are_of_the_texts_words(self):
        class Tokens:
            def get_vocab(self):
                return {f"{'##' if i < 5 else ''}{i}": i for i in range(400)}

        self.assertEqual(teach.split([4, 9, 1, 2, 8], teach.inner(Tokens())), [[4], [9, 1, 2], [8]])
        made, again = (teach.Variants(self.data, Tokens(), 3) for _ in range(2))
        chosen, same = made.items(), 0
        kinds = Counter(r["kind"] for r, item, _ in chosen if item == r["windows"][0])
        self.assertEqual(kinds, dict(package=300 * teach.VARIANTS["package"],
                                     page=40 * teach.VARIANTS["page"]))
        again.items()
        words = {w for r in self.data.records for i in (*r["queries"], *r["windows"])
                 for w in made.words(i)}
        for _, item, pool in chosen[:200]:
            ids = made.vary(item, pool)
            self.assertEqual(ids, again.vary(item, pool))
            self.assertTrue(0 < len(ids) <= targets.WINDOW)
            self.assertTrue(all((token,) in words for token in ids))
            same += ids == self.data[item][1:-1].tolist()
        self.assertLess(same, 60)

    def test_variants_of_texts_kept_aside_are_not_trained_on(self):
        aside = Batches(self.data, 600, 1).development
        records = [dict(kind="variant", of=r["kind"], name=r["name"], section="", queries=[],
                        spans=[], windows=[0]) for r in self.data.records]
        self.data.records += records
        batches = Batches(self.data, 600, 1)
        self.assertEqual(batches.development, aside)
        self.assertEqual(len(batches.pools["variant"]), len(records) - len(aside))

    def test_order_is_any_linear_relation(self):
        wanted = torch.randn(7, 9)
        self.assertAlmostEqual(train.disorder(0.2 * wanted - 3, wanted).item(), 0.0, places=5)
        self.assertAlmostEqual(train.disorder(-wanted, wanted).item(), 2.0, places=5)


class Export(unittest.TestCase):
    def test_average_is_the_mean_of_all_weights_but_the_projection(self):
        with tempfile.TemporaryDirectory() as folder:
            export.save({"a": torch.tensor([1.0, 3.0])}, Path(folder, "model.safetensors"))
            Path(folder, "config.json").write_text("{}")
            for share, expected in ((0.5, [2.0, 4.0]), (0.75, [2.5, 4.5]), (1.0, [3.0, 5.0])):
                mean = export.averaged({"a": torch.tensor([3.0, 5.0]),
                                        "teacher_projection": torch.tensor([7.0])}, folder, share)
                self.assertEqual({k: v.tolist() for k, v in mean.items()},
                                 {"a": expected, "teacher_projection": [7.0]})


class Briefs(unittest.TestCase):
    def test_senses(self):
        text = """\
Dog \\Dog\\ (d[add]g or d[o^]g), n. [AS. docga; akin to D. dog
   mastiff, Dan. dogge, Sw. dogg.]
   1. (Zool.) A quadruped of the genus {Canis}, esp. the
      domestic dog ({Canis familiaris}).
      [1913 Webster]

            What is thy servant, which is but a dog, that he
            should do this great thing?           -- 2 Kings

   2. A mean, worthless fellow; a wretch; as, a sly dog.
      [1913 Webster]

   3. a smooth-textured sausage of minced beef or pork.
      [WordNet 1.5]

   4. To hunt like a hound, as men once said. [Obs.]
      [1913 Webster]

   {Dog ape} (Zool.), a male ape of the larger kind.
"""
        with tempfile.TemporaryDirectory() as root:
            path = Path(root, "gcide.dict.dz")
            path.write_bytes(gzip.compress(text.encode()))
            found = [(b["title"], b["body"]) for b in sources.senses(path)]
        self.assertEqual(found, [
            ("Dog", "A quadruped of the genus Canis, esp. the domestic dog (Canis familiaris)."),
            ("Dog", "A mean, worthless fellow; a wretch"),
            ("Dog ape", "a male ape of the larger kind.")])

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
