/** Installation of the package from a clean copy without build output or dependencies. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const NOT_COPIED = ["node_modules", "dist", "test", ".readme"];
// Without npm's variables, since the npm that runs this test exports its settings.
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")),
);

// With --declaration, tsc rejects a result type that it cannot name.
const CONSUMER = `
import { createShop, inLocalStorage, NoAnswer, ShopError, type Order, type Session } from "@shop-backend/client";
export const { orders, products, sessions, users, ...shop } = createShop({ baseUrl: "", tokens: inLocalStorage() });
export const placed: Promise<Order> = orders.place({ items: [] });
export const place = orders.place, product = products.get("1"), list = orders.list(), all = users.list();
export const session: Promise<Session> = shop.logIn({ email: "", password: "" });
export const errors = [NoAnswer, ShopError];
`;
const PRINTED = "createShop inLocalStorage inMemory NoAnswer ShopError webhooks"
  .split(" ")
  .sort()
  .join();

let folder: string;
let copy: string;
let consumer: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shop-client-"));
});
beforeEach(() => {
  copy = mkdtempSync(join(folder, "copy-"));
  cpSync(ROOT, copy, {
    recursive: true,
    filter: (path) => !NOT_COPIED.includes(basename(path)),
  });
  consumer = mkdtempSync(join(folder, "consumer-"));
  writeFileSync(join(consumer, "package.json"), '{"private": true, "type": "module"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(cwd: string, command: string, ...args: string[]): string {
  const done = spawnSync(command, args, { cwd, env: ENVIRONMENT, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command} ${args}: ${done.stdout}${done.stderr}`);
  return done.stdout.trim();
}

function expectToWork() {
  const script = 'console.log(Object.keys(await import("@shop-backend/client")).sort().join())';
  expect(run(consumer, process.execPath, "--input-type=module", "--eval", script)).toBe(PRINTED);

  writeFileSync(join(consumer, "consumer.ts"), CONSUMER);
  const options = ["--strict", "--declaration", "--target", "ES2022", "--module", "NodeNext"];
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  run(consumer, process.execPath, tsc, ...options, "consumer.ts");
}

test("npm install of the clean folder builds the package", () => {
  run(consumer, "npm", "install", "--prefer-offline", copy);

  expectToWork();
});

test("npm install of the folder works without development dependencies", () => {
  run(consumer, "npm", "install", "--prefer-offline", "--omit=dev", copy);

  expectToWork();
});

test("npm pack includes the build, and its tarball can be installed", () => {
  const [{ filename, files }] = JSON.parse(run(copy, "npm", "pack", "--json")) as [
    { filename: string; files: { path: string }[] },
  ];
  run(consumer, "npm", "install", "--prefer-offline", join(copy, filename));

  expect(files.map(({ path }) => path).filter((path) => !path.startsWith("dist/"))).toEqual([
    "LICENSE",
    "README.md",
    "package.json",
  ]);
  expectToWork();
});
