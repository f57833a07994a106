/** Lists as what they hold, page after page. */

interface Page<Item> {
  data: Item[];
  meta: { nextCursor: string | null };
}

/** Walks the cursors; what is created meanwhile makes it neither skip nor repeat others. */
export async function* items<Item>(
  read: (at: { cursor?: string }) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let page = await read({});
  yield* page.data;
  while (page.meta.nextCursor !== null) {
    page = await read({ cursor: page.meta.nextCursor });
    yield* page.data;
  }
}
