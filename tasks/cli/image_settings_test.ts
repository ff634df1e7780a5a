import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { ImageDataset } from "../data/dataset.ts";
import { UsageError } from "../errors.ts";
import { compressorsOf, scheduleOf } from "../optimizers.ts";
import type { ImageRecipeName } from "../recipes.ts";
import { IMAGE_TRAINING_OPTIONS } from "./image_options.ts";
import {
  chooseImageRecipe,
  type ImageTrainingSettings,
  settleImageTraining,
} from "./image_settings.ts";
import { parseOptions } from "./options.ts";

/** What a data set of so many images is trained with. */
function settle(
  images: number,
  classes: number,
  ...args: string[]
): ImageTrainingSettings {
  const options = parseOptions(args, IMAGE_TRAINING_OPTIONS);
  const dataset = {
    files: { length: images },
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
  } as unknown as ImageDataset;
  return settleImageTraining(options, chooseImageRecipe(options), dataset);
}

const imagenet = (...args: string[]): ImageTrainingSettings =>
  settle(1_281_167, 1000, "--data=imagenet", ...args);
const cifar10 = (...args: string[]): ImageTrainingSettings =>
  settle(50_000, 10, ...args);

/** Settings that make a difference to what is learned. */
function shown(settings: ImageTrainingSettings) {
  const { optimizer, base, momentum, rho, weightDecay, learningRate } =
    settings;
  return {
    optimizer: base === undefined ? optimizer : `${optimizer} on ${base}`,
    momentum,
    rho,
    weightDecay,
    learningRate,
    drawn: compressorsOf(settings).map(({ name }) => name),
  };
}

Deno.test("recipes for ImageNet are those of the CrAM paper's code", () => {
  for (
    const name of ["sgd", "sam", "cram+-k70", "cram+-multi", "cram+-nm"]
  ) {
    const settings = imagenet(`--recipe=imagenet-${name}`);
    const { model, imageSize, transform, augment, shuffle, seed } = settings;
    assertEquals(
      { model, imageSize, transform, augment, shuffle, seed },
      {
        model: "resnet50",
        imageSize: 224,
        transform: "imagenet",
        augment: true,
        shuffle: true,
        seed: 10n,
      },
    );
    assertEquals([settings.batchSize, settings.accumulate], [512, 1]);
    // 100 epochs, the last partial batch of each kept.
    assertEquals([settings.steps, settings.interval], [250_300, 2503]);
    const rate = scheduleOf(settings);
    const published: [number, number][] = [
      [0, 0.04],
      [1, 0.08],
      [2, 0.12],
      [3, 0.16],
      [4, 0.2],
      [5, 0.2],
      [6, 0.199945],
      [50, 0.108258],
      [98, 2.186e-4],
      [99, 5.467e-5],
    ];
    for (const [epoch, expected] of published) {
      for (const step of [0, 1, 2502]) {
        assertAlmostEquals(rate(2503 * epoch + step), expected, expected / 3e3);
      }
    }
  }
  const common = { momentum: 0.9, weightDecay: 1e-4, learningRate: 0.2 };
  const cram = { ...common, optimizer: "cram+ on sgd", rho: 0.05 };
  const expected: [ImageRecipeName, ReturnType<typeof shown>][] = [
    ["imagenet-sgd", {
      ...common,
      optimizer: "sgd",
      rho: undefined,
      drawn: [],
    }],
    ["imagenet-sam", { ...cram, optimizer: "sam on sgd", drawn: [] }],
    ["imagenet-cram+-k70", { ...cram, drawn: ["top-k 70 %"] }],
    ["imagenet-cram+-multi", {
      ...cram,
      drawn: ["top-k 50 %", "top-k 70 %", "top-k 90 %"],
    }],
    ["imagenet-cram+-nm", { ...cram, drawn: ["2:4", "4:8"] }],
  ];
  for (const [name, settings] of expected) {
    assertEquals(shown(imagenet(`--recipe=${name}`)), settings);
  }
});

Deno.test("recipes for CIFAR-10 are those of the CrAM paper's code", () => {
  for (
    const name of ["sgd", "sam", "cram+-multi", "cram+-high-sparsity"]
  ) {
    const settings = cifar10(`--recipe=cifar10-${name}`);
    const { data, model, imageSize, transform, seed, batchSize } = settings;
    assertEquals({ data, model, imageSize, transform, seed, batchSize }, {
      data: "cifar10",
      model: "resnet20",
      imageSize: 32,
      transform: "cifar",
      seed: 10n,
      batchSize: 128,
    });
    assertEquals([settings.steps, settings.interval], [200 * 391, 391]);
    const rate = scheduleOf(settings);
    const rates = [0, 4, 5, 199].map((epoch) => rate(391 * epoch + 390));
    const last = 0.05 * (1 + Math.cos(Math.PI * 194 / 195));
    for (const [i, expected] of [0.02, 0.1, 0.1, last].entries()) {
      assertAlmostEquals(rates[i], expected, 1e-12);
    }
  }
  const common = { momentum: 0.9, weightDecay: 5e-4, learningRate: 0.1 };
  const cram = { ...common, optimizer: "cram+ on sgd" };
  const topK = (...parts: number[]): string[] =>
    parts.map((part) => `top-k ${part} %`);
  const expected: [ImageRecipeName, ReturnType<typeof shown>][] = [
    ["cifar10-sgd", { ...common, optimizer: "sgd", rho: undefined, drawn: [] }],
    ["cifar10-sam", {
      ...common,
      optimizer: "sam on sgd",
      rho: 0.05,
      drawn: [],
    }],
    ["cifar10-cram+-multi", {
      ...cram,
      rho: 0.2,
      drawn: topK(30, 40, 50, 60, 70, 80, 90),
    }],
    ["cifar10-cram+-high-sparsity", {
      ...cram,
      rho: 0.15,
      drawn: topK(50, 70, 80, 90, 95),
    }],
  ];
  for (const [name, settings] of expected) {
    assertEquals(shown(cifar10(`--recipe=${name}`)), settings);
  }
});

Deno.test("options change what a recipe says, and nothing else", () => {
  const recipe = "--recipe=imagenet-cram+-nm";
  const before = imagenet(recipe);
  const change = (...args: string[]): Partial<ImageTrainingSettings> => {
    const after = imagenet(recipe, ...args);
    return Object.fromEntries(
      Object.entries(after).filter(([name, value]) =>
        value !== before[name as keyof ImageTrainingSettings] &&
        JSON.stringify(value, big) !==
          JSON.stringify(before[name as keyof ImageTrainingSettings], big)
      ),
    );
  };
  assertEquals(change("--seed=3", "--rho=0.1", "--lr=1"), {
    seed: 3n,
    rho: 0.1,
    learningRate: 1,
  });
  assertEquals(change("--momentum=0", "--weight-decay=0"), {
    momentum: 0,
    weightDecay: 0,
  });
  assertEquals(change("--sparsities=0.5"), { sparsities: [0.5], patterns: [] });
  assertEquals(change("--schedule=linear", "--schedule-interval=step"), {
    schedule: "linear",
    interval: 1,
  });
  assertEquals(change("--no-augment", "--no-shuffle", "--classes=1001"), {
    augment: false,
    shuffle: false,
    classes: 1001,
  });
  assertEquals(change("--model=resnet18", "--image-size=64"), {
    model: "resnet18",
    imageSize: 64,
  });
  assertEquals(change("--warmup-epochs=0.5"), { warmupSteps: 1252 });
  assertEquals(change("--epochs=10"), { steps: 25_030, warmupSteps: 1252 });
  // The learning rate grows with the batch.
  assertEquals(change("--batch-size=256"), {
    batchSize: 256,
    learningRate: 0.1,
    steps: 500_500,
    interval: 5005,
    warmupSteps: 25_025,
    checkpointEvery: 5005,
  });
});

function big(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

Deno.test("what is trained without a recipe depends on the data", () => {
  const summary = (
    { data, model, optimizer, batchSize, learningRate, interval, imageSize }:
      ImageTrainingSettings,
  ): unknown[] => [
    data,
    model,
    optimizer,
    batchSize,
    learningRate,
    interval,
    imageSize,
  ];
  const [data, model, optimizer] = summary(settle(1500, 9));
  assertEquals([data, model, optimizer], ["emoji", "resnet20", "cram+"]);
  const cifar = ["resnet20", "sgd", 128, 0.1, 1, 32];
  assertEquals(summary(cifar10("--data=cifar10")), ["cifar10", ...cifar]);
  assertEquals(summary(imagenet("--model=resnet20")), ["imagenet", ...cifar]);
  assertEquals(summary(imagenet()), [
    ...["imagenet", "resnet50", "sgd", 32, 0.0125, 1, 224],
  ]);
  assertEquals(summary(imagenet("--model=resnet18")).slice(1, 4), [
    ...["resnet18", "sgd", 32],
  ]);
});

Deno.test("a training that is shorter than the recipe's warms up for as great a part of it", () => {
  const warmup = (...args: string[]): number =>
    cifar10("--data=cifar10", ...args).warmupSteps;
  assertEquals(warmup(), 5 * 391);
  assertEquals(warmup("--epochs=400"), 5 * 391);
  assertEquals(warmup("--epochs=40"), 391);
  assertEquals(warmup("--steps=400"), 10);
  assertEquals(warmup("--steps=400", "--warmup-epochs=5"), 400);
});

Deno.test("Adam has a learning rate and weight decay of its own", () => {
  const settings = shown(cifar10("--data=cifar10", "--optimizer=adamw"));
  assertEquals(settings, {
    optimizer: "adamw",
    momentum: undefined,
    rho: undefined,
    weightDecay: 0.01,
    learningRate: 0.001,
    drawn: [],
  });
});

Deno.test("recipes whose data nobody can download need a folder", () => {
  assertThrows(
    () => settle(1, 1, "--recipe=imagenet-sgd"),
    UsageError,
    "Cannot use --recipe imagenet-sgd without --data DIR, where its images are",
  );
});
