const find = (selector) => document.querySelector(selector)

// Set textContent, so that markup in the text stays text.
function addItem(selector, text) {
  const item = document.createElement("li")
  item.textContent = text
  find(selector).append(item)
}

// -- Rendering Templates ----------------------------------------------------

const chartData = JSON.parse(find("#chart-data").textContent)
find("#caption").textContent = JSON.parse(find("#caption").dataset.caption)

for (const [drink, cups] of Object.entries(chartData)) {
  addItem("#chart", `${drink} ${"▮".repeat(cups)} ${cups}`)
}

// -- Generating URLs --------------------------------------------------------

// A script has no url_for(), so the page passes it the URLs. For a URL with a
// variable part, start with the app's root, because the app might be under a
// prefix.
const urls = JSON.parse(find("#urls").textContent)
const userUrl = (id) => `${urls.script_root}/user/${id}`

// -- Making a Request with fetch --------------------------------------------

find("#room").addEventListener("submit", async (event) => {
  event.preventDefault()
  const form = event.target
  const output = form.querySelector("output")
  const response = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
  })
  const data = await response.json()

  // fetch() doesn't throw for a status such as 400, so check for it.
  if (!response.ok) {
    output.textContent = data.error
    return
  }

  addItem("#rooms", `${data.name}: ${data.description}`)
  output.textContent = `Room ${data.id} is open.`
})

// The other forms need the same steps. These two functions do them, and also show
// network errors.

async function request(url, options) {
  const response = await fetch(url, options)

  if (response.ok) {
    return response
  }

  // An error page, for example from a proxy, isn't JSON.
  if (response.headers.get("Content-Type") !== "application/json") {
    throw new Error(`The status is ${response.status}.`)
  }

  const data = await response.json()
  throw new Error(data.error)
}

function onSubmit(selector, getMessage) {
  find(selector).addEventListener("submit", async (event) => {
    event.preventDefault()
    const form = event.target
    const output = form.querySelector("output")

    try {
      output.textContent = await getMessage(form)
    } catch (error) {
      console.error(error)
      output.textContent = error.message
    }
  })
}

// -- Following Redirects ----------------------------------------------------

onSubmit("#login", async (form) => {
  const response = await request(form.action, {
    method: "POST",
    body: new FormData(form),
  })

  // fetch() followed the redirect, but the browser still shows this page.
  if (response.redirected) {
    window.location = response.url
  }

  return "You are logged in."
})

// -- Replacing Content ------------------------------------------------------

onSubmit("#fact", async (form) => {
  const response = await request(form.action)
  // This HTML comes from the app's own template, where Jinja escapes the text.
  const page = new DOMParser().parseFromString(await response.text(), "text/html")
  find("#geology-fact").replaceChildren(...page.body.childNodes)
  return ""
})

// -- Return JSON from Views -------------------------------------------------

onSubmit("#list", async () => {
  const response = await request(urls.users)
  find("#users").replaceChildren()

  for (const user of await response.json()) {
    addItem("#users", `${user.id}: ${user.username}`)
  }

  return ""
})

onSubmit("#user", async (form) => {
  const response = await request(userUrl(form.elements.id.value))
  const user = await response.json()
  return `${user.username}, ${user.email}`
})

// -- Receiving JSON in Views ------------------------------------------------

onSubmit("#update", async (form) => {
  const { id, ...fields } = Object.fromEntries(new FormData(form))
  const response = await request(userUrl(id), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  })
  const user = await response.json()
  return `User ${user.id} is ${user.username}, ${user.email}.`
})
