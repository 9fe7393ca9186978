/** Environment variables that a step's commands read. Pure. */

/** The names in capitals that a shell would look up in its environment: read, not assigned before, and without a value of their own for want. */
export function variablesOf(commands: string): string[] {
  const text = withoutUnread(commands);
  const assigned = new Set(
    [...text.matchAll(/(?:^|[\s;(&|])(?:export |local |for |read (?:-r )?)?([A-Z][A-Z0-9_]*)(?==| in\b|\s*$)/gm)].map(
      ([, name]) => name,
    ),
  );
  const read = [...text.matchAll(/(?<!\\)\$(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)(?!:?[-+]|[A-Z0-9_]))/g)];
  return [...new Set(read.map(([, plain, braced]) => plain ?? braced ?? ""))].filter((name) => !assigned.has(name));
}

/** Those of them that `env` does not set. */
export function missingIn(commands: string, env: Readonly<Record<string, string | undefined>>): string[] {
  return variablesOf(commands).filter((name) => (env[name] ?? "") === "");
}

/** In comments, and between single quotes that are themselves in no double quotes, a shell looks nothing up. */
function withoutUnread(commands: string): string {
  let kept = "";
  let isInDouble = false;
  for (let at = 0; at < commands.length; at += 1) {
    const char = commands[at] ?? "";
    if (char === "\\") {
      kept += commands.slice(at, at + 2);
      at += 1;
    } else if (char === "'" && !isInDouble) {
      const end = commands.indexOf("'", at + 1);
      at = end === -1 ? commands.length : end;
      kept += "''";
    } else if (char === "#" && !isInDouble && /^[\s;&|()]?$/.test(commands.charAt(at - 1))) {
      // Up to the line's end; an apostrophe there opens nothing.
      const end = commands.indexOf("\n", at);
      at = (end === -1 ? commands.length : end) - 1;
    } else {
      if (char === '"') isInDouble = !isInDouble;
      kept += char;
    }
  }
  return kept;
}
