const POLL = 200; // milliseconds from one look at a result to the next
const PATIENCE = 3000; // milliseconds without news until the page says so
const NO_NEWS =
  "No worker answers. Is one running, and has it nothing else to do?" +
  " It starts with: celery -A app worker";

const wait = (milliseconds) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Fetch and return the response; throw an Error that says what is wrong. */
async function request(url, options) {
  let response;

  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }

  if (!response.ok) {
    const isJson = response.headers.get("Content-Type") === "application/json";
    const text = isJson
      ? (await response.json()).error
      : `The server failed with status ${response.status}.`;
    throw new Error(text, { cause: response.status });
  }

  return response;
}

/** Put an item on top of the list; return what sets its bar and its text. */
function addItem(title) {
  const item = document.querySelector("template").content.cloneNode(true);
  const bar = item.querySelector("progress");
  const output = item.querySelector("output");
  item.querySelector("span").textContent = title;
  document.querySelector("#tasks").prepend(item);

  return (text, { current, total, isError = false } = {}) => {
    output.className = isError ? "error" : "";

    // A screen reader says it again whenever it is set.
    if (output.textContent !== text) {
      output.textContent = text;
    }

    // Without a value, the bar of a task that waits moves to and fro.
    if (total !== undefined) {
      bar.max = total;
      bar.value = current;
    }
  };
}

/** Look at the result again and again, and show it, until it is there. */
async function follow(url, show) {
  let before;
  let since;

  while (true) {
    try {
      const text = await (await request(url)).text();
      const { ready, successful, value, state } = JSON.parse(text);

      if (ready) {
        return successful
          ? show(`Result: ${value}`, { current: 1, total: 1 })
          : show(`Failed: ${value}. The worker's log says why.`, {
              current: 0,
              total: 1,
              isError: true,
            });
      }

      if (text !== before) {
        before = text;
        since = Date.now();
      }

      const isLate = Date.now() - since > PATIENCE;
      const news = state === "PROGRESS" ? "A worker is on it." : "Waiting.";
      show(isLate ? NO_NEWS : news, { ...value, isError: isLate });
    } catch (error) {
      show(error.message, { isError: true });

      // Everything else may pass.
      if (error.cause === 404) {
        return;
      }
    }

    await wait(POLL);
  }
}

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = new FormData(form);
    const fields = [...body].map(([name, value]) => `${name} = ${value}`);
    const button = form.querySelector("button").textContent;
    const show = addItem([button, ...fields].join(", "));

    try {
      const response = await request(form.action, { method: "POST", body });
      const location = response.headers.get("Location");
      await follow(new URL(location, response.url), show);
    } catch (error) {
      show(error.message, { current: 0, total: 1, isError: true });
    }
  });
}
