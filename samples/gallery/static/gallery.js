// The pages work without this. It adds a search that filters as you type,
// buttons that copy commands, and navigation with the arrow keys.

const status = document.querySelector("#status");

// -- Search ------------------------------------------------------------------

const search = document.querySelector("input[type=search]");

search?.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/);
  let count = 0;

  for (const card of document.querySelectorAll(".cards li")) {
    const text = card.textContent.toLowerCase();
    card.hidden = !words.every((word) => text.includes(word));
    count += card.hidden ? 0 : 1;
  }

  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("li:not([hidden])");
  }

  status.textContent = `${count} found`;
});

// -- Copy --------------------------------------------------------------------

for (const block of document.querySelectorAll("code.language-console")) {
  // Copy only the lines that a person types.
  const commands = block.textContent
    .split("\n")
    .filter((line) => line.startsWith("$ "))
    .map((line) => line.slice(2))
    .join("\n");
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the commands");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(commands);
      status.textContent = "Copied";
      button.textContent = "Copied";
    } catch {
      status.textContent = "The browser did not let me copy.";
    }
  });
  block.parentElement.before(button);
}

// -- Keys --------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  const relation = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const busy = event.target.closest("input, textarea, select, .source, pre");

  if (relation && !busy && !event.altKey && !event.ctrlKey && !event.metaKey) {
    const link = document.querySelector(`link[rel=${relation}]`);

    if (link) {
      location.assign(link.href);
    }
  }
});
