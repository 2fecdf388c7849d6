const find = (selector) => document.querySelector(selector);
const json = (selector) => JSON.parse(find(selector).textContent);

/** Fetch and return the response; throw an Error that says what is wrong. */
async function request(url, options) {
  let response;

  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }

  // For fetch, 404 and 500 are answers like any other.
  if (!response.ok) {
    const isJson = response.headers.get("Content-Type") === "application/json";
    throw new Error(
      isJson
        ? (await response.json()).error
        : `The server failed with status ${response.status}.`
    );
  }

  return response;
}

/** When the form is sent, call `work`; show the text or the error of it. */
function onSubmit(selector, work) {
  const form = find(selector);
  const output = form.querySelector("output");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();

    try {
      output.textContent = (await work(form)) ?? "";
      output.className = "";
    } catch (error) {
      output.textContent = error.message;
      output.className = "error";
    }
  });
}

/** Make a list item of the text. As text, `<b>` is three characters. */
function item(text) {
  const li = document.createElement("li");
  li.textContent = text;
  return li;
}

// -- Rendering Templates ----------------------------------------------------

find("#caption").textContent = JSON.parse(find("#caption").dataset.caption);

for (const [drink, cups] of Object.entries(json("#chart-data"))) {
  find("#chart").append(item(`${drink} ${"▮".repeat(cups)} ${cups}`));
}

// -- Generating URLs --------------------------------------------------------

const urls = json("#urls");
const userUrl = (id) => `${urls.script_root}/user/${encodeURIComponent(id)}`;

onSubmit("#user", async (form) => {
  const user = await (await request(userUrl(form.elements.id.value))).json();
  return `${user.username}, ${user.email}`;
});

// -- Making a Request with fetch --------------------------------------------

onSubmit("#room", async (form) => {
  const body = new FormData(form);
  const response = await request(form.action, { method: "POST", body });
  const room = await response.json();
  find("#rooms").append(item(`${room.name}: ${room.description}`));
  form.reset();
  return `Room ${room.id} is open.`;
});

// -- Following Redirects ----------------------------------------------------

onSubmit("#login", async (form) => {
  const body = new FormData(form);
  const response = await request(form.action, { method: "POST", body });

  // The redirect was followed behind the page's back. Make the page follow.
  if (response.redirected) {
    window.location = response.url;
  }
});

// -- Replacing Content ------------------------------------------------------

onSubmit("#fact", async (form) => {
  const html = await (await request(form.action)).text();

  // HTML of our own template, in which Jinja has escaped the text.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  find("#geology-fact").replaceChildren(...parsed.body.childNodes);
});

// -- Return JSON from Views -------------------------------------------------

onSubmit("#list", async () => {
  const users = await (await request(urls.users)).json();
  const items = users.map((user) => item(`${user.id}: ${user.username}`));
  find("#users").replaceChildren(...items);
});

// -- Receiving JSON in Views ------------------------------------------------

onSubmit("#update", async (form) => {
  const { id, ...fields } = Object.fromEntries(new FormData(form));
  const filled = Object.entries(fields).filter(([, value]) => value !== "");
  const response = await request(userUrl(id), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(Object.fromEntries(filled)),
  });
  const user = await response.json();
  return `User ${user.id} is ${user.username}, ${user.email}.`;
});
