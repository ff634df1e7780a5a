import { assertEquals, assertThrows } from "@std/assert";
import { DeviceError, DeviceLostError, OutOfMemoryError } from "../errors.ts";
import { Health } from "./_health.ts";

/** As much of a device as its health is told by. */
class FakeDevice extends EventTarget {
  readonly lost: Promise<GPUDeviceLostInfo>;
  lose!: (info: { readonly reason: string; readonly message: string }) => void;

  constructor() {
    super();
    this.lost = new Promise((resolve) => {
      this.lose = (info) => resolve(info as GPUDeviceLostInfo);
    });
  }

  fail(error: GPUError): void {
    this.dispatchEvent(
      Object.assign(new Event("uncapturederror"), { error }),
    );
  }
}

function fake(): { device: FakeDevice; health: Health } {
  const device = new FakeDevice();
  return { device, health: new Health(device as unknown as GPUDevice) };
}

const hasWebGpu = typeof GPUOutOfMemoryError === "function";

Deno.test({
  name: "Health.check() throws what was collected once",
  ignore: !hasWebGpu,
  fn: () => {
    const { device, health } = fake();
    health.check();
    device.fail(new GPUValidationError("bad binding"));
    device.fail(new GPUValidationError("bad pass"));
    assertThrows(
      () => health.check(),
      DeviceError,
      "The webgpu device failed: bad binding\nbad pass",
    );
    health.check();
  },
});

Deno.test({
  name:
    "Health.check() throws OutOfMemoryError when the platform has no memory",
  ignore: !hasWebGpu,
  fn: () => {
    const { device, health } = fake();
    device.fail(new GPUOutOfMemoryError('no memory for "tensor"'));
    device.fail(new GPUValidationError("invalid buffer"));
    assertThrows(() => health.check(), OutOfMemoryError, "no memory");
  },
});

Deno.test("Health.checkAlive() throws DeviceLostError when the device was lost", async () => {
  const { device, health } = fake();
  health.checkAlive();
  device.lose({ reason: "unknown", message: "driver reset" });
  await health.settle();
  assertThrows(
    () => health.checkAlive(),
    DeviceLostError,
    "it was lost: driver reset (unknown)",
  );
});

Deno.test("Health.checkAlive() throws when the device was closed", async () => {
  const { device, health } = fake();
  health.close();
  device.lose({ reason: "destroyed", message: "" });
  await health.settle();
  const error = assertThrows(() => health.checkAlive(), DeviceError);
  assertEquals(error instanceof DeviceLostError, false);
});
