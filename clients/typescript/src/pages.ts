/** Pagination: iterate over the items of all pages. */

import { NoAnswer } from "./errors.js";

interface Page<Item> {
  data: Item[];
  meta: { nextCursor: string | null };
}

/** Iterate over all items by cursor. Items created meanwhile neither hide nor repeat others. */
export async function* items<Item>(
  read: (at: { cursor?: string }) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const { data, meta } = await read(cursor ? { cursor } : {});
    if (!Array.isArray(data) || meta?.nextCursor === undefined) {
      throw new NoAnswer("No answer of the shop: it is no page of a list");
    }
    yield* data;
    cursor = meta.nextCursor;
  } while (cursor !== null);
}
