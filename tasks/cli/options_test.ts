import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../errors.ts";
import {
  choice,
  describeOptions,
  flag,
  integer,
  list,
  number,
  parseOptions,
  repeated,
  seed,
  text,
} from "./options.ts";

const TABLE = {
  data: text("DIR", "where the images are"),
  model: choice(["small", "large"], "which model"),
  batchSize: integer(1, "images in a step"),
  momentum: number({ least: 0, below: 1 }, "momentum"),
  rate: number({ least: 0 }, "learning rate"),
  parts: list(number({ least: 0, below: 1 }, "parts")),
  seed: seed("seed"),
  augment: flag("switch augmentation off", true),
  help: flag("show this"),
};

Deno.test("parseOptions() reads values of every kind", () => {
  assertEquals(
    parseOptions([
      "--data",
      "12",
      "--model=large",
      "--batch-size",
      "8",
      "--momentum",
      "0.9",
      "--rate=1e-3",
      "--parts=0.5,0.75",
      "--seed",
      "18446744073709551615",
      "--no-augment",
    ], TABLE),
    {
      data: "12",
      model: "large",
      batchSize: 8,
      momentum: 0.9,
      rate: 0.001,
      parts: [0.5, 0.75],
      seed: 18446744073709551615n,
      augment: false,
      help: false,
    },
  );
});

Deno.test("parseOptions() leaves out what is not given", () => {
  assertEquals(parseOptions(["--help"], TABLE), {
    data: undefined,
    model: undefined,
    batchSize: undefined,
    momentum: undefined,
    rate: undefined,
    parts: undefined,
    seed: undefined,
    augment: true,
    help: true,
  });
});

Deno.test("parseOptions() shows option and value when it refuses one", () => {
  const cases: [string[], string][] = [
    [["--data"], 'Cannot use --data "": expected a value'],
    [["--model", "x"], 'Cannot use --model "x": expected one of small, large'],
    [
      ["--batch-size", "0"],
      'Cannot use --batch-size "0": expected a whole number of at least 1',
    ],
    [["--batch-size", "1.5"], '"1.5"'],
    [["--batch-size=-1"], '"-1"'],
    [["--batch-size", "1e3"], '"1e3"'],
    [
      ["--momentum", "1"],
      'Cannot use --momentum "1": expected a number from 0 to below 1',
    ],
    [["--rate", "fast"], '"fast"'],
    [["--rate", "NaN"], '"NaN"'],
    [["--rate", "Infinity"], '"Infinity"'],
    [
      ["--rate", "-1"],
      'Cannot use --rate "-1": expected a number of at least 0',
    ],
    [
      ["--parts", "0.5,1"],
      'Cannot use --parts "0.5,1": expected a number from 0 to below 1, or several with commas between',
    ],
    [["--parts", "0.5,"], '"0.5,"'],
    [["--seed", "18446744073709551616"], "2^64 - 1"],
    [["--seed", "-1"], '"-1"'],
    [["--typo", "1"], 'Cannot use "--typo": there is no such option'],
    [["-x"], 'Cannot use "-x"'],
    [
      ["word"],
      'Cannot use "word": it stands behind no option, perhaps --data word is meant; --help lists them',
    ],
    [["--", "word"], 'Cannot use "word": it stands behind no option'],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseOptions(args, TABLE), UsageError, message);
  }
});

Deno.test("parseOptions() refuses whole numbers outside of their range", () => {
  const table = { bits: integer(2, "how many bits", 8) };
  assertEquals(parseOptions(["--bits=8"], table), { bits: 8 });
  for (const bits of ["1", "9"]) {
    assertThrows(
      () => parseOptions([`--bits=${bits}`], table),
      UsageError,
      `Cannot use --bits "${bits}": expected a whole number from 2 to 8`,
    );
  }
});

Deno.test("parseOptions() hints at the first option that takes a word", () => {
  const table = { rate: TABLE.rate, data: TABLE.data };
  assertThrows(
    () => parseOptions(["photos"], table),
    UsageError,
    "perhaps --data photos is meant",
  );
});

Deno.test("describeOptions() aligns names and wraps what they are for", () => {
  assertEquals(
    describeOptions({
      data: text("DIR", "where the many images of the data set are"),
      averyveryverylongname: flag("short"),
      augment: TABLE.augment,
    }, 50),
    `  --data DIR            where the many images of
                        the data set are
  --averyveryverylongname
                        short
  --no-augment          switch augmentation off`,
  );
});

Deno.test("parseOptions() collects options that are repeated", () => {
  const table = {
    path: repeated(text("PATH", "what is compared")),
    size: repeated(integer(1, "how large")),
  };
  assertEquals(
    parseOptions(["--path=a,b", "--path", "c"], table),
    { path: ["a,b", "c"], size: undefined },
  );
  assertThrows(
    () => parseOptions(["--size=2", "--size=0"], table),
    UsageError,
    'Cannot use --size "0": expected a whole number of at least 1',
  );
});
