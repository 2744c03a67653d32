// Shortcuts. Keys pressed in a viewer go to it; of those pressed elsewhere on the page only letters
// that no text box awaits are taken, by the viewer last used, else the first on the page.

const viewers = new Map();                             // root -> what it does with a key
const EVERYWHERE = { o: "overlay", i: "invert", m: "measure", 0: "reset" };
const FOCUSED = { ...EVERYWHERE, "+": "in", "=": "in", "-": "out", ArrowUp: "up", PageUp: "up",
                  ArrowDown: "down", PageDown: "down", s: "strongest", Delete: "remove",
                  Backspace: "remove", Escape: "leave", 1: "first", 2: "second", 3: "third" };
const SILENT = ["range", "radio", "checkbox", "button", "submit"];
let lastUsed = null;

function awaitsText(element) {
  const name = element.tagName;
  return name === "TEXTAREA" || name === "SELECT" || element.isContentEditable ||
    (name === "INPUT" && !SILENT.includes(element.type));
}

function onKey(event) {
  for (const root of viewers.keys()) if (!root.isConnected) viewers.delete(root);
  const at = event.composedPath()[0];
  if (!viewers.size || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey ||
      !at.tagName || awaitsText(at)) return;
  const order = (a, b) => {
    const [one, other] = [a, b].map((root) => root.getBoundingClientRect());
    return one.top - other.top || one.left - other.left;
  };
  const within = [...viewers.keys()].find((root) => event.composedPath().includes(root));
  const root = within || (viewers.has(lastUsed) ? lastUsed : [...viewers.keys()].sort(order)[0]);
  const onPicture = within && at.classList.contains("picture");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // the arrow keys of a slider or of the page are their own
  const name = (onPicture ? FOCUSED : EVERYWHERE)[key];
  if (name && viewers.get(root)(name)) event.preventDefault();
}

function listen(root, act) {
  if (!viewers.size) document.addEventListener("keydown", onKey);
  viewers.set(root, act);
  const used = () => { lastUsed = root; };
  root.addEventListener("focusin", used);
  root.addEventListener("pointerdown", used);
}

function unlisten(root) {
  viewers.delete(root);
  if (!viewers.size) document.removeEventListener("keydown", onKey);
}
