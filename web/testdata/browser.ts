/** The browser that tests use. */

import type { Browser } from "playwright-core";

/** Lets pages use WebGPU on an emulated adapter. */
const WEBGPU = "--enable-unsafe-webgpu";

/** A browser at home asks its makers for many things. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/**
 * Starts Chromium.
 *
 * @param options Whether it has WebGPU.
 * @throws {Error} If there is none: what to install.
 */
export async function launchBrowser(
  options: { readonly webgpu: boolean },
): Promise<Browser> {
  // Loading it asks for permissions.
  const { chromium } = await import("playwright-core");
  return await chromium.launch({
    executablePath: await findChromium(),
    args: [
      "--no-sandbox", // which root has none of
      "--headless=new",
      ...options.webgpu ? [WEBGPU] : [],
      ...QUIET,
    ],
  });
}

async function findChromium(): Promise<string> {
  const named = Deno.env.get("CHROMIUM");
  if (named) return named;
  const found = await which("chromium");
  if (found === undefined) {
    throw new Error(
      'Cannot test the page: there is no Chromium. On Debian, "apt-get install chromium" brings it; elsewhere the variable CHROMIUM names its program',
    );
  }
  return found;
}

async function which(program: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("which", {
      args: [program],
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch { // there is no "which" either
    return undefined;
  }
}
