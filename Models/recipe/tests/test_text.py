"""Manual pages, near-duplicates and metrics on small inputs."""
import unittest

import torch

from recipe import duplicates, metrics, prepare, roff

PAGE = r'''.\" comment
.TH LS 1
.SH NAME
ls \- list directory contents
.SH DESCRIPTION
.PP
List information about the
.I FILE\fRs.
.SS Exit status
.TP
.B 0
if \(oqOK\(cq
'''
MDOC = ".Dd May 1\n.Dt CAT 1\n.Sh NAME\n.Nm cat\n.Nd print files\n.Sh SYNOPSIS\n.Nm\n.Op Fl u\n"
TEXT = " ".join(f"word{i * i % 97} and{i}" for i in range(60))


class Roff(unittest.TestCase):
    def test_man(self):
        sections = dict(roff.sections(PAGE))
        self.assertEqual(sections["NAME"], "ls - list directory contents")
        self.assertTrue(sections["DESCRIPTION"].startswith("List information about the FILEs."))
        self.assertIn("if 'OK'", sections["DESCRIPTION"])

    def test_mdoc(self):
        sections = dict(roff.sections(MDOC))
        self.assertEqual(sections["NAME"], "cat - print files")
        self.assertEqual(sections["SYNOPSIS"], "cat [-u]")

    def test_other_text(self):
        self.assertIsNone(roff.sections("just text"))


class Duplicates(unittest.TestCase):
    def test_near_duplicate_is_dropped(self):
        kept = duplicates.without(
            [dict(body=TEXT), dict(body=TEXT.upper() + "."), dict(body=TEXT[::-1])], set())
        self.assertEqual([x["body"] for x in kept], [TEXT, TEXT[::-1]])

    def test_leak_inside_a_longer_text(self):
        held = duplicates.Held([dict(body=TEXT)])
        filler = " ".join(f"other{i}" for i in range(2000))
        self.assertTrue(held.leaks(filler + " " + TEXT + " " + filler))
        self.assertTrue(held.leaks(TEXT[:300]))
        self.assertFalse(held.leaks(filler))


class Split(unittest.TestCase):
    def test_held_out_by_name_wherever_a_page_comes_from(self):
        pages = [dict(name=f"page{i}", names=f"page{i}", extra=False, title=f"do the thing {i}",
                      body=" ".join(f"w{i}x{j}" for j in range(40))) for i in range(60)]
        pages += [dict(p, extra=True, body=p["body"][::-1]) for p in pages]
        kept = prepare.split_pages(pages, set())
        tests = {p["name"] for p in kept if p["test"]}
        self.assertGreater(len(tests), 5)
        self.assertFalse(tests & {p["name"] for p in kept if not p["test"]})
        self.assertFalse([p for p in kept if p["test"] and p["extra"]])

    def test_query_lacks_the_own_name(self):
        item = dict(name="ls", names="ls, dir", title="LS - list (dir) contents")
        self.assertEqual(prepare.query(item), "- list contents")

    def test_gloss_inside_a_training_text(self):
        gloss = dict(body="a small domesticated feline that hunts")
        held, glosses = prepare.helds([], [gloss])
        self.assertTrue(glosses.leaks("they had " + gloss["body"] + " mice at night"))
        self.assertFalse(glosses.leaks("a small domesticated bird that hunts"))
        self.assertFalse(held.leaks(gloss["body"]))


class Metrics(unittest.TestCase):
    def test_retrieval(self):
        scores = torch.tensor([[1.0, 0, 0], [1, 0.5, 0], [0, 0, 1]])
        got = metrics.retrieval(scores)
        self.assertAlmostEqual(got["mrr"], (1 + 0.5 + 1) / 3, places=6)
        self.assertAlmostEqual(metrics.retrieval(torch.zeros(4, 4))["mrr"], 1 / 2.5, places=6)

    def test_relative_scores(self):
        joined = metrics.relative(torch.tensor([[0.9, 0.5, 0.1, 0.0]]),
                                  torch.tensor([[0.0, 8.0, 4.0, 0.0]]), depth=3)
        wanted = [[0.5 * 1, 0.5 * (0.5 + 1), 0.5 * 0.5, 0]]
        self.assertTrue(torch.allclose(joined, torch.tensor(wanted), atol=1e-6))

    def test_standardised_scores(self):
        joined = metrics.standardised(torch.tensor([[1.0, 2, 3], [7, 7, 7]]),
                                      torch.tensor([[20.0, 0, 10], [5, 6, 7]]))
        wanted = [[0.0, -1, 1], [-1, 0, 1]]
        self.assertTrue(torch.allclose(joined, torch.tensor(wanted), atol=1e-5))

    def test_weights(self):
        lexical, vector = torch.tensor([[3.0, 2, 1]]), torch.tensor([[0.1, 0.3, 0.2]])
        joined = metrics.fused(lexical, vector, constant=3, alpha=0.75)
        wanted = [[0.5 / 4 + 1.5 / 6, 0.5 / 5 + 1.5 / 4, 0.5 / 6 + 1.5 / 5]]
        self.assertTrue(torch.allclose(joined, torch.tensor(wanted)))
        self.assertTrue(torch.equal(metrics.relative(lexical, vector, alpha=1).argsort(1),
                                    vector.argsort(1)))

    def test_passages_share_the_vectors_weight(self):
        lexical, vector = torch.tensor([[3.0, 2, 1]]), torch.tensor([[0.1, 0.3, 0.2]])
        best = torch.tensor([[0.9, 0.8, 0.7]])
        joined = metrics.fused(lexical, vector, constant=3, alpha=0.5, passages=best, weight=0.25)
        wanted = [[1 / 4 + 0.75 / 6 + 0.25 / 4, 1 / 5 + 0.75 / 4 + 0.25 / 5,
                   1 / 6 + 0.75 / 5 + 0.25 / 6]]
        self.assertTrue(torch.allclose(joined, torch.tensor(wanted)))

    def test_labelled(self):
        right = torch.tensor([0, 0, 1, 1])
        self.assertEqual(metrics.labelled(right, right, 3), dict(accuracy=1.0, f1=1.0))

    def test_bm25_prefers_the_rarer_word(self):
        scores = metrics.bm25(["common rare"], ["common", "common rare", "common other"])
        self.assertEqual(scores.argmax(1).item(), 1)


if __name__ == "__main__":
    unittest.main()
