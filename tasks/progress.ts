/**
 * Showing how far long work is.
 *
 * @module
 */

/** Where progress is shown. */
export interface ProgressOutput {
  /** Writes text as it is. */
  write(text: string): void;
  /** The width of the terminal in columns, or `undefined` if it is none. */
  readonly columns: number | undefined;
}

/**
 * The standard output of this process.
 *
 * @returns The output.
 */
export function standardOutput(): ProgressOutput {
  const encoder = new TextEncoder();
  return {
    write(text) {
      for (let bytes = encoder.encode(text); bytes.length > 0;) {
        bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
      }
    },
    get columns() {
      if (!Deno.stdout.isTerminal()) return undefined;
      // Some pseudo-terminals say they have no columns at all.
      return Deno.consoleSize().columns || 80;
    },
  };
}

/** The shortest time between two pictures of the line on a terminal. */
const REDRAW_MILLISECONDS = 100;

/**
 * A line that says how far work is, how fast it goes and how long it will
 * take. On a terminal it is redrawn in place; elsewhere each report becomes a
 * line of its own.
 */
export class ProgressLine {
  readonly #output: ProgressOutput;
  readonly #total: number;
  readonly #now: () => number;
  #begin: number | undefined;
  #first = 0;
  #drawn = -Infinity;
  #report = "";

  /**
   * Begins with nothing done.
   *
   * @param output Where it is shown.
   * @param total How many steps there are.
   * @param now A clock in milliseconds.
   */
  constructor(
    output: ProgressOutput,
    total: number,
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#total = total;
    this.#now = now;
  }

  /**
   * Says how many steps are done.
   *
   * @param step The number of steps.
   */
  advance(step: number): void {
    const now = this.#now();
    // The first step is no measure: kernels are compiled and memory is made.
    if (this.#begin === undefined) {
      this.#begin = now;
      this.#first = step;
    }
    if (
      this.#output.columns !== undefined &&
      (now - this.#drawn >= REDRAW_MILLISECONDS || step === this.#total)
    ) this.#draw(step, now);
  }

  /**
   * Says what came out so far.
   *
   * @param step The number of steps.
   * @param report For instance `loss 2.303`.
   */
  report(step: number, report: string): void {
    this.#report = report;
    const now = this.#now();
    if (this.#output.columns !== undefined) this.#draw(step, now);
    else this.#output.write(this.#line(step, now) + "\n");
  }

  /**
   * Writes a line of its own.
   *
   * @param text The line.
   */
  note(text: string): void {
    const isTerminal = this.#output.columns !== undefined;
    this.#output.write(`${isTerminal ? ERASE_LINE : ""}${text}\n`);
    this.#drawn = -Infinity;
  }

  /** Leaves the line as it is and goes on below. */
  finish(): void {
    if (this.#output.columns !== undefined && this.#drawn > -Infinity) {
      this.#output.write("\n");
    }
  }

  #draw(step: number, now: number): void {
    const columns = this.#output.columns ?? 80;
    const line = this.#line(step, now).slice(0, columns - 1);
    this.#output.write(ERASE_LINE + line);
    this.#drawn = now;
  }

  #line(step: number, now: number): string {
    const total = `${this.#total}`;
    const parts = [`step ${`${step}`.padStart(total.length)}/${total}`];
    if (this.#report !== "") parts.push(this.#report);
    const steps = step - this.#first;
    if (this.#begin !== undefined && steps > 0 && step < this.#total) {
      const each = (now - this.#begin) / steps;
      parts.push(`${formatDuration(each * (this.#total - step))} left`);
    }
    return parts.join("  ");
  }
}

/** Returns to the first column and clears the line. */
const ERASE_LINE = "\r\x1b[K";

/**
 * A time for people.
 *
 * @param milliseconds How long.
 * @returns For instance `12 s`, `3 min 05 s`, `2 h 09 min`.
 */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const two = (n: number): string => `${Math.floor(n)}`.padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  }
  return `${Math.floor(seconds / 3600)} h ${two(seconds % 3600 / 60)} min`;
}
