import { assertEquals } from "@std/assert";
import { runProgram } from "./program.ts";

// Ctrl-C itself would end the tests.
Deno.test(
  "runProgram() ends with 130 when a signal breaks off what was under way",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    // Listening to signals keeps no process alive.
    const awake = setInterval(() => {}, 1000);
    const code = await runProgram((signal) => {
      Deno.kill(Deno.pid, "SIGTERM");
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    });
    clearInterval(awake);
    assertEquals(code, 130);
  },
);

Deno.test("runProgram() ends with 1 when something fails", async () => {
  assertEquals(await runProgram(() => Promise.reject(new Error("x"))), 1);
});
