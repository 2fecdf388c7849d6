const { resultUrl } = document.querySelector("#tasks").dataset

for (const form of document.querySelectorAll("#tasks form")) {
  const button = form.querySelector("button")
  const output = form.querySelector("output")
  const bar = form.querySelector("progress")

  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    button.disabled = true
    bar.value = 0
    output.textContent = "The task is waiting or running."

    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
      })
      const { result_id, error } = await response.json()
      output.textContent = error ?? (await follow(result_id, bar))
    } catch {
      output.textContent = "The server failed or is unavailable. See its log."
    }

    button.disabled = false
  })
}

// Request the result until it is ready, and move the bar in the meantime.
async function follow(id, bar) {
  while (true) {
    const response = await fetch(resultUrl + id)
    const { error, ready, successful, value, state } = await response.json()

    if (error) {
      return error
    }

    if (ready) {
      bar.value = successful ? bar.max : 0
      return `${state}: ${value}`
    }

    // Before the first step, there is no value yet.
    if (value?.total) {
      bar.max = value.total
      bar.value = value.current
    }

    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
