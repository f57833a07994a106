// A click or Enter shows a picture in its natural size, over the page; another one, or Escape, ends that.
// The theme draws each picture into a closed shadow root. An open one lets this script set its size.
const attachShadow = Element.prototype.attachShadow;

Element.prototype.attachShadow = function (options) {
  if (!this.classList.contains("mermaid")) return attachShadow.call(this, options);
  const root = attachShadow.call(this, { ...options, mode: "open" });
  const show = (isFull) => {
    const svg = root.querySelector("svg");
    this.classList.toggle("mermaid--full", isFull);
    svg.style.width = isFull ? `${svg.viewBox.baseVal.width}px` : "";
    this.setAttribute("aria-pressed", isFull);
  };
  const toggle = () => show(!this.classList.contains("mermaid--full"));
  this.tabIndex = 0;
  this.setAttribute("role", "button");
  this.setAttribute("aria-pressed", "false");
  this.setAttribute("aria-label", "Picture: show in full size");
  this.title = "Show in full size";
  this.addEventListener("click", (event) => {
    const box = root.querySelector("svg").getBoundingClientRect();
    const [x, y] = [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
    toggle();
    // The point of the click comes into the middle.
    this.scrollTo(x * this.scrollWidth - this.clientWidth / 2, y * this.scrollHeight - this.clientHeight / 2);
  });
  this.addEventListener("keydown", (event) => {
    if (event.key === "Enter") toggle();
    if (event.key === "Escape") show(false);
  });
  return root;
};
