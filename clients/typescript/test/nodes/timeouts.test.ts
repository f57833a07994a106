/** Timeouts on each supported Node.js, since each collects the objects of `fetch` differently. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const { devDependencies } = JSON.parse(
  readFileSync(join(import.meta.dirname, "package.json"), "utf8"),
) as { devDependencies: Record<string, string> };

test.each(Object.keys(devDependencies))(
  "timeouts and aborts on %s hold after a garbage collection",
  (name) => {
    const node = join(import.meta.dirname, "node_modules", name, "bin/node");
    const script = join(import.meta.dirname, "timeouts.js");

    const printed = execFileSync(node, ["--expose-gc", script], {
      encoding: "utf8",
      timeout: 50_000,
    });

    expect(JSON.parse(printed)).toEqual({
      read: ["NoAnswer", "TimeoutError"],
      placed: ["NoAnswer", "TimeoutError"],
      slow: ["NoAnswer", "TimeoutError"],
      abortedRead: ["AbortError", null],
      abortedSlow: ["AbortError", null],
    });
  },
);

test("oldest tested Node.js is the minimum version of the package", () => {
  const { engines } = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"),
  ) as { engines: { node: string } };

  expect(Object.values(devDependencies)[0]).toBe(`npm:node@${engines.node.replace(">=", "")}`);
});
