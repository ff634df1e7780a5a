import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DeviceKind } from "./backend.ts";
import { ArgumentError, DeviceError, NoAdapterError } from "./errors.ts";
import { type DeviceOptions, openDevice } from "./open_device.ts";

/** Runs with other values of global names, which the platform's are in the way of. */
async function withGlobals(
  values: Record<string, unknown>,
  run: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(values).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  try {
    await run();
  } finally {
    for (const [name, descriptor] of before) {
      Object.defineProperty(globalThis, name, descriptor!);
    }
  }
}

function navigatorWith(
  description: string,
  isFallbackAdapter: boolean,
): unknown {
  const info = { description, isFallbackAdapter };
  const adapter = {
    info,
    limits: {},
    features: new Set(),
    requestDevice: () => Promise.reject(new Error("it is a fake")),
  };
  return { gpu: { requestAdapter: () => Promise.resolve(adapter) } };
}

Deno.test("openDevice() opens what it is told to", async () => {
  await using device = await openDevice("reference", { memoryLimit: 1000 });
  assertEquals(device.info.kind, "reference");
  assertEquals(device.info.memoryLimit, 1000);
});

Deno.test("openDevice() rejects when there is no such kind", async () => {
  for (const kind of ["cuda", "", "toString"]) {
    await assertRejects(
      () => openDevice(kind as DeviceKind),
      ArgumentError,
      `"${kind}"`,
    );
  }
});

Deno.test("openDevice() rejects when an option makes no sense", async () => {
  const nonsense: [DeviceOptions, string][] = [
    [{ threads: 0 }, "threads 0"],
    [{ threads: 1.5 }, "threads 1.5"],
    [{ threads: 65 }, "threads 65: expected a whole number from 1 to 64"],
    [{ memoryLimit: NaN }, "memoryLimit NaN"],
    [{ maxBindingBytes: 100 }, "maxBindingBytes 100"],
    [{ limits: "all" as "native" }, 'limits "all"'],
    [{ powerPreference: "none" as "low-power" }, 'powerPreference "none"'],
  ];
  for (const [options, message] of nonsense) {
    await assertRejects(
      () => openDevice("reference", options),
      ArgumentError,
      message,
    );
  }
});

Deno.test("openDevice() says what to install when there is no adapter for webgpu, and what has WebGPU when the engine has none", async () => {
  const none = "this engine has no WebGPU, as Node.js; Deno";
  for (
    const [navigator, message] of [
      [undefined, none],
      [{}, none],
      [
        { gpu: { requestAdapter: () => Promise.resolve(null) } },
        "mesa-vulkan-drivers",
      ],
    ] as const
  ) {
    await withGlobals({ navigator }, async () => {
      const { message: said } = await assertRejects(
        () => openDevice("webgpu"),
        NoAdapterError,
        message,
      );
      assertStringIncludes(said, 'openDevice("cpu") needs none');
    });
  }
});

const withoutEnvironment = { permissions: { env: false } } as const;

Deno.test(
  "openDevice() takes a hardware GPU when there is one",
  withoutEnvironment,
  async () => {
    const navigator = navigatorWith("Voodoo 7", false);
    await withGlobals({ navigator }, async () => {
      await assertRejects(() => openDevice(), DeviceError, "Voodoo 7");
    });
  },
);

Deno.test(
  "openDevice() takes the cpu when there is no hardware GPU, and says so once",
  withoutEnvironment,
  async () => {
    const said: string[] = [];
    const console = { warn: (text: string) => said.push(text) };
    const navigator = navigatorWith("llvmpipe 15", true);
    for (
      const globals of [{ navigator, console }, { navigator: {}, console }]
    ) {
      await withGlobals(globals, async () => {
        await using device = await openDevice(undefined, { threads: 1 });
        assertEquals(device.info.kind, "cpu");
      });
    }
    assertEquals(said.length, 1);
    assertStringIncludes(said[0], '"llvmpipe 15"');
  },
);

const mayReadEnvironment =
  (await Deno.permissions.query({ name: "env", variable: "CRAM_DEVICE" }))
    .state === "granted";

Deno.test({
  name:
    "openDevice() takes the kind that CRAM_DEVICE names, but not over its argument",
  ignore: !mayReadEnvironment,
  async fn() {
    const named = (CRAM_DEVICE: string) => ({
      process: { env: { CRAM_DEVICE } },
    });
    await withGlobals(named("reference"), async () => {
      await using device = await openDevice();
      assertEquals(device.info.kind, "reference");
    });
    await withGlobals(named("webgpu"), async () => {
      await using device = await openDevice("reference");
      assertEquals(device.info.kind, "reference");
    });
    await withGlobals(named("cuda"), async () => {
      await assertRejects(
        () => openDevice(),
        ArgumentError,
        '"cuda", which CRAM_DEVICE names',
      );
    });
  },
});

Deno.test(
  "openDevice() leaves CRAM_DEVICE alone when it may not read it",
  withoutEnvironment,
  async () => {
    const process = { env: { CRAM_DEVICE: "cuda" } };
    const navigator = navigatorWith("Voodoo 7", false);
    await withGlobals({ process, navigator }, async () => {
      await assertRejects(() => openDevice(), DeviceError, "Voodoo 7");
    });
  },
);
