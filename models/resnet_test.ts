import {
  ArgumentError,
  type Device,
  openDevice,
  randomNormal,
} from "@cram/tensor";
import {
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { EVALUATION, TRAINING } from "./forward_context.ts";
import { ResNet, resnet18, resnet20, resnet50 } from "./resnet.ts";

const TINY = {
  stem: "imagenet",
  block: "bottleneck",
  widths: [2, 3],
  depths: [1, 2],
} as const;

function count(model: ResNet): { parameters: number; matrices: number } {
  const values = [...model.parameters().values()];
  const sizeOf = (list: typeof values): number =>
    list.reduce((sum, { size }) => sum + size, 0);
  return {
    parameters: sizeOf(values),
    matrices: sizeOf(values.filter(({ rank }) => rank > 1)),
  };
}

async function withDevice(body: (device: Device) => unknown): Promise<void> {
  await using device = await openDevice("reference");
  await body(device);
  assertEquals(device.memory.liveBytes, 0);
}

Deno.test("resnet20() has the published number of parameters", () =>
  withDevice((device) => {
    using model = resnet20(device, { seed: 1n });
    assertEquals(count(model), { parameters: 272_474, matrices: 270_896 });
    const names = [...model.parameters().keys()];
    assertEquals(names.length, 65);
    assertEquals(names[0], "conv1.weight");
    assertEquals(names.slice(-2), ["fc.weight", "fc.bias"]);
  }));

Deno.test("resnet50() has the published number of parameters", () =>
  withDevice((device) => {
    using model = resnet50(device, { seed: 1n });
    assertEquals(count(model), {
      parameters: 25_557_032,
      matrices: 25_502_912,
    });
    assertEquals(model.parameters().size, 161);
    assertEquals(model.buffers().size, 106);
  }));

Deno.test("resnet18() has the published number of parameters", () =>
  withDevice((device) => {
    using model = resnet18(device, { seed: 1n });
    assertEquals(count(model).parameters, 11_689_512);
  }));

Deno.test("ResNet names its variables as torchvision does, in its order", () =>
  withDevice((device) => {
    using model = new ResNet(device, TINY, { classes: 4, seed: 1n });
    const bn = (name: string): string[] =>
      ["weight", "bias", "running_mean", "running_var"]
        .map((part) => `${name}.${part}`);
    const block = (name: string, hasShortcut: boolean): string[] => [
      ...[1, 2, 3].flatMap((i) => [
        `${name}.conv${i}.weight`,
        ...bn(`${name}.bn${i}`),
      ]),
      ...hasShortcut
        ? [`${name}.downsample.0.weight`, ...bn(`${name}.downsample.1`)]
        : [],
    ];
    assertEquals([...model.variables().keys()], [
      "conv1.weight",
      ...bn("bn1"),
      ...block("layer1.0", true),
      ...block("layer2.0", true),
      ...block("layer2.1", false),
      "fc.weight",
      "fc.bias",
    ]);
  }));

Deno.test("ResNet begins with the weights that PyTorch begins with", () =>
  withDevice(async (device) => {
    using model = new ResNet(device, {
      stem: "cifar",
      block: "basic",
      widths: [32],
      depths: [1],
    }, { classes: 50, seed: 1n });
    const state = model.stateDict();
    const weights = await state.get("layer1.0.conv1.weight")!.data();
    const deviation = Math.sqrt(
      [...weights].reduce((sum, w) => sum + w * w, 0) /
        weights.length,
    );
    assertAlmostEquals(deviation, Math.sqrt(2 / (9 * 32)), 0.002);
    for (const name of ["fc.weight", "fc.bias"]) {
      const uniform = [...await state.get(name)!.data()].map(Math.abs);
      const bound = 1 / Math.sqrt(32);
      assertEquals(uniform.every((w) => w <= bound), true);
      assertAlmostEquals(Math.max(...uniform), bound, 0.05 * bound);
    }
    for (
      const [name, value] of [
        ["weight", 1],
        ["bias", 0],
        ["running_mean", 0],
        ["running_var", 1],
      ] as const
    ) {
      const data = await state.get(`bn1.${name}`)!.data();
      assertEquals(data, new Float32Array(32).fill(value));
    }
  }));

Deno.test("ResNet depends on its seed and on nothing else", () =>
  withDevice(async (device) => {
    const weights = async (seed: bigint): Promise<unknown> => {
      using model = new ResNet(device, TINY, { classes: 4, seed });
      return await Promise.all(
        Array.from(model.stateDict().values(), (tensor) => tensor.data()),
      );
    };
    const first = await weights(1n);
    assertEquals(await weights(1n), first);
    assertNotEquals(await weights(2n), first);
  }));

Deno.test("ResNet moves running statistics only when it is told to", () =>
  withDevice(async (device) => {
    using model = new ResNet(device, TINY, { classes: 4, seed: 1n });
    using _scope = device.scope();
    const x = randomNormal(device, [2, 20, 20, 3], { seed: 2n });
    const statistics = () =>
      Promise.all(
        Array.from(model.buffers().values(), (buffer) => buffer.data()),
      );
    const before = await statistics();
    assertEquals(model.forward(x, EVALUATION).shape, [2, 4]);
    model.forward(x, { training: true, updateStatistics: false });
    assertEquals(await statistics(), before);
    model.forward(x, TRAINING);
    const after = await statistics();
    for (const [i, data] of after.entries()) {
      assertNotEquals(data, before[i]);
    }
  }));

Deno.test("ResNet refuses sizes that are none", () =>
  withDevice((device) => {
    const build = (classes: number, widths: number[], depths: number[]) => () =>
      new ResNet(device, { ...TINY, widths, depths }, { classes, seed: 1n });
    assertThrows(build(0, [1], [1]), ArgumentError, "of 0 classes");
    assertThrows(build(1, [1.5], [1]), ArgumentError, "widths [1.5]");
    assertThrows(build(1, [1], [0]), ArgumentError, "depths [0]");
    assertThrows(build(1, [1, 2], [1]), ArgumentError, "2 widths and 1 depths");
    assertThrows(build(1, [], []), ArgumentError, "0 widths");
  }));
