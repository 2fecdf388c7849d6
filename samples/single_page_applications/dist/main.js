const main = document.querySelector("main")
const siteName = document.title

// The app's root is "/", or "/prefix/" if the app is under a prefix.
const root = new URL(document.baseURI).pathname

// -- Views: each returns a heading and the elements below it ----------------

const routes = [
  [/^$/, home],
  [/^items$/, itemList],
  [/^items\/(\d+)$/, itemDetail],
  [/^about$/, about],
]

function home() {
  const text = "The links change this page without loading another."
  return [siteName, element("p", text)]
}

async function itemList() {
  const list = element("ul")

  for (const item of await api("items")) {
    const li = element("li")
    li.append(element("a", item.name, { href: `items/${item.id}` }))
    list.append(li)
  }

  return ["Items", list]
}

async function itemDetail(id) {
  const item = await api(`items/${id}`)
  const link = element("a", "All items", { href: "items" })
  return [item.name, element("p", item.text), link]
}

function about() {
  return ["About", element("p", "Flask sends one page. The rest is JSON.")]
}

function notFound() {
  return ["Page not found", element("p", "There is no view at this URL.")]
}

// Set textContent, so that markup in the text stays text.
function element(tag, textContent = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent }, properties)
}

async function api(path) {
  const response = await fetch(`api/${path}`)

  // fetch() fails only if there is no response, so check the status, too.
  if (!response.ok) {
    throw new Error(`The server responded with ${response.status}.`)
  }

  return response.json()
}

// -- Routing ----------------------------------------------------------------

function findView(pathname) {
  for (const [pattern, view] of routes) {
    const match = pattern.exec(pathname.slice(root.length))

    if (match) {
      return () => view(...match.slice(1))
    }
  }
}

// Remember the latest view, because an earlier one might finish loading later.
let current

async function show() {
  const view = findView(location.pathname) ?? notFound
  current = view
  let content

  try {
    content = await view()
  } catch (error) {
    console.error(error)
    content = ["Sorry", element("p", error.message, { role: "alert" })]
  }

  // The visitor might have moved on while this view waited for the API.
  if (view === current) {
    const [title, ...elements] = content
    main.replaceChildren(element("h1", title, { tabIndex: -1 }), ...elements)
    document.title = title === siteName ? title : `${title} - ${siteName}`
  }
}

document.addEventListener("click", async (event) => {
  // The browser handles new tabs, downloads, fragments, links in an SVG, and
  // everything that isn't a view of this application.
  const link = event.target.closest("a[href]:not([target], [download], svg a)")
  const view =
    link?.href.startsWith(document.baseURI) && findView(link.pathname)
  const hasModifier =
    event.ctrlKey || event.metaKey || event.shiftKey || event.altKey

  if (!view || hasModifier || link.hash) {
    return
  }

  event.preventDefault()
  history.pushState(null, "", link.href)
  await show()
  // Move the focus to the heading, as if the browser had loaded a new page.
  main.firstChild.focus()
})

window.addEventListener("popstate", show)
show()
