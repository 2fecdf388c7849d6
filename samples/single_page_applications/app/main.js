const main = document.querySelector("main");
const name = document.title;

// Where the application is mounted: "/" or, below a prefix, "/prefix/".
const root = new URL(document.baseURI).pathname;

// -- Views: each returns a heading and the elements below it ----------------

const routes = [
  [/^$/, home],
  [/^items$/, itemList],
  [/^items\/(\d+)$/, itemDetail],
  [/^about$/, about],
];

function home() {
  const text = "The links change this page. They do not load another one.";
  return [name, element("p", text)];
}

async function itemList(signal) {
  const list = element("ul");

  for (const item of await api("items", signal)) {
    const li = element("li");
    li.append(element("a", item.name, { href: `items/${item.id}` }));
    list.append(li);
  }

  return ["Items", list];
}

async function itemDetail(signal, id) {
  const item = await api(`items/${id}`, signal);
  const back = element("a", "All items", { href: "items" });
  return [item.name, element("p", item.text), back];
}

function about() {
  return ["About", element("p", "Flask sent one page. The rest is JSON.")];
}

function missing() {
  return ["Page not found", element("p", "Nothing is at this address.")];
}

function failed(error) {
  const again = element("button", "Try again");
  again.addEventListener("click", () => show({ focus: true }));
  return ["Sorry", element("p", error.message, { role: "alert" }), again];
}

/** Make an element. Its text stays text: `<b>` is three characters. */
function element(tag, textContent = "", properties = {}) {
  const made = document.createElement(tag);
  return Object.assign(made, { textContent }, properties);
}

// -- The API ----------------------------------------------------------------

/** Fetch JSON; throw an Error whose message a person can read. */
async function api(path, signal) {
  let response;

  try {
    response = await fetch(`api/${path}`, { signal });
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

  return response.json();
}

// -- Routing ----------------------------------------------------------------

let controller = new AbortController();

/** Return the view of a URL, a function of a signal, or undefined. */
function find(url) {
  const path = new URL(url).pathname.slice(root.length).replace(/\/$/, "");

  for (const [pattern, view] of routes) {
    const match = pattern.exec(path);

    if (match) {
      return (signal) => view(signal, ...match.slice(1));
    }
  }
}

/** Show the view of the address bar's URL. */
async function show({ focus }) {
  // Whoever moves on does not wait for the view before.
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  const view = find(location.href) ?? missing;
  main.ariaBusy = "true";
  const [title, ...below] = await Promise.resolve(signal)
    .then(view)
    .catch(failed);

  if (signal.aborted) {
    return;
  }

  const heading = element("h1", title, { tabIndex: -1 });
  main.replaceChildren(heading, ...below);
  main.ariaBusy = "false";
  document.title = title === name ? name : `${title} - ${name}`;

  for (const link of document.querySelectorAll("nav a")) {
    link.ariaCurrent = link.href === location.href ? "page" : null;
  }

  // A new page is read out from its top. So is a new view.
  if (focus) {
    heading.focus();
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const special = event.ctrlKey || event.metaKey || event.shiftKey;

  // New tabs, other sites and what is no view belong to the browser.
  if (!link?.href.startsWith(document.baseURI) || special || !find(link.href)) {
    return;
  }

  event.preventDefault();

  if (link.href !== location.href) {
    history.pushState(null, "", link.href);
  }

  show({ focus: true });
});

window.addEventListener("popstate", () => show({ focus: true }));
show({ focus: false });
