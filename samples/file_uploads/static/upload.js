// -- An Easier Solution ----------------------------------------------------

const form = document.querySelector("#upload")
const button = form.querySelector("button")
const bar = form.querySelector("progress")

form.addEventListener("submit", (event) => {
  event.preventDefault()
  button.disabled = true
  bar.parentElement.hidden = false

  // Don't use fetch(), because it doesn't report how much it has sent.
  const request = new XMLHttpRequest()
  request.responseType = "document"
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.max = total
    bar.value = loaded
  })
  // The browser fires this event after a failure, too.
  request.addEventListener("loadend", () => {
    button.disabled = false
    bar.parentElement.hidden = true
    bar.value = 0
    showResult(request)
  })
  request.open("POST", form.action)
  request.send(new FormData(form))
})

function showResult(request) {
  const shown = document.querySelector("#upload-result")
  // The response is the page that a browser without JavaScript shows.
  const result = request.response?.querySelector("#upload-result")

  if (result) {
    shown.replaceWith(result)

    // Empty the form, or a second click would upload the file again.
    if (request.status === 200) {
      form.reset()
    }
  } else {
    shown.querySelector("[role=alert]").textContent =
      "The upload failed. Check the size of the file, and try again."
  }
}
