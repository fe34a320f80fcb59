// Moves the bars of `{% flowrra_progress %}` until their jobs have ended.

import { follow } from "./following.js";

// A new attempt tells nothing yet: what the last one told stands until it does.
function held(bar, state) {
  const last = bar.flowrraState;
  const isNew = state.status === "running" && state.percent === null && state.detail === "";
  return isNew && last ? { ...state, percent: last.percent, detail: last.detail } : state;
}

function show(bar, told) {
  const state = held(bar, told);
  const { status, percent, words, detail } = state;
  bar.flowrraState = state;
  const meter = bar.querySelector("[role=progressbar]");
  bar.dataset.status = status;
  setText(bar.querySelector("[data-words]"), words);
  setText(bar.querySelector("[data-detail]"), detail);
  setAttribute(meter, "aria-valuenow", percent);
  setAttribute(meter, "aria-valuetext", [words, detail].filter(Boolean).join(", "));
  bar.querySelector("rect").setAttribute("width", percent ?? 100);
  bar.dispatchEvent(new CustomEvent("flowrra:progress", { bubbles: true, detail: state }));
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

function start(bar) {
  if (bar.hasAttribute("data-started")) return;
  bar.setAttribute("data-started", "");

  function heard(state) {
    show(bar, state);
    return !state.final;
  }

  async function poll() {
    let response;
    try {
      response = await fetch(bar.dataset.poll, { credentials: "omit" });
    } catch {
      return true; // the server is away, and comes back
    }
    if (response.ok || response.status === 404) return heard(await response.json());
    return response.status >= 500;
  }

  if (!bar.hasAttribute("data-final")) follow(bar.dataset.socket, { heard, poll });
}

document.querySelectorAll(".flowrra-progress").forEach(start);
