/**
 * `deno task report`: one HTML page about runs and evaluations.
 *
 * @module
 */

import { openDevice } from "@cram/tensor";
import { parseArgs } from "@std/cli";
import { exists } from "@std/fs";
import tasks from "../deno.json" with { type: "json" };
import { UsageError } from "../errors.ts";
import { writeText } from "../output_file.ts";
import {
  type LayerSparsities,
  layerSparsities,
} from "../report/layer_sparsity.ts";
import { type Report, reportPage, seriesNames } from "../report/page.ts";
import { readRecorded, type Recorded } from "../report/recorded.ts";
import { runProgram } from "./program.ts";

const HELP = `Makes one HTML page about runs and evaluations, side by side.

Usage: deno task report RUN [RUN...] [--out FILE]

RUN is a folder that train-imagenet, train-squad, prune-imagenet or grid-search
wrote to by --out, finished or not, or one of evaluate-imagenet or
evaluate-squad. The page shows curves of the training, accuracy against
sparsity, how sparse each layer becomes, times and settings. It needs no other
file and no network.

Options:
  --out FILE            where the page is written; default report.html
  --help                show this

Examples:
  deno task report runs/a
  deno task report runs/sgd runs/cram+ runs/compared --out compared.html
`;

/** Where the page is written if nothing is said. */
const OUT = "report.html";

/** What the command line asks for. */
interface Asked {
  readonly help: boolean;
  readonly folders: readonly string[];
  readonly out: string;
}

function parse(args: readonly string[]): Asked {
  const { help, out = OUT, _: folders } = parseArgs(args, {
    boolean: ["help"],
    string: ["out", "_"],
    unknown: (argument) => {
      if (!argument.startsWith("-")) return true;
      throw new UsageError(
        `Cannot use "${argument}": there is no such option; --help lists them`,
      );
    },
  });
  if (out === "") {
    throw new UsageError('Cannot use --out "": expected a value');
  }
  if (!help && folders.length === 0) {
    throw new UsageError(
      "Cannot report without a run: say RUN, its folder; --help explains",
    );
  }
  return { help, out, folders: folders.map(String) };
}

async function report(
  { folders, out }: Asked,
  signal: AbortSignal,
): Promise<void> {
  const recorded = await readRecorded(folders);
  seriesNames(recorded);
  const { layers, omissions } = await pruneLayers(recorded, signal);
  if (signal.aborted) return;
  const page = await reportPage({
    recorded,
    layers,
    omissions,
    madeBy: {
      [tasks.name]: tasks.version,
      Deno: Deno.version.deno,
      V8: Deno.version.v8,
      platform: `${Deno.build.os} ${Deno.build.arch}`,
    },
    date: new Date(),
  });
  await writeText(out, page);
  console.log(`Wrote ${out}`);
}

/** Prunes each model by Top-K at all sparsities of the evaluations. */
async function pruneLayers(
  { runs, evaluations }: Recorded,
  signal: AbortSignal,
): Promise<Pick<Report, "layers" | "omissions">> {
  const models = new Map<string, Model>();
  for (const { name, weights, config: { prunable } } of runs) {
    models.set(name, { weights, prunable });
  }
  const evaluated = evaluations.flatMap(({ models }) => models);
  for (const { name, checkpoint, prunable } of evaluated) {
    if (models.get(name)?.weights !== undefined) continue;
    const isThere = await exists(checkpoint);
    models.set(name, { weights: isThere ? checkpoint : undefined, prunable });
  }
  const results = [...evaluated, ...runs]
    .flatMap(({ results = [] }) => results);
  const layers = new Map<string, LayerSparsities>();
  const omissions: string[] = [];
  await using device = await openDevice("cpu");
  for (const [name, { weights, prunable }] of models) {
    if (signal.aborted) break;
    const pattern = typeof prunable === "string"
      ? new RegExp(prunable)
      : undefined;
    const found = weights === undefined
      ? undefined
      : await layerSparsities(device, weights, pattern, results);
    if (found !== undefined) layers.set(name, found);
    else omissions.push(`No layers of ${name}: its weights are not there`);
  }
  return { layers, omissions };
}

/** Where the weights of a model are, and which are pruned. */
interface Model {
  readonly weights: string | undefined;
  readonly prunable: unknown;
}

if (import.meta.main) {
  Deno.exit(
    await runProgram(async (signal) => {
      const asked = parse(Deno.args);
      if (asked.help) console.log(HELP.trimEnd());
      else await report(asked, signal);
    }),
  );
}
