/**
 * The page: what its elements do.
 *
 * @module
 */

import type { ImageSet } from "../image_set.ts";
import { parseImageSet } from "../image_set.ts";
import type { ContenderName, Settings } from "../training/settings.ts";
import type { TrainingEvent } from "../training/trainer.ts";
import { CONTENDERS } from "./contenders.ts";
import { Curves } from "./curves.ts";
import { DrawingBox } from "./drawing_box.ts";
import { byId, make, percent } from "./elements.ts";
import { latest } from "./latest.ts";
import { drawWeights } from "./mask_picture.ts";
import { canvasOf, imageOf, pixelsOf } from "./pictures.ts";
import { makeDownloads, showAccuracies, showAnswers } from "./results.ts";
import { openSession, type Session } from "./session.ts";

/** Where networks are measured when the training is over. */
const SWEEP = [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98];

/** How many pictures are shown as examples. */
const SAMPLES = 36;

/** The layer that is shown first; all networks have it. */
const SHOWN_LAYER = "layer2.0.conv2.weight";

type Progress = Pick<
  Extract<TrainingEvent, { type: "progress" }>,
  "passes" | "seconds"
>;

const start = byId<HTMLButtonElement>("start");
const pause = byId<HTMLButtonElement>("pause");
const reset = byId<HTMLButtonElement>("reset");
const progress = byId<HTMLProgressElement>("progress");
const slider = byId<HTMLInputElement>("sparsity");
const layer = byId<HTMLSelectElement>("layer");
const curves = new Curves();
const box = new DrawingBox(
  byId<HTMLCanvasElement>("drawing"),
  () => byId<HTMLInputElement>("pen").value,
  () => void ask(),
);

let set: ImageSet;
let session: Session | undefined;
/** The class of the picture in the box, if it is known. */
let truth: number | undefined;
/** The first that was heard of how far the training is. */
let firstProgress: Progress | undefined;
/** Counts trainings, so that what belongs to an earlier one is not shown. */
let generation = 0;

function sparsity(): number {
  return slider.valueAsNumber / 100;
}

function say(state: string, numbers = ""): void {
  byId("state").textContent = state;
  byId("numbers").textContent = numbers;
}

function showError(error: unknown): void {
  const box = byId("error");
  box.textContent = error instanceof Error ? error.message : `${error}`;
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

/** Makes a handler whose errors are shown, unless they belong to an earlier training. */
function guarded<A extends unknown[]>(
  work: (...args: A) => Promise<void> | void,
): (...args: A) => Promise<void> {
  return async (...args) => {
    const own = generation;
    try {
      await work(...args);
    } catch (error) {
      if (own === generation) showError(error);
    }
  };
}

/** Which parts of the page can be used. */
function enable(state: "empty" | "opening" | "training" | "paused" | "over") {
  const isOpen = state !== "empty" && state !== "opening";
  byId<HTMLFieldSetElement>("choices").disabled = state !== "empty";
  for (const id of ["pruning", "masks", "asking"]) {
    byId<HTMLFieldSetElement>(id).disabled = !isOpen;
  }
  start.disabled = state !== "empty" && state !== "paused";
  start.textContent = state === "paused" ? "Go on" : "Start";
  pause.disabled = state !== "training";
  reset.disabled = state === "empty";
}

// 1. Train

async function load(): Promise<void> {
  const response = await fetch(new URL("images.safetensors", import.meta.url));
  if (!response.ok) {
    throw new Error(`Cannot load the pictures: ${response.status}`);
  }
  set = await parseImageSet(new Uint8Array(await response.arrayBuffer()));
  const { classes, train, validation } = set;
  byId("data-description").textContent = `${
    train.labels.length.toLocaleString("en")
  } pictures of emoji to train on, ${
    validation.labels.length.toLocaleString("en")
  } others to measure with, in ${classes.length} classes: ${
    classes.join(", ")
  }`;
  byId("samples").replaceChildren(
    ...samplesOf(set).map((i) => canvasOf(imageOf(set, "train", i), set.size)),
  );
  pick();
  enable("empty");
}

/** Some training pictures: one of each class in turn. */
function samplesOf({ classes, train }: ImageSet): number[] {
  const ofClasses = classes.map((_, label) =>
    [...train.labels.keys()].filter((i) => train.labels[i] === label)
  );
  const turns = Math.ceil(SAMPLES / classes.length);
  return Array.from(
    { length: turns },
    (_, turn) =>
      ofClasses.flatMap((own) =>
        own[Math.floor((turn + 0.5) / turns * own.length)] ?? []
      ),
  ).flat();
}

async function begin(): Promise<void> {
  byId("error").hidden = true;
  if (session === undefined) {
    const own = ++generation;
    const chosen = settings(); // disabled fields have no values
    enable("opening");
    say("Opening the device …");
    try {
      const opened = await openSession(
        set,
        chosen,
        sparsity(),
        (event) => own === generation && onEvent(event),
      );
      if (own !== generation) return opened[Symbol.dispose]();
      session = opened;
    } catch (error) {
      if (own !== generation) return;
      clear();
      return showError(error);
    }
    const { layers, passes } = session.description;
    layer.replaceChildren(
      ...layers.map(({ name, shape }) =>
        make("option", { value: name }, `${name}: ${shape.join(" × ")}`)
      ),
    );
    layer.value = SHOWN_LAYER;
    curves.clear(passes);
    progress.max = passes;
  }
  enable("training");
  say(`Training on ${deviceName()}`);
  await session.wait(session.trainer.start());
}

function deviceName(): string {
  const { device } = session!.description;
  return device.endsWith(" 1 thread") && !globalThis.crossOriginIsolated
    ? `${device}: pages that are isolated from others get more`
    : device;
}

function settings(): Settings {
  const data = new FormData(byId<HTMLFormElement>("settings"));
  return {
    device: data.get("device") as Settings["device"],
    network: data.get("network") as Settings["network"],
    imageSize: Number(data.get("imageSize")),
    epochs: Number(data.get("epochs")),
  };
}

function onEvent(event: TrainingEvent): void {
  switch (event.type) {
    case "progress":
      progress.value = event.passes;
      byId("numbers").textContent = `· ${
        event.passes.toLocaleString("en")
      } of ${progress.max.toLocaleString("en")} gradients each${rateOf(event)}`;
      break;
    case "report":
      curves.addReport(event);
      break;
    case "measured":
      curves.addMeasured(event);
      curves.addSparsity(event.sparsity, event.results);
      curves.markSparsity(sparsity());
      showAccuracies(event.results);
      void drawMasks();
      void ask();
      break;
    case "finished":
      enable("over");
      say(`Trained on ${deviceName()}`);
      void sweep();
      break;
    case "failed":
      enable("over");
      say("The training ended early");
      showError(event.message);
      break;
    default:
      event satisfies never;
  }
}

/** How fast it goes, in words. The first round does not count: GPUs compile their kernels in it. */
function rateOf(now: Progress): string {
  if (firstProgress === undefined) {
    firstProgress = now;
    return "";
  }
  const rate = (now.passes - firstProgress.passes) /
    (now.seconds - firstProgress.seconds);
  const left = (progress.max - now.passes) / rate;
  return `, ${rate.toFixed(rate < 10 ? 1 : 0)} in a second${
    left >= 1 ? `, about ${duration(left)} left` : ""
  }`;
}

function duration(seconds: number): string {
  return seconds < 90
    ? `${Math.ceil(seconds)} s`
    : `${Math.round(seconds / 60)} min`;
}

const halt = guarded(async () => {
  await session?.wait(session.trainer.pause());
  enable("paused");
  byId("state").textContent = "Paused";
});

/** Ends the training and forgets it. */
function clear(): void {
  generation++;
  session?.[Symbol.dispose]();
  session = undefined;
  firstProgress = undefined;
  curves.clear();
  progress.value = 0;
  showAccuracies();
  byId("mask-pictures").replaceChildren();
  byId("answers").replaceChildren();
  layer.replaceChildren();
  say("Not started");
  enable("empty");
}

// 3. Prune

const prune = latest(guarded(async () => {
  if (session === undefined) return;
  const asked = sparsity();
  const table = byId("accuracies");
  table.classList.add("busy");
  try {
    await session.wait(session.trainer.watch(asked));
    const results = await session.wait(session.trainer.measure(asked));
    curves.addSparsity(asked, results);
    curves.markSparsity(sparsity());
    showAccuracies(results);
  } finally {
    table.classList.remove("busy");
  }
  await Promise.all([drawMasks(), ask()]);
}));

/** Measures at all sparsities that the chart has, and last at the chosen one. */
const sweep = guarded(async () => {
  for (const each of SWEEP) {
    if (session === undefined) return;
    curves.addSparsity(each, await session.wait(session.trainer.measure(each)));
    curves.markSparsity(sparsity());
  }
  await prune();
});

const download = guarded(async (name: ContenderName, isPruned: boolean) => {
  if (session === undefined) return;
  const asked = isPruned ? sparsity() : undefined;
  const bytes = await session.wait(session.trainer.encode(name, asked));
  const { title } = CONTENDERS.find((one) => one.name === name)!;
  const suffix = asked === undefined
    ? "dense"
    : `pruned-${Math.round(100 * asked)}`;
  const url = URL.createObjectURL(new Blob([bytes]));
  make("a", {
    href: url,
    download: `${
      title.replace("⁺", "-plus").toLowerCase()
    }-${suffix}.safetensors`,
  }).click();
  URL.revokeObjectURL(url);
});

// 4. What is left

const drawMasks = latest(guarded(async () => {
  if (session === undefined) return;
  const name = layer.value;
  const { shape } = session.description.layers.find((one) =>
    one.name === name
  )!;
  const asked = sparsity();
  const weights = await session.wait(session.trainer.weight(name, asked));
  byId("mask-pictures").replaceChildren(
    ...CONTENDERS.map(({ name, title, style }) => {
      const values = weights[name];
      const canvas = make("canvas");
      canvas.setAttribute("role", "img");
      const caption = make("figcaption");
      const figure = make("figure", {}, caption, canvas);
      const kept = drawWeights(canvas, values, shape);
      const part = percent(kept / values.length);
      canvas.setAttribute(
        "aria-label",
        `Weights of ${title}: ${part} are left`,
      );
      caption.append(
        make("b", { className: style }, title),
        ` keeps ${kept.toLocaleString("en")} of ${
          values.length.toLocaleString("en")
        } weights, ${part}`,
      );
      return figure;
    }),
  );
}));

// 5. Ask them

const ask = latest(guarded(async () => {
  if (session === undefined) return;
  const asked = sparsity();
  const answers = await session.wait(
    session.trainer.classify(pixelsOf(box.canvas, set.size), asked),
  );
  showAnswers(set.classes, answers, asked, truth);
}));

/** Shows one of the pictures that the networks are measured with. */
function pick(): void {
  const { labels } = set.validation;
  const index = Math.floor(Math.random() * labels.length);
  truth = labels[index];
  byId("truth").textContent = `One of “${
    set.classes[truth]
  }”, which they were not trained on`;
  box.show(canvasOf(imageOf(set, "validation", index), set.size));
}

function forgetTruth(text: string): void {
  truth = undefined;
  byId("truth").textContent = text;
}

const open = guarded(async (file: File) => {
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(
      `Cannot open "${file.name}": it is no picture that this browser can read`,
    );
  });
  forgetTruth(file.name);
  box.show(picture);
});

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  void guarded(begin)();
});
pause.addEventListener("click", () => void halt());
reset.addEventListener("click", clear);
slider.addEventListener("input", () => {
  byId("sparsity-value").textContent = percent(sparsity(), 0);
  curves.markSparsity(sparsity());
});
slider.addEventListener("change", () => void prune());
layer.addEventListener("change", () => void drawMasks());
matchMedia("(prefers-color-scheme: dark)")
  .addEventListener("change", () => void drawMasks());
byId("pick").addEventListener("click", pick);
byId("clear").addEventListener("click", () => {
  forgetTruth("");
  box.show();
});
box.canvas.addEventListener("pointerdown", () => forgetTruth("Your drawing"));
byId<HTMLInputElement>("upload").addEventListener("change", (event) => {
  const input = event.target as HTMLInputElement;
  if (input.files?.[0]) void open(input.files[0]);
  input.value = "";
});
makeDownloads((name, isPruned) => void download(name, isPruned));
showAccuracies();
void guarded(load)();
