// The pages work without this script. It adds tabs, a search that filters as you
// type, buttons that copy, and the presentation.

const status = document.querySelector("#status");
document.documentElement.classList.add("script");

// -- Search ------------------------------------------------------------------

const search = document.querySelector("input[type=search]");
const found = document.querySelector("#found");

// Return the names of the samples that have all words, best first. reading.py
// ranks in the same way. SEARCH is {word: {name of a sample: weight}}.
function rank(query) {
  const words = query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  const scores = {};

  words.forEach((word, place) => {
    for (const [other, weights] of Object.entries(SEARCH)) {
      if (other.includes(word)) {
        for (const [name, weight] of Object.entries(weights)) {
          scores[name] ??= words.map(() => 0);
          scores[name][place] += weight * (word === other ? 3 : 1);
        }
      }
    }
  });

  const sum = (name) => scores[name].reduce((a, b) => a + b);
  return Object.keys(scores)
    .filter((name) => scores[name].every((score) => score > 0))
    .sort((a, b) => sum(b) - sum(a) || (a < b ? -1 : 1));
}

function showFound() {
  const query = search.value.trim();
  const names = rank(query);
  const cards = names.map((name) =>
    document.querySelector(`#course [data-name="${name}"]`).cloneNode(true),
  );
  found.querySelector("ol").replaceChildren(...cards);
  found.querySelector("#nothing").hidden = names.length > 0;
  found.querySelector("#nothing span").textContent = query;
  found.hidden = !query;
  document.querySelector("#course").hidden = Boolean(query);
  status.textContent = query ? `${names.length} found` : "";
}

if (found) {
  search.addEventListener("input", showFound);
  // Without a server, the page doesn't contain the query. Read it from the
  // address.
  const query = new URLSearchParams(location.search).get("q");

  if (query && !search.value) {
    search.value = query;
    showFound();
  }
}

// -- Tabs --------------------------------------------------------------------

const panels = [...document.querySelectorAll(".panel")];

// Show the file, or the app, that the address names.
function showPanel() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = document.getElementById(id);
  const panel = target ? target.closest(".panel") : panels[0];

  // The address names something else on the page.
  if (!panel) {
    return;
  }

  for (const other of panels) {
    other.classList.toggle("shown", other === panel);
  }

  // If the window is wide, the app has its own column. Show a file beside it.
  if (panel.id === "live" && matchMedia("(min-width: 75rem)").matches) {
    panels[0].classList.add("shown");
  }

  for (const tab of document.querySelectorAll(".tabs a")) {
    const current = decodeURIComponent(tab.hash.slice(1)) === panel.id;
    tab.ariaCurrent = current ? "true" : null;
  }

  target?.scrollIntoView();
}

addEventListener("hashchange", showPanel);

if (panels.length) {
  panels[0].classList.add("shown");
  showPanel();
}

// -- Copy --------------------------------------------------------------------

function addCopyButton(to, label, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      status.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
      status.textContent =
        "The browser doesn't allow copying. Select the text, and copy it yourself.";
    }
  });
  to.prepend(button);
}

for (const file of document.querySelectorAll(".file")) {
  const text = file.querySelector("pre").textContent;
  addCopyButton(file, `Copy ${file.dataset.file}`, text);
}

for (const block of document.querySelectorAll("code.language-console")) {
  // Copy only the lines that a person types.
  const commands = block.textContent
    .split("\n")
    .filter((line) => line.startsWith("$ "))
    .map((line) => line.slice(2))
    .join("\n");
  const box = document.createElement("div");
  box.className = "command";
  block.parentElement.replaceWith(box);
  box.append(block.parentElement);
  addCopyButton(box, "Copy the commands", commands);
}

// -- Present -----------------------------------------------------------------

const stage = document.querySelector("#stage");
const slides = stage ? [...makeSlides()] : [];
let current = 0;
let liveApp = null;

// Yield {title, nodes} for each screen: what the pattern is for, each section
// of the code, the question, and its answer.
function* makeSlides() {
  const title = document.querySelector("h1").textContent;
  const introduction = document.querySelector(".introduction p");
  yield { title, nodes: [introduction, paragraph("Aim")] };

  for (const file of document.querySelectorAll(".file")) {
    const name = file.dataset.file;

    if (/\.(py|html|j2|js|sql)$/.test(name) && !/test_\w+\.py$/.test(name)) {
      for (const part of file.querySelectorAll(".part")) {
        const heading = part.dataset.heading;
        const title = heading ? `${heading} (${name})` : name;
        yield { title, nodes: [withoutEdges(part)] };
      }
    }
  }

  const answer = document.querySelector("#teach-it details");

  if (answer) {
    yield { title: "Predict", nodes: [paragraph("Predict")], key: "p" };
    const nodes = [...answer.children].slice(1);
    yield { title: "Answer", nodes, key: "a" };
  }
}

// Return a copy without its heading, and without empty lines at its start and end.
function withoutEdges(part) {
  const copy = part.cloneNode(true);

  if (part.dataset.heading) {
    copy.firstElementChild.remove();
  }

  for (const edge of ["firstElementChild", "lastElementChild"]) {
    while (copy[edge]?.textContent.trim() === "") {
      copy[edge].remove();
    }
  }

  return copy;
}

// Return the paragraph of *Teach it* that begins with this word.
function paragraph(word) {
  return [...document.querySelectorAll("#teach-it > p")].find((element) =>
    element.textContent.startsWith(word),
  );
}

function showSlide(number) {
  current = number;
  const slide = document.querySelector("#slide");
  const nodes = slides[number].nodes.filter(Boolean);
  slide.replaceChildren(...nodes.map((node) => node.cloneNode(true)));

  for (const element of slide.querySelectorAll("[id]")) {
    element.removeAttribute("id");
  }

  document.querySelector("#slide-title").textContent = slides[number].title;
  const place = `${number + 1} / ${slides.length}`;
  document.querySelector("#place").textContent = place;
  slide.scrollTop = 0;
  slide.focus();
  liveApp = null;
}

function showKey(key) {
  const number = slides.findIndex((slide) => slide.key === key);

  if (number >= 0) {
    showSlide(number);
  }
}

function toggleLive() {
  if (liveApp) {
    showSlide(current);
    return;
  }

  liveApp = document.querySelector("#live iframe, #live img, #live .error");
  liveApp = liveApp.cloneNode(true);
  liveApp.removeAttribute("loading");
  listen(liveApp);
  document.querySelector("#slide").replaceChildren(liveApp);
  document.querySelector("#slide-title").textContent = "Live app";
}

// Go to the next or the previous pattern. The hash #present continues the
// presentation.
function leave(relation, hash) {
  const link = document.querySelector(`link[rel=${relation}]`);

  if (link) {
    location.assign(link.href + hash);
  }
}

function go(steps) {
  const number = current + (liveApp ? 0 : steps);

  if (number < 0) {
    leave("prev", "#present");
  } else if (number >= slides.length) {
    leave("next", "#present");
  } else {
    showSlide(number);
  }
}

// Scroll a long section first, because a remote control only has these keys.
function page(direction) {
  const slide = document.querySelector("#slide");
  const before = slide.scrollTop;
  slide.scrollBy({ top: direction * slide.clientHeight * 0.85 });

  if (slide.scrollTop === before) {
    go(direction);
  }
}

const KEYS = {
  ArrowLeft: () => go(-1),
  ArrowRight: () => go(1),
  PageUp: () => page(-1),
  PageDown: () => page(1),
  l: toggleLive,
  p: () => showKey("p"),
  a: () => showKey("a"),
  Escape: () => stage.close(),
};

function press(event) {
  const { target, altKey, ctrlKey, metaKey } = event;

  if (altKey || ctrlKey || metaKey || target.closest?.("input, select, textarea")) {
    return;
  }

  // A letter is upper case with Shift or Caps Lock.
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;

  if (stage?.open) {
    if (Object.hasOwn(KEYS, key)) {
      event.preventDefault();
      KEYS[key]();
    }
  } else if (!target.closest?.("pre")) {
    if (key === "ArrowLeft") {
      leave("prev", "");
    } else if (key === "ArrowRight") {
      leave("next", "");
    }
  }
}

// After a click into the app, the keys go to its document.
function listen(frame) {
  frame.addEventListener("load", () => {
    frame.contentWindow?.addEventListener("keydown", press);
  });
}

function present() {
  stage.showModal();
  showSlide(0);
}

addEventListener("keydown", press);

for (const frame of document.querySelectorAll("#live iframe")) {
  listen(frame);
}

if (stage) {
  const start = document.querySelector("#start");
  start.hidden = false;
  start.addEventListener("click", present);
  stage.addEventListener("close", () => start.focus());
  stage.querySelector(".slide-end").addEventListener("click", (event) => {
    const button = event.target.closest("button");

    if (button) {
      KEYS[button.dataset.key]();
    }
  });

  if (location.hash === "#present") {
    present();
  }
}
