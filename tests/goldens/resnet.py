"""Makes resnet.json: small residual networks in PyTorch, their weights, logits,
loss, gradients and running statistics after one pass of training. Made with
PyTorch 2.13.0 (CPU) in float64.

The networks are written out after He et al. (CVPR 2016), with the stride in
the 3x3 convolution and projection shortcuts where shapes change.
Run: python tests/goldens/resnet.py > tests/goldens/resnet.json
"""

import json

import torch
from torch import nn
from torch.nn import functional as F


def conv(inputs, outputs, size, stride):
    return nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2, bias=False)


class Block(nn.Module):
    def __init__(self, kind, inputs, width, stride):
        super().__init__()
        outputs = width * (4 if kind == "bottleneck" else 1)
        sizes = (
            [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
            if kind == "bottleneck"
            else [(inputs, width, 3, stride), (width, width, 3, 1)]
        )
        self.count = len(sizes)
        for i, size in enumerate(sizes, 1):
            setattr(self, f"conv{i}", conv(*size))
            setattr(self, f"bn{i}", nn.BatchNorm2d(size[1]))
        self.downsample = (
            nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )
        self.outputs = outputs

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = F.relu(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, stem, block, widths, depths, classes):
        super().__init__()
        self.stem = stem
        self.conv1 = conv(3, widths[0], 7, 2) if stem == "imagenet" else conv(3, widths[0], 3, 1)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        self.stages = len(widths)
        for stage, (width, depth) in enumerate(zip(widths, depths)):
            blocks = []
            for i in range(depth):
                blocks.append(Block(block, inputs, width, 2 if stage > 0 and i == 0 else 1))
                inputs = blocks[-1].outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        if self.stem == "imagenet":
            y = F.max_pool2d(y, 3, 2, 1)
        for stage in range(self.stages):
            y = getattr(self, f"layer{stage + 1}")(y)
        return self.fc(y.mean((2, 3)))


def flat(tensor):
    return [round(x, 9) for x in tensor.detach().flatten().tolist()]


def case(architecture, size):
    torch.manual_seed(0)
    model = ResNet(**architecture).double()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith(("bn1.weight", "bn2.weight", "bn3.weight", "1.weight")):
                tensor.uniform_(0.5, 1.5)
            if name.endswith("running_mean") or name.endswith("bias"):
                tensor.uniform_(-0.3, 0.3)
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
    state = {
        name: {"shape": list(tensor.shape), "data": flat(tensor)}
        for name, tensor in model.state_dict().items()
    }
    # The stored weights are rounded: compute with what is stored.
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(torch.tensor(state[name]["data"]).reshape(tensor.shape))
    x = torch.randn(3, 3, size, size, dtype=torch.float64).mul(1000).round().div(1000)
    labels = torch.arange(3) % architecture["classes"]
    model.eval()
    evaluation = flat(model(x))
    model.train()
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return {
        "architecture": architecture,
        "state": state,
        "images": {"shape": [3, size, size, 3], "data": flat(x.permute(0, 2, 3, 1))},
        "labels": labels.tolist(),
        "evaluation": evaluation,
        "logits": flat(logits),
        "loss": loss.item(),
        "gradients": {name: flat(p.grad) for name, p in model.named_parameters()},
        "running": {
            name: flat(tensor)
            for name, tensor in model.state_dict().items()
            if "running" in name
        },
    }


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    print(
        json.dumps(
            [
                case(
                    dict(stem="cifar", block="basic", widths=[2, 3], depths=[1, 2], classes=3),
                    6,
                ),
                case(
                    dict(stem="imagenet", block="bottleneck", widths=[2, 3], depths=[1, 1], classes=3),
                    18,
                ),
            ]
        )
    )
