// The questions of test_browser.py to a page that axe-core doesn't ask. Each
// function returns plain data.

// What is wrong with the page, as sentences.
function flaws() {
  const viewport = document.querySelector("meta[name=viewport]")?.content;
  const headings = document.querySelectorAll("h1").length;
  return [
    !viewport?.includes("width=device-width") && "no viewport",
    headings !== 1 && `${headings} h1`,
  ].filter(Boolean);
}

// How light the page is: its canvas, and its body.
function grounds() {
  const pixel = new OffscreenCanvas(1, 1)
    .getContext("2d", { willReadFrequently: true });
  const probe = document.createElement("i");
  probe.style.backgroundColor = "Canvas";
  document.documentElement.append(probe);
  const colors = [probe, document.documentElement, document.body]
    .map((element) => getComputedStyle(element).backgroundColor);
  probe.remove();
  // Each one is painted over those before it.
  return colors.map((color) => {
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data]
      .map((c) => c / 255).map((c) =>
        c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
}

// What the Tab key must reach, in order. It reaches one of the radio buttons
// of a group.
function reachable() {
  const groups = new Set();
  const first = ({ type, name }) =>
    type !== "radio" || !groups.has(name) && groups.add(name);
  return [...document.querySelectorAll(
    "a[href], button, summary, select, textarea, input:not([type=hidden])"
  )].filter((one) => one.checkVisibility() && !one.disabled && first(one));
}

const outlines = () => reachable().map((element) => element.outerHTML);

// Where among those the focus is, or -1, and whether it is to be seen.
function focus() {
  const active = document.activeElement;
  const { outlineStyle, boxShadow } = getComputedStyle(active);
  const place = reachable().findIndex((one) => one === active
    || active.type === "radio" && one.name === active.name);
  return [place, outlineStyle !== "none" || boxShadow !== "none"];
}
