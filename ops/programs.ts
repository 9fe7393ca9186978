/**
 * Other programs are run through zx, and zx through bash. Where there is none, every call would fail with zx's own words about a quote
 * function, which whoever reads what a program printed takes for its silence.
 */
import { $, type Options, type Shell } from "zx/core";
import { refusal } from "./command/errors.ts";

/**
 * zx's `$` with these options. What it runs prints nothing here and throws nothing: whoever runs it looks at its exit code.
 * @throws OpsError of refusal where PATH has no bash.
 */
export function shellWith(options: Partial<Options>): Shell {
  if ($.quote === undefined)
    throw refusal({
      op: "run other programs",
      subject: "bash",
      cause: "PATH has no bash, through which they are run",
      hint: "install bash, or put its folder on PATH",
    });
  return $({ quiet: true, nothrow: true, ...options });
}
