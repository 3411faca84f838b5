"""The recipe's model against numbers that the reference computed in float64 (erf GELU)."""
import json
import os
import unittest
from pathlib import Path

import torch
from safetensors.torch import load_file

from recipe.model import (BiGS, BiGSClassifier, Convolution, Kernel, load_weights, product,
                          toeplitz)

ROOT = Path(__file__).resolve().parents[3]
GOLDENS = Path(os.environ.get("GOLDENS", ROOT / "Tests/TestSupport/Fixtures/goldens"))
HIDDEN, POOLED, LOGITS = 5e-4, 2e-5, 1e-5      # float32 here, float64 there


class ModelAgainstReference(unittest.TestCase):
    def classifier(self, name):
        directory = GOLDENS / name / "SequenceClassification/torch-safetensors"
        config, tensors = load_weights(directory)
        model = BiGSClassifier(config, tensors["classifier.weight"].shape[0])
        model.load_state_dict(tensors)
        return model.eval()

    def assertClose(self, got, want, tolerance, message):
        self.assertEqual(got.shape, want.shape, message)
        self.assertTrue(torch.equal(got.isnan(), want.isnan()), message)
        difference = (got - want).nan_to_num().abs().max().item()
        self.assertLessEqual(difference, tolerance, message)

    @torch.inference_mode()
    def check(self, name):
        model, compared = self.classifier(name), 0
        inputs = load_file(GOLDENS / name / "inputs.safetensors")
        expected = load_file(GOLDENS / name / "expected_f64_erf.safetensors")
        for case in json.loads((GOLDENS / name / "cases.json").read_text()):
            case = case["name"]
            want = {k.removeprefix(case + "."): v for k, v in expected.items()
                    if k.startswith(case + ".")}
            ids = inputs[case + ".input_ids"].long()
            if ids.dim() != 2 or "SequenceClassification.logits" not in want:
                continue
            types = inputs[case + ".token_type_ids"].long()
            positions = inputs.get(case + ".position_ids")
            positions = None if positions is None else positions.long()
            mask = inputs[case + ".attention_mask"]
            hidden = model.bigs(ids, types, positions)
            pooled = model.bigs.pool(hidden, mask)
            if "last_hidden_state" in want:
                rows = inputs.get(case + ".rows")
                some = hidden if rows is None else hidden[:, rows.long()]
                self.assertClose(some, want["last_hidden_state"], HIDDEN, f"{name} {case} hidden")
            if "pooler_output" in want:
                self.assertClose(pooled, want["pooler_output"], POOLED, f"{name} {case} pooled")
            self.assertClose(model.classifier(pooled), want["SequenceClassification.logits"],
                             LOGITS, f"{name} {case} logits")
            compared += 1
        self.assertGreater(compared, 3, name)

    def test_goldens_exist(self):
        self.assertTrue(GOLDENS.is_dir(), f"set GOLDENS: {GOLDENS}")

    def test_t0(self):
        self.check("t0")

    def test_t1(self):
        self.check("t1")

    def test_t3(self):
        self.check("t3")

    def test_kernels(self):
        kernels = load_file(GOLDENS / "kernels.safetensors")
        names = {k.rsplit(".", 1)[0] for k in kernels if k.endswith(".A_re") and k[0] == "t"}
        self.assertTrue(names)
        for name in sorted(names):
            kernel = Kernel(kernels[name + ".A_re"].shape[0])
            kernel.load_state_dict({k: kernels[f"{name}.{k}"].reshape(p.shape)
                                    for k, p in kernel.state_dict().items()})
            want = kernels[name + ".K_f64"].float()
            self.assertClose(kernel(len(want)).detach(), want, 5e-5, name)


class TwoWaysToConvolve(unittest.TestCase):
    def test_gradients_agree(self):
        torch.manual_seed(0)
        for length in (1, 2, 7, 50):
            for backward in (False, True):
                found = []
                u, kernel = torch.randn(length, 3, 4), torch.randn(length)
                weight = torch.randn(length, 3, 4)
                for convolve in (
                        lambda u, k: Convolution.apply(u, k, backward),
                        lambda u, k: product(toeplitz(k).T if backward else toeplitz(k), u)):
                    inputs = u.clone().requires_grad_(), kernel.clone().requires_grad_()
                    y = convolve(*inputs)
                    (y * weight).sum().backward()
                    found.append((y.detach(), *(x.grad for x in inputs)))
                for one, other in zip(*found):
                    self.assertLess((one - other).abs().max().item(), 1e-4, (length, backward))

    def test_padding_is_silent_and_paths_agree(self):
        torch.manual_seed(0)
        config = dict(vocab_size=50, hidden_size=16, num_hidden_layers=2, intermediate_size=48,
                      max_position_embeddings=2048, type_vocab_size=2, initializer_range=0.3,
                      layer_norm_eps=1e-12, pad_token_id=0, num_ssm=8, pooler_type="mean")
        model = BiGS(config).eval()
        ids = torch.randint(1, 50, (1, 40))
        short = torch.zeros(1, 60, dtype=torch.long)
        long = torch.zeros(1, 1500, dtype=torch.long)
        short[:, :40], long[:, :40] = ids, ids
        lengths = torch.tensor([40])
        with torch.inference_mode():
            alone, padded = model.embed(ids, lengths), model.embed(short, lengths)
            by_fft = model.embed(long, lengths)
        self.assertLess((alone - padded).abs().max().item(), 1e-5)
        self.assertLess((alone - by_fft).abs().max().item(), 1e-5)


if __name__ == "__main__":
    unittest.main()
