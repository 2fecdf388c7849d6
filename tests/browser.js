// What test_browser.py asks a page, from within. Each answers in plain data.

// What is wrong with the page's structure and names, as sentences.
function flaws() {
  const wrong = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const expect = (truth, sentence) => truth || wrong.push(sentence);

  const viewport = document.querySelector("meta[name=viewport]")?.content;
  expect(document.documentElement.lang, "html has no lang");
  expect(document.title.trim(), "no title");
  expect(viewport?.includes("width=device-width"), "no viewport");
  expect(all("h1").length === 1, `${all("h1").length} h1`);

  // An element's own words, without those of a field inside it.
  const words = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("select, textarea").forEach((one) => one.remove());
    const images = [...copy.querySelectorAll("img")].map((one) => one.alt);
    return [copy.textContent, ...images].join("").trim();
  };
  // A title or a placeholder is no name; a bare submit or reset has its own.
  const named = (element) => {
    const ids = element.getAttribute("aria-labelledby")?.split(/\s+/) ?? [];
    const others = ids.map((id) => document.getElementById(id));
    const own = element.matches("a, button, summary, h1")
      ? [element] : element.labels ?? [];
    return element.ariaLabel?.trim()
      || [...others, ...own].some((one) => one && words(one))
      || /^(submit|reset)$/.test(element.type) && element.matches("input")
      || element.type === "button" && element.value;
  };
  const selector = "a, button, summary, h1, select, textarea, input";
  for (const element of all(`${selector}:not([type=hidden])`))
    expect(named(element), `no name: ${element.outerHTML}`);
  for (const image of all("img:not([alt])"))
    expect(false, `no alt: ${image.outerHTML}`);
  return wrong;
}

// Texts that are hard to read, and how light the page's two grounds are.
function colours() {
  const pixel = new OffscreenCanvas(1, 1)
    .getContext("2d", { willReadFrequently: true });
  // Any notation of CSS, to [red, green, blue, alpha].
  const rgba = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const opacity = (element) => !element ? 1
    : getComputedStyle(element).opacity * opacity(element.parentElement);
  const over = (colour, element, ground) => {
    const [r, g, b, a] = rgba(colour);
    const alpha = a * opacity(element);
    return [r, g, b].map((c, i) => c * alpha + ground[i] * (1 - alpha));
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) =>
      c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  // What lies under everything: white unless the page has a color-scheme.
  const probe = document.createElement("i");
  probe.style.backgroundColor = "Canvas";
  document.documentElement.append(probe);
  const canvas = rgba(getComputedStyle(probe).backgroundColor).slice(0, 3);
  probe.remove();

  const behind = (element) => !element ? canvas : over(
    getComputedStyle(element).backgroundColor,
    element,
    behind(element.parentElement)
  );
  const faint = [];
  const judge = (text, element, style = getComputedStyle(element)) => {
    const seen = { opacityProperty: true, visibilityProperty: true };
    if (!text.trim() || !element.checkVisibility(seen)
        || element.matches(":disabled")) return;
    const ground = behind(element);
    const pair = [over(style.color, element, ground), ground].map(luminance);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      faint.push(`${ratio.toFixed(1)}: ${text.trim()}`);
  };

  const texts = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  const range = new Range();
  while (texts.nextNode()) {
    range.selectNode(texts.currentNode);
    if (range.getClientRects().length)
      judge(texts.currentNode.data, texts.currentNode.parentElement);
  }
  for (const field of document.querySelectorAll("input, select, textarea")) {
    judge(field.value, field);
    if (field.placeholder && !field.value)
      judge(field.placeholder, field, getComputedStyle(field, "::placeholder"));
  }
  return { faint, grounds: [canvas, behind(document.body)].map(luminance) };
}

// What the Tab key ought to reach, in order. Of the radio buttons of a group
// it reaches one.
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
