/** Elements of the page. Texts are set as text, so no name of a product can be markup. */

type Options<Name extends keyof HTMLElementTagNameMap> = Partial<
  Omit<HTMLElementTagNameMap[Name], "style" | "children">
>;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  options: Options<Name> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const it = Object.assign(document.createElement(name), options);
  it.append(...children);
  return it;
}

export function find<Found extends Element>(selector: string): Found {
  const found = document.querySelector<Found>(selector);
  if (found === null) throw new Error(`The page has no ${selector}.`);
  return found;
}
