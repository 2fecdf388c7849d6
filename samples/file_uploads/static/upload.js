const form = document.querySelector("form");
const button = form.querySelector("button");
const bar = form.querySelector("progress");

form.addEventListener("submit", (event) => {
  event.preventDefault();

  // fetch() would be shorter, but cannot tell how much it has sent.
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.max = total;
    bar.value = loaded;
  });
  // It comes after success, after a refusal and without a connection alike.
  request.addEventListener("loadend", () => {
    showSending(false);
    showResult(request);
  });

  showSending(true);
  request.open("POST", form.action);
  request.send(new FormData(form));
});

function showSending(sending) {
  bar.value = 0;
  bar.parentElement.hidden = !sending;
  button.disabled = sending;
}

function showResult({ response, responseURL }) {
  // The answer is a whole page, the one that the redirect led to.
  const result = response?.querySelector("#result");

  if (result) {
    document.querySelector("#result").replaceWith(result);
    history.replaceState(null, "", responseURL);
  } else {
    document.querySelector("[role=alert]").textContent =
      "The file did not arrive. Try again.";
  }
}
