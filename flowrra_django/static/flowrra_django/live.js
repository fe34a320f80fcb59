// Keeps a page of the admin as it would be if it were loaded again. The server writes the page as
// ever, with the reader's permissions and everything escaped; here only what differs is exchanged.

import { follow } from "./following.js";

const SECONDS_BETWEEN = 1;
const SECONDS_OF_TRUTH = 10; // times pass, and not every change is heard of
const HEADER = { "X-Flowrra-Live": "1" };

const own = document.querySelector("script[data-flowrra-live]");
let loading = false;
let again = false;
let isOver = false;

// Load the page and take what is new in it; false if the reader may not see it any more.
async function refresh() {
  again = loading;
  if (isOver || loading) return !isOver;
  loading = true;
  isOver = !(await load());
  setTimeout(() => {
    loading = false;
    if (again) refresh();
  }, SECONDS_BETWEEN * 1000);
  return !isOver;
}

async function load() {
  if (isInUse()) return true;
  let response;
  try {
    response = await fetch(location.href, { headers: HEADER, redirect: "manual" });
  } catch {
    return true; // the server is away, and comes back
  }
  if (response.status >= 500) return true;
  if (!response.ok) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!isInUse()) take(fresh);
  return true;
}

// Whether the reader is marking text, which an exchange would undo.
function isInUse() {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed;
}

function take(fresh) {
  const list = document.getElementById("changelist-form");
  const freshList = fresh.getElementById("changelist-form");
  if (list && freshList) takeList(list, freshList);
  else morph(document.getElementById("content"), fresh.getElementById("content"));
  document.dispatchEvent(new CustomEvent("flowrra:refreshed"));
}

// A list in which something is selected keeps its rows, so that no other job comes to be selected.
function takeList(list, fresh) {
  if (list.querySelector(":checked:not(option)") || list.contains(document.activeElement)) {
    for (const row of list.querySelectorAll("#result_list tbody tr")) {
      const box = row.querySelector("input.action-select");
      const other = box && fresh.querySelector(`input.action-select[value="${box.value}"]`);
      if (other) morph(row, other.closest("tr"));
    }
    return;
  }
  if (list.innerHTML === fresh.innerHTML) return;
  list.replaceWith(document.adoptNode(fresh));
  const boxes = document.querySelectorAll("tr input.action-select");
  if (boxes.length > 0 && window.Actions) window.Actions(boxes);
}

// Make an element like another one, in place, so that what is folded out or typed in stays so.
function morph(old, fresh) {
  if (!old || !fresh) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(document.adoptNode(fresh));
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (!isKept(old)) {
    copyAttributes(old, fresh);
    morphChildren(old, fresh);
  }
}

function isKept(element) {
  if (element.matches("script, style, input:not([type=hidden]), textarea, select, [data-flowrra-keep]")) return true;
  return element.matches("form") && element.contains(document.activeElement);
}

function copyAttributes(old, fresh) {
  const kept = old.nodeName === "DETAILS" ? ["open"] : old.nodeName === "TR" ? ["class"] : [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value);
  }
}

// Rows that have come or gone are exchanged with all others, never made of another's: who is about
// to press a button in one of them would hit another one.
function morphChildren(old, fresh) {
  if (keysOf(old) !== keysOf(fresh)) {
    if (!old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
    return;
  }
  const wanted = [...fresh.childNodes];
  const there = [...old.childNodes];
  wanted.forEach((node, at) => {
    if (at < there.length) morph(there[at], node);
    else old.append(document.adoptNode(node));
  });
  there.slice(wanted.length).forEach((node) => node.remove());
}

function keysOf(element) {
  return JSON.stringify([...element.children].map((child) => child.dataset.flowrraKey));
}

if (own) {
  follow(own.dataset.flowrraLive, { heard: refresh, poll: refresh });
  setInterval(() => document.hidden || refresh(), SECONDS_OF_TRUTH * 1000);
}
