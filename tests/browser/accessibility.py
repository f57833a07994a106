"""axe-core, which finds faults of accessibility in pages."""

from importlib.resources import files

from playwright.sync_api import Page

# The package contains axe-core; its own module has no types.
_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
_FAULTS = """async parts => {
  const context = parts.length ? { include: parts.map(it => [it]) } : document;
  const { violations } = await axe.run(context, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}"""


def accessibility_faults(page: Page, *parts: str) -> list[str]:
    """Return each violated rule with its element, on the page or in parts, given by selectors."""
    page.evaluate(_AXE)
    faults = page.evaluate(_FAULTS, parts)
    return [str(fault) for fault in faults]
