"""PyTorch in `deno task bench:peers` and `bench:hardware`: reads requests from standard input and
writes answers to standard output, one line of JSON each, as
bench/peers/remote.ts describes them. Needs nothing but torch. Where a GPU is
asked for, it computes on CUDA if there is one.

Images are [N, H, W, C] and weights [H, W, in, out] in what is compared; here
they are transposed to PyTorch's order before anything is timed.
"""

import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

CHECKED_STEPS = 2
MOST_VALUES = 2048
VOCABULARY = 30_522

device = torch.device("cpu")


def open_device(options):
    """Chooses where everything is made and computed; float32 is float32 there."""
    global device
    torch.set_num_threads(options["threads"])
    if options["device"] == "cpu" or not torch.cuda.is_available():
        return {"threads": options["threads"]}
    device = torch.device("cuda")
    torch.set_default_device(device)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    return {"threads": 0, "adapter": torch.cuda.get_device_name()}


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def forget_peak():
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_bytes():
    """What is kept of the GPU's memory, or of the machine's, at the most."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def is_half(work):
    return work.get("precision") == "float16"


def uniform(seed, shape):
    """Numbers evenly from [-1, 1): a hash of their index, as in bench/_uniform.ts."""
    mask = 0xFFFFFFFF
    h = torch.arange(math.prod(shape), dtype=torch.int64)
    h = (h + seed * 0x9E3779B9) & mask
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & mask
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & mask
    h = h ^ (h >> 16)
    return ((h >> 8).float() / 2**23 - 1).reshape(shape)


def integers(seed, shape, low, high):
    """Whole numbers from low to below high."""
    unit = (uniform(seed, shape).double() + 1) / 2
    return low + (unit * (high - low)).floor().long()


def thin_out(tensor):
    values = tensor.detach().flatten().float()
    size = values.numel()
    count = min(MOST_VALUES, size)
    chosen = torch.arange(count, dtype=torch.int64) * size // max(count, 1)
    return values[chosen].tolist()


def images_of(tensor):
    """From [N, H, W, C]."""
    return tensor.permute(0, 3, 1, 2).contiguous()


def weights_of(tensor):
    """From [H, W, in, out]."""
    return tensor.permute(3, 2, 0, 1).contiguous()


class Operation:
    """A function of no arguments, and how to show its results."""

    def __init__(self, run, show=lambda results: results):
        self.run = run
        self.show = show

    def outputs(self):
        results = self.run()
        results = results if isinstance(results, (tuple, list)) else (results,)
        return [thin_out(result) for result in self.show(results)]


def matmul(work, _layout):
    m, n, k = work["m"], work["n"], work["k"]
    a = uniform(1, (k, m) if work["transposeA"] else (m, k))
    b = uniform(2, (n, k) if work["transposeB"] else (k, n))
    a = a.T if work["transposeA"] else a
    b = b.T if work["transposeB"] else b
    if is_half(work):
        a, b = a.half(), b.half()
    return Operation(lambda: torch.matmul(a, b))


def conv2d(work, layout):
    batch, size, kernel = work["batch"], work["size"], work["kernel"]
    outer, inner = work["outChannels"], work["channels"]
    out = work["outSize"]
    x = images_of(uniform(1, (batch, size, size, inner)))
    weight = weights_of(uniform(2, (kernel, kernel, inner, outer)))
    dy = images_of(uniform(3, (batch, out, out, outer)))
    x, weight, dy = (t.to(memory_format=layout) for t in (x, weight, dy))
    stride, padding = [work["stride"]] * 2, [work["padding"]] * 2
    if work["direction"] == "forward":
        return Operation(
            lambda: F.conv2d(x, weight, stride=stride, padding=padding),
            lambda results: [results[0].permute(0, 2, 3, 1)],
        )
    to_input = work["direction"] == "backward-input"

    def backward():
        return torch.ops.aten.convolution_backward(
            dy, x, weight, None, stride, padding, [1, 1], False, [0, 0], 1,
            [to_input, not to_input, False],
        )[0 if to_input else 1]  # fmt: skip

    order = (0, 2, 3, 1) if to_input else (2, 3, 1, 0)
    return Operation(backward, lambda results: [results[0].permute(*order)])


def with_gradients(forward, sources, dy):
    for source in sources:
        source.requires_grad_()

    def run():
        output = forward()
        return output.detach(), *torch.autograd.grad(output, sources, dy)

    return run


def operation(work, layout):
    kind, shape = work["kind"], work["shape"]
    x = uniform(1, shape)
    features = shape[-1]
    if kind == "cross-entropy":
        labels = integers(2, (shape[0],), 0, features)
        return Operation(with_gradients(lambda: F.cross_entropy(x, labels), [x], None))
    dy = uniform(3, shape)
    if kind == "softmax":
        return Operation(with_gradients(lambda: F.softmax(x, -1), [x], dy))
    if kind == "gelu":
        return Operation(with_gradients(lambda: F.gelu(x), [x], dy))
    scale, bias = uniform(4, (features,)), uniform(5, (features,))
    if kind == "layer-norm":
        forward = lambda: F.layer_norm(x, (features,), scale, bias, 1e-5)
        return Operation(with_gradients(forward, [x, scale, bias], dy))
    x, dy = (images_of(t).to(memory_format=layout) for t in (x, dy))
    mean, variance = torch.zeros(features), torch.ones(features)
    forward = lambda: F.batch_norm(x, mean, variance, scale, bias, True, 0.1, 1e-5)
    return Operation(
        with_gradients(forward, [x, scale, bias], dy),
        lambda results: [
            *(image.permute(0, 2, 3, 1) for image in results[:2]), *results[2:]
        ],
    )


def attention(work, _layout):
    shape = [work[key] for key in ("batch", "length", "heads", "depth")]
    query, key, value, dy = (
        uniform(seed, shape).transpose(1, 2).contiguous() for seed in (1, 2, 3, 4)
    )
    forward = lambda: F.scaled_dot_product_attention(query, key, value)
    return Operation(
        with_gradients(forward, [query, key, value], dy),
        lambda results: [result.transpose(1, 2) for result in results],
    )


def initial(variable, layout):
    """A variable in PyTorch's order."""
    shape = variable["shape"]
    if variable["scale"] == 0:
        return torch.full(shape, float(variable["offset"]))
    values = variable["offset"] + variable["scale"] * uniform(variable["seed"], shape)
    if variable["axes"] == "convolution":
        return weights_of(values).to(memory_format=layout)
    return values.T.contiguous() if variable["axes"] == "linear" else values


class ResNet:
    def __init__(self, model, get):
        self.model = model
        self.get = get

    def norm(self, x, name, training):
        names = ("running_mean", "running_var", "weight", "bias")
        values = (self.get[f"{name}.{part}"] for part in names)
        return F.batch_norm(x, *values, training, 0.1, 1e-5)

    def convolution(self, x, conv, norm, stride, training):
        weight = self.get[f"{conv}.weight"]
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return self.norm(y, norm, training)

    def __call__(self, x, training):
        model, get = self.model, self.get
        large = model["stem"] == "imagenet"
        x = self.convolution(x, "conv1", "bn1", 2 if large else 1, training)
        x = F.relu(x, inplace=True)
        if large:
            x = F.max_pool2d(x, 3, 2, 1)
        layers = 3 if model["block"] == "bottleneck" else 2
        for stage, depth in enumerate(model["depths"]):
            for i in range(depth):
                name = f"layer{stage + 1}.{i}"
                stride = 2 if stage > 0 and i == 0 else 1
                strided = 2 if layers == 3 else 1
                y = x
                for n in range(1, layers + 1):
                    step = stride if n == strided else 1
                    y = self.convolution(
                        y, f"{name}.conv{n}", f"{name}.bn{n}", step, training
                    )
                    if n < layers:
                        y = F.relu(y, inplace=True)
                down = f"{name}.downsample"
                if f"{down}.0.weight" in get:
                    x = self.convolution(x, f"{down}.0", f"{down}.1", stride, training)
                y += x
                x = F.relu(y, inplace=True)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return F.linear(x, get["fc.weight"], get["fc.bias"])


class Bert:
    def __init__(self, model, get, dropout):
        self.model = model
        self.get = get
        self.dropout = dropout

    def linear(self, x, name):
        return F.linear(x, self.get[f"{name}.weight"], self.get[f"{name}.bias"])

    def norm(self, x, name):
        weight = self.get[f"{name}.weight"]
        bias = self.get[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, 1e-12)

    def drop(self, x, training):
        return F.dropout(x, self.dropout, training)

    def __call__(self, ids, training):
        table = lambda name: self.get[f"bert.embeddings.{name}.weight"]
        x = F.embedding(ids, table("word_embeddings"))
        x = x + table("position_embeddings")[: ids.shape[1]]
        x = x + F.embedding(torch.zeros_like(ids), table("token_type_embeddings"))
        x = self.drop(self.norm(x, "bert.embeddings.LayerNorm"), training)
        batch, length, width = x.shape
        heads = self.model["heads"]
        for i in range(self.model["layers"]):
            name = f"bert.encoder.layer.{i}"
            split = lambda part: (
                self.linear(x, f"{name}.attention.self.{part}")
                .view(batch, length, heads, width // heads)
                .transpose(1, 2)
            )
            seen = F.scaled_dot_product_attention(
                split("query"),
                split("key"),
                split("value"),
                dropout_p=self.dropout if training else 0.0,
            )
            seen = seen.transpose(1, 2).reshape(batch, length, width)
            y = self.drop(self.linear(seen, f"{name}.attention.output.dense"), training)
            y = self.norm(y + x, f"{name}.attention.output.LayerNorm")
            wide = F.gelu(self.linear(y, f"{name}.intermediate.dense"))
            x = self.drop(self.linear(wide, f"{name}.output.dense"), training)
            x = self.norm(x + y, f"{name}.output.LayerNorm")
        return self.linear(x, "qa_outputs").unbind(-1)


class TrainStep:
    def __init__(self, work, variables, layout):
        model = work["model"]
        get = {v["name"]: initial(v, layout) for v in variables}
        self.parameters = []
        undecayed = []
        for variable in variables:
            name = variable["name"]
            if not variable["trainable"]:
                continue
            parameter = get[name].requires_grad_()
            self.parameters.append(parameter)
            if model["family"] == "bert" and name.endswith(("bias", "LayerNorm.weight")):
                undecayed.append(parameter)
        chosen = {id(p) for p in undecayed}
        decayed = [p for p in self.parameters if id(p) not in chosen]
        groups = [{"params": decayed, "weight_decay": work["weightDecay"]}]
        if undecayed:
            groups.append({"params": undecayed, "weight_decay": 0.0})
        rules = {
            "sgd": lambda: torch.optim.SGD(groups, lr=0.1, momentum=0.9, fused=True),
            "adam": lambda: torch.optim.Adam(groups, fused=True),
            "adamw": lambda: torch.optim.AdamW(groups, fused=True),
        }
        if work["optimizer"] not in rules:
            raise ValueError(f"PyTorch has no {work['optimizer']}")
        self.optimizer = rules[work["optimizer"]]()
        for group in self.optimizer.param_groups:
            group["lr"] = work["learningRate"]
        self.clip = work.get("clip")
        self.half = is_half(work)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half)
        batch, size = work["batch"], work["size"]
        if model["family"] == "resnet":
            network = ResNet(model, get)
            images = images_of(uniform(1, (batch, size, size, 3)))
            images = images.to(memory_format=layout)
            labels = integers(2, (batch,), 0, model["classes"])
            self.loss = lambda: F.cross_entropy(network(images, True), labels)
        else:
            network = Bert(model, get, work["dropout"])
            ids = integers(1, (batch, size), 1, VOCABULARY)
            places = [integers(seed, (batch,), 0, size) for seed in (2, 3)]

            def loss():
                parts = zip(network(ids, True), places)
                start, end = (F.cross_entropy(*pair) for pair in parts)
                return (start + end) / 2

            self.loss = loss

    def run(self):
        self.optimizer.zero_grad()
        with torch.autocast(device.type, dtype=torch.float16, enabled=self.half):
            loss = self.loss()
        self.scaler.scale(loss).backward()
        if self.clip is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss

    def outputs(self):
        return [[self.run().item()] for _ in range(CHECKED_STEPS)]


def inference(work, variables, layout):
    model, batch, size = work["model"], work["batch"], work["size"]
    get = {v["name"]: initial(v, layout) for v in variables}
    if model["family"] == "resnet":
        network = ResNet(model, get)
        inputs = images_of(uniform(1, (batch, size, size, 3)))
        inputs = inputs.to(memory_format=layout)
    else:
        network = Bert(model, get, 0.0)
        inputs = integers(1, (batch, size), 1, VOCABULARY)

    def run():
        with torch.inference_mode():
            return network(inputs, False)

    return Operation(run)


LAYOUTS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


def make(work, layout):
    kind = work["kind"]
    if kind == "train-step":
        return TrainStep(work, work["variables"], layout)
    if kind == "inference":
        return inference(work, work["variables"], layout)
    makers = {"matmul": matmul, "conv2d": conv2d, "attention": attention}
    return makers.get(kind, operation)(work, layout)


def seconds(prepared, calls):
    wait()
    begin = time.perf_counter()
    for _ in range(calls):
        prepared.run()
    wait()
    return (time.perf_counter() - begin) / calls


def prepare(work):
    """Of images both orders in memory are tried, and the faster one is kept, unless one is asked for."""
    if "layout" in work:
        return make(work, LAYOUTS[work["layout"]]), work["layout"]
    model = work.get("model", {"family": ""})
    if work["kind"] not in ("conv2d", "batch-norm") and model["family"] != "resnet":
        return make(work, torch.contiguous_format), None
    found = {}
    for name, layout in LAYOUTS.items():
        candidate = make(work, layout)
        seconds(candidate, 1)
        found[name] = min(seconds(candidate, 1) for _ in range(2))
        del candidate
    best = min(found, key=found.get)
    return make(work, LAYOUTS[best]), best


def main():
    prepared = None
    # Only answers may go to standard output.
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = None
            if request["op"] == "open":
                opened = open_device(request["options"])
                result = {"name": "PyTorch", "version": torch.__version__, **opened}
            elif request["op"] == "prepare":
                prepared = None
                prepared, layout = prepare(request["work"])
                forget_peak()
                result = {"variant": layout} if layout else {}
            elif request["op"] == "outputs":
                result = prepared.outputs()
            elif request["op"] == "time":
                result = 1000 * seconds(prepared, request["calls"])
            elif request["op"] == "peakBytes":
                result = peak_bytes()
            elif request["op"] == "dispose":
                prepared = None
            reply = {"result": result}
        except Exception as error:
            reply = {"error": str(error) or type(error).__name__}
        print(json.dumps(reply), file=out, flush=True)


main()
