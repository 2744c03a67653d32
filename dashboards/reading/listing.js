// A table whose lines open a case: click, or Enter on its first cell; arrow keys move between lines.
// Every text is set as text, never as markup.

function cell(kind, text, className) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".listing");
  if (!root || !data) return;
  root.querySelector("caption").textContent = data.label;
  const heads = document.createElement("tr");
  for (const head of data.heads) { const made = cell("th", head); made.scope = "col"; heads.append(made); }
  root.querySelector("thead").replaceChildren(heads);
  const buttons = [];
  const lines = data.rows.map((row) => {
    const line = document.createElement("tr");
    line.dataset.status = row.status;
    const first = document.createElement("th"), button = cell("button", row.cells[0]);
    first.scope = "row";
    button.type = "button";
    button.disabled = row.shut;
    const open = () => { if (!row.shut) setTriggerValue("opened", row.place); };
    button.addEventListener("click", (event) => { event.stopPropagation(); open(); });
    line.addEventListener("click", open);
    buttons.push(button);
    first.append(button);
    line.append(first, ...row.cells.slice(1).map((text, i) => cell("td", text, data.kinds[i + 1])));
    return line;
  });
  root.querySelector("tbody").replaceChildren(...lines);
  root.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const focused = root.getRootNode().activeElement, at = buttons.indexOf(focused);
    if (!by || at < 0 || !buttons[at + by]) return;
    event.preventDefault();
    buttons[at + by].focus();
  };
}
