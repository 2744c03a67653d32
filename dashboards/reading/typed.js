// What is typed into a text box of the form is sent on a pause, as Ctrl+Enter would: a browser that
// is closed in the middle of a comment loses no more than its last second.

const PAUSE = 1000;

export default function () {
  let waiting = 0;
  const typed = (event) => {
    const box = event.target;
    if (!box.matches?.(".st-key-form textarea")) return;
    clearTimeout(waiting);
    const enter = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true };
    waiting = setTimeout(() => box.dispatchEvent(new KeyboardEvent("keydown", enter)), PAUSE);
  };
  document.addEventListener("input", typed);
  return () => document.removeEventListener("input", typed);
}
