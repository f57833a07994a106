/**
 * The audits of GraphQL over HTTP by graphql-http: no requirement (MUST) is violated.
 *
 * Its recommendations (SHOULD) are of an older draft: statuses of 200 for application/json, and
 * 400 for variables.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { auditServer } from "graphql-http";
import { authorization, endpoint } from "./stack.js";

test("the audits find no violation", async () => {
  const audits = await auditServer({
    url: endpoint,
    fetchFn: (url, options) =>
      fetch(url, { ...options, headers: { ...options?.headers, ...authorization } }),
  });
  const of = (status) => audits.filter((audit) => audit.status === status);
  const names = (found) => found.map(({ name, reason }) => `${name}: ${reason}`);
  console.log(names(of("warn")).join("\n"));

  assert.deepEqual(names(of("error")), []);
  assert(of("ok").length >= 30, `${of("ok").length} of ${audits.length}`);
});
