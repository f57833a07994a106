/** Pictures of products: the catalogue has none, so each is drawn from the SKU. */

const SVG = "http://www.w3.org/2000/svg";

export function pictureOf({ sku, name }: { sku: string; name: string }): SVGSVGElement {
  const seed = hash(sku);
  const hue = seed % 360;
  const picture = draw("svg", {
    viewBox: "0 0 160 110",
    "aria-hidden": "true",
    focusable: "false",
  });
  const text = draw("text", {
    x: 80,
    y: 72,
    "text-anchor": "middle",
    "font-size": 44,
    "font-weight": 700,
    fill: `hsl(${hue} 45% 22%)`,
  });
  text.textContent = initials(name);
  picture.append(
    draw("rect", { width: 160, height: 110, fill: `hsl(${hue} 48% 86%)` }),
    draw("circle", {
      cx: 20 + (seed % 50),
      cy: 20 + (seed % 30),
      r: 46,
      fill: `hsl(${hue} 52% 78%)`,
    }),
    draw("circle", {
      cx: 100 + (seed % 40),
      cy: 76 + (seed % 24),
      r: 58,
      fill: `hsl(${(hue + 40) % 360} 55% 80%)`,
    }),
    text,
  );
  return picture;
}

function initials(name: string): string {
  const words = (name.split(",")[0] ?? "").split(/\s+/).filter((it) => /^\p{L}/u.test(it));
  return words
    .slice(0, 2)
    .map((it) => it.slice(0, 1).toUpperCase())
    .join("");
}

function hash(text: string): number {
  return [...text].reduce(
    (sum, letter) => (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) >>> 0,
    7,
  );
}

function draw<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[Name] {
  const it = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes))
    it.setAttribute(attribute, String(value));
  return it;
}
