"""Writes operations.json: inputs, outputs and gradients as PyTorch computes
them in float64, in this project's layouts (NHWC images, HWIO weights,
attention over [N, L, H, D]).

    python tests/goldens/generate.py

Made with PyTorch 2.13.0 (CPU). The tests read only the JSON.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20220714)
torch.set_default_dtype(torch.float64)


def numbers(tensor):
    flat = tensor.detach().contiguous().reshape(-1).tolist()
    return {
        "shape": list(tensor.shape),
        "data": [
            int(v) if isinstance(v, (int, bool)) else float(f"{v:.15g}")
            for v in flat
        ],
    }


def random(*shape):
    return torch.randn(shape).round(decimals=3)


def case(op, name, inputs, attributes, function):
    """Runs `function(**inputs)`, which returns named outputs; the first is
    differentiated with a random upstream gradient."""
    leaves = {}
    for key, value in inputs.items():
        leaves[key] = value.clone().requires_grad_(value.is_floating_point())
    outputs = function(**leaves)
    first = next(iter(outputs.values()))
    upstream = random(*first.shape)
    first.backward(upstream)
    return {
        "op": op,
        "name": name,
        "attributes": attributes,
        "inputs": {key: numbers(value) for key, value in inputs.items()},
        "outputs": {key: numbers(value) for key, value in outputs.items()},
        "upstream": numbers(upstream),
        "gradients": {
            key: numbers(value.grad)
            for key, value in leaves.items()
            if value.grad is not None
        },
    }


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def conv(name, n, h, w, c, o, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True):
    inputs = {"x": random(n, h, w, c), "weight": random(kernel, kernel, c // groups, o)}
    if bias:
        inputs["bias"] = random(o)
    attributes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def run(x, weight, bias=None):
        y = F.conv2d(nchw(x), weight.permute(3, 2, 0, 1), bias, **attributes)
        return {"out": nhwc(y)}

    return case("conv2d", name, inputs, attributes, run)


def pool(op, name, shape, kernel, stride, padding, **more):
    attributes = {"size": kernel, "stride": stride, "padding": padding}
    attributes |= {"countIncludePad": more["count_include_pad"]} if more else {}
    function = {"maxPool2d": F.max_pool2d, "averagePool2d": F.avg_pool2d}[op]

    def run(x):
        return {"out": nhwc(function(nchw(x), kernel, stride, padding, **more))}

    return case(op, name, {"x": random(*shape)}, attributes, run)


def batch_norm(name, shape, training, relu=False, residual=False):
    c = shape[-1]
    inputs = {"x": random(*shape) * 3 + 5, "scale": random(c), "bias": random(c)}
    if residual:
        inputs["residual"] = random(*shape)
    mean, variance = random(c), random(c).abs() + 0.5
    attributes = {"training": training, "momentum": 0.1, "epsilon": 1e-5, "relu": relu,
                  "runningMean": numbers(mean), "runningVariance": numbers(variance)}

    def run(x, scale, bias, residual=None):
        running_mean, running_var = mean.clone(), variance.clone()
        flat = x.reshape(-1, c)
        y = F.batch_norm(flat, running_mean, running_var, scale, bias, training, 0.1, 1e-5)
        y = y.reshape(shape)
        if residual is not None:
            y = y + residual
        if relu:
            y = F.relu(y)
        return {"out": y, "runningMean": running_mean, "runningVariance": running_var}

    return case("batchNorm", name, inputs, attributes, run)


def layer_norm(name, shape, residual=False):
    c = shape[-1]
    inputs = {"x": random(*shape), "scale": random(c), "bias": random(c)}
    if residual:
        inputs["residual"] = random(*shape)

    def run(x, scale, bias, residual=None):
        total = x if residual is None else x + residual
        return {"out": F.layer_norm(total, (c,), scale, bias, 1e-12)}

    return case("layerNorm", name, inputs, {"epsilon": 1e-12}, run)


def cross_entropy(name, rows, classes, reduction, smoothing=0.0, ignore=None):
    labels = torch.randint(0, classes, (rows,))
    if ignore is not None:
        labels[1] = ignore
    attributes = {"reduction": reduction, "labelSmoothing": smoothing, "labels": numbers(labels)}
    if ignore is not None:
        attributes["ignoreIndex"] = ignore

    def run(logits):
        loss = F.cross_entropy(
            logits, labels, reduction=reduction, label_smoothing=smoothing,
            ignore_index=-100 if ignore is None else ignore)
        return {"out": loss}

    return case("softmaxCrossEntropy", name, {"logits": random(rows, classes) * 3}, attributes, run)


def attention(name, n, queries, keys, heads, depth, mask):
    inputs = {"query": random(n, queries, heads, depth), "key": random(n, keys, heads, depth),
              "value": random(n, keys, heads, depth)}
    attributes = {}
    open_keys = None
    if mask == "padding":
        open_keys = torch.ones(n, 1, 1, keys, dtype=torch.bool)
        open_keys[0, :, :, keys - 2:] = False
        attributes["mask"] = {"shape": list(open_keys.shape),
                              "data": [int(v) for v in open_keys.reshape(-1)]}
    if mask == "causal":
        attributes["causal"] = True

    def run(query, key, value):
        q, k, v = (t.permute(0, 2, 1, 3) for t in (query, key, value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=open_keys, is_causal=mask == "causal")
        return {"out": y.permute(0, 2, 1, 3)}

    return case("scaledDotProductAttention", name, inputs, attributes, run)


def unary(op, function, attributes=None, shape=(3, 5)):
    return case(op, op + (f"/{attributes['approximate']}" if attributes else ""),
                {"x": random(*shape) * 2}, attributes or {}, lambda x: {"out": function(x)})


def linear(activation, function):
    inputs = {"a": random(4, 6), "b": random(6, 5), "bias": random(5)}
    return case("matmul", f"bias and {activation}", inputs, {"activation": activation},
                lambda a, b, bias: {"out": function(a @ b + bias)})


cases = [
    conv("3x3", 2, 5, 7, 3, 4, 3, padding=1),
    conv("7x7, stride 2", 1, 11, 10, 3, 5, 7, stride=2, padding=3, bias=False),
    conv("3x3, stride 2", 2, 8, 7, 4, 4, 3, stride=2, padding=1),
    conv("1x1, stride 2", 2, 5, 6, 4, 8, 1, stride=2, bias=False),
    conv("dilation 2", 1, 9, 8, 2, 3, 3, padding=2, dilation=2),
    conv("two groups", 2, 5, 5, 6, 4, 3, padding=1, groups=2),
    conv("depthwise", 1, 6, 5, 5, 5, 3, padding=1, groups=5),
    pool("maxPool2d", "3x3, stride 2", (2, 7, 8, 3), 3, 2, 1),
    pool("averagePool2d", "2x2", (2, 6, 4, 3), 2, 2, 0),
    pool("averagePool2d", "borders divide by what they see", (1, 5, 5, 2), 3, 2, 1, count_include_pad=False),
    pool("averagePool2d", "borders divide by the window", (1, 5, 5, 2), 3, 2, 1, count_include_pad=True),
    batch_norm("training", (2, 3, 3, 5), True),
    batch_norm("training, ReLU and residual", (2, 3, 3, 5), True, relu=True, residual=True),
    batch_norm("evaluation", (2, 3, 3, 5), False),
    batch_norm("evaluation, ReLU", (2, 3, 3, 5), False, relu=True),
    layer_norm("rows", (3, 2, 7)),
    layer_norm("residual", (4, 6), residual=True),
    case("softmax", "rows", {"x": random(3, 7) * 3}, {}, lambda x: {"out": F.softmax(x, -1)}),
    case("logSoftmax", "rows", {"x": random(3, 7) * 3}, {}, lambda x: {"out": F.log_softmax(x, -1)}),
    cross_entropy("mean", 5, 7, "mean"),
    cross_entropy("none", 5, 7, "none"),
    cross_entropy("label smoothing", 5, 7, "mean", smoothing=0.1),
    cross_entropy("ignored label", 5, 7, "mean", ignore=-100),
    cross_entropy("ignored label, smoothing, sum", 5, 7, "sum", smoothing=0.2, ignore=3),
    attention("open", 2, 4, 6, 2, 3, None),
    attention("padding mask", 2, 3, 5, 2, 4, "padding"),
    attention("causal", 1, 5, 5, 2, 4, "causal"),
    unary("gelu", F.gelu, {"approximate": "none"}),
    unary("gelu", lambda x: F.gelu(x, approximate="tanh"), {"approximate": "tanh"}),
    unary("tanh", torch.tanh),
    unary("sigmoid", torch.sigmoid),
    unary("erf", torch.erf),
    linear("gelu", F.gelu),
    linear("relu", F.relu),
]

path = pathlib.Path(__file__).with_name("operations.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
