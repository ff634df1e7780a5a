"""Makes trajectories.json: 50 training steps of a small convolutional network
with batch normalization in PyTorch, by every optimizer: the loss of each step,
the parameters and the running statistics at the end. Made with PyTorch 2.13.0
(CPU) in float64.

SAM is written out after Foret et al. (ICLR 2021), CrAM after Peste et al. (ICLR
2023), sections 3 and appendix; base steps are those of torch.optim. Which
compressor a step draws is given, so that both sides take the same.
Run: python tests/goldens/trajectories.py > tests/goldens/trajectories.json
"""

import json
import math
from itertools import count, islice

import torch
from torch import nn
from torch.nn import functional as F

from random_source import RandomSource

STEPS = 50


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return self.fc(y.mean((2, 3)))


def top_k(sparsity):
    """Weights above the k-th largest magnitude of all, strictly."""

    def masks(weights):
        magnitudes = torch.cat([w.abs().flatten() for w in weights])
        k = math.ceil(len(magnitudes) * (1 - sparsity))
        threshold = magnitudes.sort(descending=True).values[k - 1]
        return [w.abs() > threshold for w in weights]

    return masks


def n_of_m(n, m):
    """The n largest of m consecutive weights along input channels."""

    def mask(weight):
        order = weight.permute(0, 2, 3, 1) if weight.dim() == 4 else weight
        groups = order.abs().reshape(-1, m)
        kept = torch.zeros_like(groups, dtype=torch.bool)
        kept.scatter_(1, groups.argsort(1)[:, m - n :], True)
        kept = kept.reshape(order.shape)
        return kept.permute(0, 3, 1, 2) if weight.dim() == 4 else kept

    return lambda weights: [mask(w) for w in weights]


def flat(tensor):
    return [round(x, 12) for x in tensor.flatten().tolist()]


def set_momentum(model, momentum):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum


def train(model, x, labels, optimizer, ascent):
    """Takes steps on one batch, and gives the loss of each when it was taken."""
    parameters = list(model.parameters())

    def gradients():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        return loss.item(), [p.grad.clone() for p in parameters]

    for step in count(1):
        loss, first = gradients()
        combined = first
        if ascent is not None:
            scale = ascent["rho"]
            if ascent["normalize"]:
                scale /= torch.cat([g.flatten() for g in first]).norm().item() + 1e-12
            saved = [p.detach().clone() for p in parameters]
            prunable = [i for i, p in enumerate(parameters) if p.dim() >= 2]
            kept = {}
            with torch.no_grad():
                for p, g in zip(parameters, first):
                    p.add_(g, alpha=scale)
                if ascent["compressors"]:
                    # As this library draws for seed 0.
                    drawn = RandomSource(0, step).integer(len(ascent["compressors"]))
                    found = ascent["compressors"][drawn]([parameters[i] for i in prunable])
                    kept = dict(zip(prunable, found))
                    for i, mask in kept.items():
                        parameters[i].mul_(mask)
            set_momentum(model, 0)
            _, second = gradients()
            set_momentum(model, 0.1)
            second = [g * kept[i] if i in kept else g for i, g in enumerate(second)]
            combined = [a + b for a, b in zip(first, second)] if ascent["plus"] else second
            with torch.no_grad():
                for p, old in zip(parameters, saved):
                    p.copy_(old)
        for p, g in zip(parameters, combined):
            p.grad = g
        optimizer.step()
        yield loss


def trajectory(initial, x, labels, base, ascent):
    model = Network().double()
    model.load_state_dict(initial)
    optimizer = (
        torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
        if base == "sgd"
        else torch.optim.Adam(model.parameters(), lr=0.002, eps=1e-4, weight_decay=1e-3)
    )
    losses = list(islice(train(model, x, labels, optimizer, ascent), STEPS))
    return {
        "losses": [round(loss, 12) for loss in losses],
        "state": {
            name: flat(tensor)
            for name, tensor in model.state_dict().items()
            if "num_batches" not in name
        },
    }


def main():
    torch.manual_seed(0)
    initial = {
        # Numbers that float32 has too.
        name: tensor.mul(2**12).round().div(2**12) if tensor.is_floating_point() else tensor
        for name, tensor in Network().double().state_dict().items()
    }
    x = torch.randn(8, 3, 6, 6).mul(64).round().div(64)
    labels = torch.arange(8) % 4
    cram = dict(rho=0.05, normalize=False, plus=False, compressors=[top_k(0.5)])
    multi = [top_k(0.3), top_k(0.5), top_k(0.7)]
    ascents = {
        "base": None,
        "SAM": dict(rho=0.05, normalize=True, plus=False, compressors=[]),
        "CrAM": cram,
        "CrAM+": {**cram, "plus": True},
        "CrAM+-Multi": {**cram, "plus": True, "compressors": multi},
        "CrAM+ N:M": {**cram, "plus": True, "compressors": [n_of_m(2, 4), n_of_m(4, 8)]},
    }
    trajectories = {
        f"{name} on {base}": trajectory(initial, x, labels, base, ascent)
        for name, ascent in ascents.items()
        for base in ("sgd", "adam")
    }
    state = {
        name: {"shape": list(tensor.shape), "data": flat(tensor)}
        for name, tensor in initial.items()
        if "num_batches" not in name
    }
    images = x.permute(0, 2, 3, 1)
    print(
        json.dumps(
            {
                "state": state,
                "images": {"shape": list(images.shape), "data": flat(images)},
                "labels": labels.tolist(),
                "trajectories": trajectories,
            }
        )
    )


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
