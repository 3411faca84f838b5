"""BiGS in plain PyTorch: the parameters, names and numbers of the reference's modeling_bigs.py.

Erf GELU, pre-norm, zero-order-hold kernels, one kernel per direction and layer.  Three things differ
in how it is computed, not in what: short sequences convolve with an L x L Toeplitz product, which
a matrix unit likes better than an FFT; the layers keep time first, so that this is one product
without a copy; and kernels are summed in real arithmetic.

Legend: B texts, L tokens, H hidden, I intermediate, N states.
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

TOEPLITZ_MAX = 700
"""Longest sequence that convolves by a Toeplitz product."""

MINI = dict(
    architectures=["BiGSModel"], model_type="BiGS", vocab_size=30522, hidden_size=256,
    num_hidden_layers=6, intermediate_size=768, hidden_act="gelu", hidden_dropout_prob=0.1,
    max_position_embeddings=4096, type_vocab_size=2, initializer_range=0.02,
    layer_norm_eps=1e-12, pad_token_id=0, position_embedding_type="absolute", use_cache=True,
    classifier_dropout=None, num_ssm=64, pre_norm=True, decode=False, scaling="hippo",
    pooler_type="non_padding_mean", use_pykeops_kernel=False, torch_dtype="float32",
    transformers_version="4.40.2", padding="none")


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden = c["hidden_size"]
        self.word_embeddings = nn.Embedding(c["vocab_size"], hidden, padding_idx=c["pad_token_id"])
        self.position_embeddings = nn.Embedding(c["max_position_embeddings"], hidden)
        self.token_type_embeddings = nn.Embedding(c["type_vocab_size"], hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=c["layer_norm_eps"])

    def forward(self, ids, types=None, positions=None):
        types = torch.zeros(1, 1, dtype=torch.long, device=ids.device) if types is None else types
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)[None]
        x = self.word_embeddings(ids) + self.token_type_embeddings(types)
        return self.LayerNorm(x + self.position_embeddings(positions))


class Kernel(nn.Module):
    """K[l] = Re sum_n C_n (exp(s A_n) - 1) / A_n exp(l s A_n), with s = exp(log_step)."""

    def __init__(self, states, shortest=0.01, longest=1.0):
        super().__init__()
        low, high = math.log(shortest), math.log(longest)
        self.C = nn.Parameter(torch.normal(0, 0.5 ** 0.5, (states, 2)))
        self.log_step = nn.Parameter(torch.rand(1) * (high - low) + low)
        self.A_re = nn.Parameter(-0.5 * torch.ones(states))
        self.A_im = nn.Parameter(math.pi * torch.arange(states).float())

    def forward(self, length):
        a = torch.complex(self.A_re.clamp(max=-1e-4), self.A_im)
        sa = a * self.log_step.exp()
        c = torch.complex(self.C[:, 0], self.C[:, 1]) * (torch.exp(sa) - 1.0) / a
        step = torch.arange(length, dtype=torch.float32, device=self.C.device)
        size, angle = torch.exp(sa.real[:, None] * step), sa.imag[:, None] * step
        return c.real @ (size * torch.cos(angle)) - c.imag @ (size * torch.sin(angle))


class SSM(nn.Module):
    def __init__(self, states):
        super().__init__()
        self.D = nn.Parameter(torch.randn(1))
        self.kernel = Kernel(states)

    def response(self, length):
        """What one token leaves in the following `length`, itself included [L]."""
        kernel = self.kernel(length)
        return torch.cat([kernel[:1] + self.D, kernel[1:]])


def toeplitz(kernel):
    """[L, L] with T[i, j] = K[i - j] for i >= j, 0 above."""
    length = len(kernel)
    padded = torch.cat([kernel.flip(0), kernel.new_zeros(length - 1)])
    return padded.unfold(0, length, 1).flip(0)


class Convolution(torch.autograd.Function):
    """u [L, B, H] convolved with a kernel [L] in float32, causally or backward in time; the result
    has u's type.  Its gradients come from the transforms themselves, which autograd would take again.
    Both directions are one product of spectra: backward in time is the causal one's adjoint."""

    @staticmethod
    def forward(ctx, u, kernel, backward):
        ctx.n, ctx.backward_in_time = fft_length(2 * len(u)), backward
        spectrum, response = Convolution.spectrum(u, ctx.n), torch.fft.rfft(kernel, n=ctx.n)
        ctx.save_for_backward(spectrum, response)
        return Convolution.times(spectrum, response, backward, ctx.n, u)

    @staticmethod
    def backward(ctx, gradient):
        spectrum, response = ctx.saved_tensors
        other = Convolution.spectrum(gradient, ctx.n)
        of_u = Convolution.times(other, response, not ctx.backward_in_time, ctx.n, gradient)
        a, b = (other, spectrum) if ctx.backward_in_time else (spectrum, other)
        of_kernel = torch.fft.irfft((a.conj() * b).sum(0), n=ctx.n)[:len(gradient)]
        return of_u, of_kernel, None

    @staticmethod
    def spectrum(u, n):                                                    # [B * H, n / 2 + 1]
        return torch.fft.rfft(u.reshape(len(u), -1).T.contiguous().float(), n=n)

    @staticmethod
    def times(spectrum, response, adjoint, n, like):
        y = torch.fft.irfft(spectrum * (response.conj() if adjoint else response), n=n)
        return y[:, :len(like)].to(like.dtype).T.contiguous().view_as(like)


def product(matrix, u):
    """matrix [L, L] times u [L, B, H], in u's type."""
    return (matrix.to(u.dtype) @ u.reshape(len(u), -1)).view_as(u)


def fft_length(least):
    """The smallest of 2^k, 3 * 2^k and 5 * 2^k that is not below `least`."""
    return min(odd << max(0, math.ceil(math.log2(least / odd))) for odd in (1, 3, 5))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner = c["hidden_size"], c["intermediate_size"]
        self.LayerNorm = nn.LayerNorm(hidden, eps=c["layer_norm_eps"])
        self.fs4, self.bs4 = SSM(c["num_ssm"]), SSM(c["num_ssm"])
        self.dv = nn.Linear(hidden, inner)
        self.du_forward, self.du_backward = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.duc_forward, self.duc_backward = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.dol, self.do = nn.Linear(hidden, inner), nn.Linear(inner, hidden)

    def forward(self, x, dtype, mask):
        def linear(layer, value):
            return F.linear(value, layer.weight.to(dtype), layer.bias.to(dtype))

        h = self.LayerNorm(x).to(dtype)                                    # [L, B, H]
        v = F.gelu(linear(self.dv, h))                                     # [L, B, I]
        forward = F.gelu(linear(self.du_forward, h))                       # [L, B, H]
        backward = F.gelu(linear(self.du_backward, h))                     # [L, B, H]
        if mask is not None:                 # what comes after a text reaches it only backward
            backward = backward * mask
        forward, backward = self.convolve(forward, backward)
        m = linear(self.duc_forward, forward.to(dtype))
        m = m * linear(self.duc_backward, backward.to(dtype))
        return x + linear(self.do, F.gelu(linear(self.dol, m)) * v).float()

    def convolve(self, forward, backward):
        length = len(forward)
        kf, kb = self.fs4.response(length), self.bs4.response(length)
        if length <= TOEPLITZ_MAX:                       # backward in time = the transposed matrix
            return product(toeplitz(kf), forward), product(toeplitz(kb).T, backward)
        return Convolution.apply(forward, kf, False), Convolution.apply(backward, kb, True)


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer = nn.ModuleList([Layer(c) for _ in range(c["num_hidden_layers"])])


class Pooler(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense = nn.Linear(c["hidden_size"], c["hidden_size"])


class BiGS(nn.Module):
    """The encoder with the reference's pooler."""

    def __init__(self, config):
        super().__init__()
        self.config = dict(config)
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        self.pooler = Pooler(config)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.data.normal_(0, config["initializer_range"])
            if isinstance(module, nn.Linear):
                module.bias.data.zero_()

    def forward(self, ids, types=None, positions=None, dtype=torch.float32, mask=None):
        """Last hidden state [B, L, H].  With a mask (1 = token), padding on the right is silenced,
        so each text gets the numbers it has alone, and padding any; the reference's own behaviour
        is mask=None."""
        x = self.embeddings(ids, types, positions).transpose(0, 1).contiguous()
        mask = None if mask is None else mask.T[..., None].to(dtype)
        for layer in self.encoder.layer:
            x = layer(x, dtype, mask)
        return x.transpose(0, 1)

    def pool(self, hidden, mask):
        """The reference's pooler: tanh(dense(mean over the mask)) -> [B, H]."""
        if self.config["pooler_type"] == "mean":
            mean = hidden.mean(1)
        else:
            weight = mask[..., None].to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1)
        return torch.tanh(self.pooler.dense(mean))

    def mean(self, ids, lengths, dtype=torch.float32):
        """Mean over each text's own tokens [B, H]; ids are padded on the right."""
        if bool((lengths == ids.shape[1]).all()):
            return self(ids, dtype=dtype).mean(1)
        mask = torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]
        hidden = self(ids, dtype=dtype, mask=mask)
        return (hidden * mask[..., None]).sum(1) / lengths[:, None]

    def embed(self, ids, lengths, dtype=torch.float32):
        """Embeddings [B, H]: that mean, L2-normalised."""
        return F.normalize(self.mean(ids, lengths, dtype), dim=-1)


class BiGSClassifier(nn.Module):
    """BiGSForSequenceClassification: pooler and one linear layer."""

    def __init__(self, config, labels):
        super().__init__()
        self.bigs, self.classifier = BiGS(config), nn.Linear(config["hidden_size"], labels)

    def forward(self, ids, mask, types=None, positions=None):
        return self.classifier(self.bigs.pool(self.bigs(ids, types, positions), mask))


def load_weights(directory):
    """(config, float32 tensors) of a model directory."""
    directory = Path(directory)
    config = json.loads((directory / "config.json").read_text())
    tensors = load_file(directory / "model.safetensors")
    return config, {k: v.float() for k, v in tensors.items() if not k.endswith("position_ids")}


def load_encoder(directory):
    """The encoder of an embedding model's directory, ready to run."""
    config, tensors = load_weights(directory)
    model = BiGS(config)
    model.load_state_dict(tensors)
    return model.eval()
