// Hears of changes through a socket; while there is none, asks now and then, and says nothing of it.

const REFUSED = [4401, 4403];
const POLL_SECONDS = 2;
const LONGEST_SECONDS = 30;

// Call `heard` with each message, and `poll` while nothing can be heard, until one of them returns
// (or promises) false, or the site refuses. Without a path there is no socket to try.
export function follow(path, { heard, poll }) {
  let tries = 0;
  let polling = null;
  let isOver = false;

  function stop() {
    isOver = true;
    stopPolling();
  }

  async function ask(question, ...told) {
    if (!isOver && (await question(...told)) === false) stop();
  }

  function startPolling() {
    if (isOver || polling !== null) return;
    polling = setInterval(() => document.hidden || ask(poll), POLL_SECONDS * 1000);
  }

  function stopPolling() {
    clearInterval(polling);
    polling = null;
  }

  function connect() {
    if (isOver) return;
    const socket = new WebSocket(address(path));
    socket.addEventListener("open", () => {
      tries = 0;
      stopPolling();
    });
    socket.addEventListener("message", (event) => ask(heard, JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      if (REFUSED.includes(event.code)) stop();
      startPolling();
      setTimeout(connect, wait(tries++));
    });
  }

  startPolling();
  if (path) connect();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && polling !== null) ask(poll);
  });
}

function address(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

// Twice as long each time, and not the same for all who lost the same server.
function wait(tries) {
  const seconds = Math.min(0.5 * 2 ** tries, LONGEST_SECONDS);
  return seconds * (0.5 + Math.random() / 2) * 1000;
}
