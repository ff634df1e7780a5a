import { type Device, openDevice, tensor } from "@cram/tensor";
import { assertEquals, assertRejects } from "@std/assert";
import {
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import type { TrainingState } from "./checkpoint.ts";
import { CheckpointError, OutputError } from "./errors.ts";
import { RunDirectory } from "./run_directory.ts";
import {
  inTemporaryFolder,
  withoutPermissions as ignore,
} from "./testdata/temporary_folder.ts";

const CONFIG = {
  data: "images",
  learningRate: 0.1,
  sparsities: [0.5, 0.9],
  momentum: undefined,
};

function stateOf(device: Device, step: number): TrainingState {
  return {
    step,
    model: new Map([["weight", tensor(device, [step])]]),
    optimizer: { optimizer: "sgd()", scalars: {}, tensors: new Map() },
    meter: { losses: [], hits: 0, examples: 0, sparsities: [] },
  };
}

Deno.test(
  "RunDirectory.create() leaves another run alone",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, "a", "run");
      const directory = await RunDirectory.create(path, CONFIG);
      await directory.log({ step: 1 });
      directory[Symbol.dispose]();
      await assertRejects(
        () => RunDirectory.create(path, { ...CONFIG, learningRate: 1 }),
        OutputError,
        `Cannot write to "${path}": there is a run already; --resume goes on with it`,
      );
      assertEquals((await readdir(path)).sort(), [
        ".lock",
        "config.json",
        "events.out.tfevents",
        "metrics.jsonl",
      ]);
      assertEquals(
        await readFile(join(path, "metrics.jsonl"), "utf8"),
        '{"step":1}\n',
      );
    }),
);

Deno.test("RunDirectory.reopen() names the setting that differs", {
  ignore,
}, () =>
  inTemporaryFolder(async (path) => {
    const reopen = async (config: Readonly<Record<string, unknown>>) => {
      using _directory = await RunDirectory.reopen(path, config);
    };
    await assertRejects(
      () => reopen(CONFIG),
      CheckpointError,
      `Cannot go on with "${path}": there is no run`,
    );
    {
      using _directory = await RunDirectory.create(path, CONFIG);
    }
    await reopen({ ...CONFIG, data: "elsewhere", workers: 9 });
    const cases: [Record<string, unknown>, string][] = [
      [{ learningRate: 0.2 }, "learningRate was 0.1 and is now 0.2"],
      [{ sparsities: [0.5] }, "sparsities was [0.5,0.9] and is now [0.5]"],
      [{ momentum: 0.9 }, "momentum was nothing and is now 0.9"],
      [{ learningRate: undefined }, "learningRate was 0.1 and is now nothing"],
    ];
    for (const [change, message] of cases) {
      await assertRejects(
        () => reopen({ ...CONFIG, ...change }),
        CheckpointError,
        message,
      );
    }
  }));

Deno.test(
  "RunDirectory.loadCheckpoint() takes back what came after the checkpoint",
  {
    ignore,
  },
  () =>
    inTemporaryFolder(async (path) => {
      await using device = await openDevice("reference");
      using _scope = device.scope();
      const metrics = (): Promise<string> =>
        readFile(join(path, "metrics.jsonl"), "utf8");
      const eventBytes = async (): Promise<number> =>
        (await stat(join(path, "events.out.tfevents"))).size;
      const first = await RunDirectory.create(path, CONFIG);
      const header = await eventBytes();
      await first.log({ step: 1 });
      first[Symbol.dispose]();

      const second = await RunDirectory.reopen(path, CONFIG);
      assertEquals(await second.loadCheckpoint(device), undefined);
      assertEquals(await metrics(), "");
      assertEquals(await eventBytes(), header);
      await second.log({ step: 1 });
      const oneEvent = await eventBytes();
      await second.saveCheckpoint(stateOf(device, 1));
      await second.log({ step: 2 });
      const leftover = `checkpoint.safetensors.${crypto.randomUUID()}.tmp`;
      await writeFile(join(path, leftover), "half");
      await writeFile(join(path, "results.json.tmp"), "{");
      second[Symbol.dispose]();

      const third = await RunDirectory.reopen(path, CONFIG);
      assertEquals((await third.loadCheckpoint(device))?.step, 1);
      assertEquals(await metrics(), '{"step":1}\n');
      assertEquals(await eventBytes(), oneEvent);
      assertEquals((await readdir(path)).sort(), [
        ".lock",
        "checkpoint.safetensors",
        "config.json",
        "events.out.tfevents",
        "metrics.jsonl",
      ]);
      await third.log({ step: 3 });
      await third.saveCheckpoint(stateOf(device, 3));
      third[Symbol.dispose]();

      using fourth = await RunDirectory.reopen(path, CONFIG);
      const state = await fourth.loadCheckpoint(device);
      assertEquals(
        await state?.model.get("weight")?.data(),
        Float32Array.of(3),
      );
      assertEquals(await metrics(), '{"step":1}\n{"step":3}\n');
    }),
);

Deno.test("RunDirectory leaves a folder alone that another one has", {
  ignore,
}, () =>
  inTemporaryFolder(async (path) => {
    const isTaken = `Cannot write to "${path}": another process is training`;
    {
      using _directory = await RunDirectory.create(path, CONFIG);
      for (const method of ["create", "reopen"] as const) {
        await assertRejects(
          () => RunDirectory[method](path, CONFIG),
          OutputError,
          isTaken,
        );
      }
    }
    // Nor does a refused attempt keep it.
    await assertRejects(() => RunDirectory.create(path, CONFIG), OutputError);
    using _directory = await RunDirectory.reopen(path, CONFIG);
  }));

Deno.test(
  "RunDirectory names what cannot be written",
  { ignore },
  () =>
    inTemporaryFolder(async (folder) => {
      await writeFile(join(folder, "file"), "");
      const path = join(folder, "file", "run");
      await assertRejects(
        () => RunDirectory.create(path, CONFIG),
        OutputError,
        `Cannot write to "${path}": `,
      );

      const run = join(folder, "run");
      using directory = await RunDirectory.create(run, CONFIG);
      await rm(join(run, "metrics.jsonl"));
      await mkdir(join(run, "metrics.jsonl"));
      await assertRejects(
        () => directory.log({ step: 1 }),
        OutputError,
        `Cannot write to "${run}": EISDIR`,
      );

      await writeFile(join(run, "config.json"), "{");
      directory[Symbol.dispose]();
      await assertRejects(
        () => RunDirectory.reopen(run, CONFIG),
        CheckpointError,
        `Cannot go on with "${run}": config.json cannot be read: `,
      );
    }),
);
