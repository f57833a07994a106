import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

test("README examples compile against the published package", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, example = ""]) => example);
  // In the package's folder, where its own name resolves to its exports.
  const folder = join(ROOT, ".readme");
  mkdirSync(folder, { recursive: true });
  const files = examples.map((example, index) => {
    const file = join(folder, `example-${index}.ts`);
    writeFileSync(file, example);
    return file;
  });

  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const found = ts.getPreEmitDiagnostics(ts.createProgram(files, options));

  expect(examples.length).toBeGreaterThan(4);
  expect(found.map(({ messageText }) => messageText)).toEqual([]);
}, 60_000);
