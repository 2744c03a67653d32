// A note as text nodes alone: nothing of it is ever parsed. Positions are characters as Python counts
// them (code points); a JavaScript string counts an emoji as two.

const CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (name === "button") element.type = "button";
  return element;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function mount(root) {
  const find = (name) => root.querySelector(name);
  const note = find(".note"), contents = find(".contents"), search = find(".find");
  const count = find(".count"), marking = find(".note-marking"), foldAll = find(".fold-all");
  const s = { id: null, text: "", letters: [], folded: new Set(), hits: [], at: 0, spans: [],
              selected: null, removed: null, given: null, edits: 0 };

  // ---- the note

  function draw() {
    const { letters } = s, edges = new Set([0, letters.length]);
    for (const part of [...s.data.pieces, ...s.hits]) { edges.add(part[0]); edges.add(part[1]); }
    for (const one of s.spans) { edges.add(one.start); edges.add(one.end); }
    s.data.sections.forEach((part) => part.slice(0, 3).forEach((at) => edges.add(at)));
    letters.forEach((letter, i) => { if (CONTROLS.test(letter)) { edges.add(i); edges.add(i + 1); } });
    const cuts = [...edges].sort((a, b) => a - b);
    let next = 0;
    const look = pointer(s.data.pieces), hit = pointer(s.hits);
    const into = (parent, end) => {
      for (; cuts[next] < end; next++) {
        const start = cuts[next], stop = cuts[next + 1];
        parent.append(piece(start, stop, look(start), hit(start)));
      }
    };
    const drawn = s.data.sections.map(([start, body, end, title], i) => {
      const section = made("section"), text = made("div", "body");
      next = cuts.indexOf(start, next);
      if (title) {
        const folded = s.folded.has(i), { words } = s.data;
        const fold = made("button", "fold", folded ? "▸" : "▾");
        fold.setAttribute("aria-expanded", String(!folded));
        fold.setAttribute("aria-label", filled(folded ? words.unfold : words.fold, { section: title }));
        fold.addEventListener("click", () => { toggle(i, !folded); foldButton(i).focus(); });
        const heading = made("b", "heading");
        into(heading, body);
        section.append(fold, heading);
        text.hidden = folded;
      }
      into(text, end);
      section.append(text);
      section.dataset.section = i;
      return section;
    });
    note.replaceChildren(...drawn);
  }

  function pointer(parts) {                            // parts in order -> the one at a growing place
    let i = 0;
    return (at) => {
      while (i < parts.length && parts[i][1] <= at) i++;
      return i < parts.length && parts[i][0] <= at ? [parts[i], i] : [null, -1];
    };
  }

  function piece(start, end, [look], [hit, number]) {
    const marks = s.spans.filter((one) => one.start <= start && one.end >= end);
    const element = made(hit ? "mark" : "span", "", s.letters.slice(start, end).join(""));
    element.start = start;
    const titles = [];
    if (look) {
      const [, , kind, background, denied, said] = look;
      if (kind) element.classList.add("word", kind);
      if (denied) element.classList.add("denied");
      element.style.background = background;
      titles.push(said);
    }
    if (hit) element.classList.toggle("current", number === s.at);
    if (CONTROLS.test(element.textContent)) {
      element.classList.add("control");
      titles.push(s.data.words.control);
    }
    if (marks.length) span(element, marks, start, end, titles);
    if (titles.length) element.title = titles.join(". ");
    return element;
  }

  function span(element, marks, start, end, titles) {  // the last made is on top
    const one = marks[marks.length - 1], { words } = s.data;
    const class_name = one.class_name || words.no_class;
    element.classList.add("span");
    titles.push(filled(s.data.marking ? words.remove : words.marked, { class_name }));
    if (one.end === end) element.dataset.label = class_name;
    if (!s.data.marking) return;
    element.addEventListener("click", () => { if (getSelection().isCollapsed) remove(one); });
    if (one.start !== start) return;
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    element.addEventListener("keydown", (event) => {
      if (!["Enter", "Delete", "Backspace"].includes(event.key)) return;
      event.preventDefault();
      remove(one);
      note.focus();
    });
  }

  // ---- sections

  const foldButton = (i) => note.querySelector(`[data-section="${i}"] .fold`);

  function toggle(i, folded) {
    if (folded) s.folded.add(i); else s.folded.delete(i);
    draw(); outline();
  }

  function outline() {
    const titled = s.data.sections.map((part, i) => [part[3], i]).filter(([title]) => title);
    root.classList.toggle("sectioned", titled.length > 1);
    contents.replaceChildren(...titled.map(([title, i]) => {
      const button = made("button", s.folded.has(i) ? "folded" : "", title);
      button.addEventListener("click", () => {
        toggle(i, false);
        scrollTo(note.querySelector(`[data-section="${i}"]`), "start");
      });
      return button;
    }));
    const { words } = s.data;
    foldAll.textContent = s.folded.size ? words.unfold_all : words.fold_all;
  }

  foldAll.addEventListener("click", () => {
    const all = s.data.sections.map((part, i) => i).filter((i) => s.data.sections[i][3]);
    s.folded = new Set(s.folded.size ? [] : all);
    draw(); outline();
  });

  function scrollTo(element, where) {                  // within the note, not the page
    const box = note.getBoundingClientRect(), to = element.getBoundingClientRect();
    const room = where === "start" ? 0 : (box.height - to.height) / 2;
    note.scrollTop += to.top - box.top - room;
  }

  // ---- find

  function look() {                                    // all places of the words, any case
    const words = search.value.trim();
    s.hits = [];
    if (words) {
      const pattern = words.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&").replace(/\s+/g, "\\s+");
      let seen = 0, from = 0;
      for (const found of s.text.matchAll(new RegExp(pattern, "giu"))) {
        seen += length(s.text.slice(from, found.index));
        const end = seen + length(found[0]);
        s.hits.push([seen, end]);
        seen = end; from = found.index + found[0].length;
      }
    }
    go(0);
  }

  const length = (text) => { let n = 0; for (const _ of text) n++; return n; };

  function go(to) {
    const n = s.hits.length, { words } = s.data;
    s.at = n ? (to + n) % n : 0;
    count.textContent = !search.value.trim() ? "" : !n ? words.none
      : filled(words.of, { at: s.at + 1, all: n });
    if (n) {                                           // a place in a folded section is opened
      const at = s.hits[s.at][0];
      s.folded.delete(s.data.sections.findIndex((part) => part[0] <= at && at < part[2]));
    }
    draw(); outline();
    const current = note.querySelector("mark.current");
    if (current) scrollTo(current, "middle");
  }

  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(s.at + (event.shiftKey ? -1 : 1));
    else if (event.key === "Escape") { search.value = ""; look(); note.focus(); }
    else return;
    event.preventDefault();
  });
  find(".previous").addEventListener("click", () => go(s.at - 1));
  find(".next").addEventListener("click", () => go(s.at + 1));

  function onSlash(event) {                            // where no text box awaits it
    const at = event.composedPath()[0];
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented ||
        !at.tagName || at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName) &&
        !["radio", "checkbox", "range", "button"].includes(at.type)) return;
    const mine = at.closest?.(".note-view") || document.querySelector(".note-view");
    if (mine !== root) return;
    event.preventDefault();
    search.focus(); search.select();
  }

  // ---- spans

  function selection() {                               // [start, end) in characters, or null
    const chosen = getSelection();
    if (!chosen.rangeCount || chosen.isCollapsed) return null;
    const range = chosen.getRangeAt(0);
    let start = Infinity, end = -1;
    for (const element of note.querySelectorAll("span, mark")) {
      const node = element.firstChild;
      if (element.start === undefined || !node || !range.intersectsNode(node)) continue;
      const from = node === range.startContainer ? range.startOffset : 0;
      const to = node === range.endContainer ? range.endOffset : node.data.length;
      if (from >= to) continue;
      start = Math.min(start, element.start + length(node.data.slice(0, from)));
      end = Math.max(end, element.start + length(node.data.slice(0, to)));
    }
    while (start < end && /\s/.test(s.letters[start])) start++;
    while (end > start && /\s/.test(s.letters[end - 1])) end--;
    return start < end ? [start, end] : null;
  }

  function onSelection() {
    if (!s.data.marking) return;
    const now = selection();
    if (JSON.stringify(now) === JSON.stringify(s.selected)) return;
    s.selected = now;
    offer();
  }

  function offer() {                                   // what may be done with what is selected
    const { words, classes } = s.data;
    marking.hidden = !s.data.marking;
    if (!s.selected && s.removed) {
      const undo = made("button", "", words.undo);
      undo.addEventListener("click", () => { s.spans = s.removed; s.removed = null; changed(); });
      marking.replaceChildren(made("span", "quiet", words.removed), undo);
      return;
    }
    if (!s.selected) { marking.replaceChildren(made("span", "quiet", words.select)); return; }
    const buttons = [...classes, null].map((class_name) => {
      const button = made("button", "", class_name || words.no_class);
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", () => add(class_name));
      return button;
    });
    marking.replaceChildren(made("span", "quiet", words.mark_as), ...buttons);
  }

  function add(class_name) {
    const [start, end] = s.selected;
    const same = (one) => one.start === start && one.end === end && one.class_name === class_name;
    s.removed = s.selected = null;
    getSelection().removeAllRanges();
    if (!s.spans.some(same)) s.spans = [...s.spans, { start, end, class_name }];
    changed();
  }

  function remove(one) {
    s.removed = s.spans;
    s.spans = s.spans.filter((other) => other !== one);
    changed();
  }

  function changed() {
    draw(); offer();
    s.send("marked", { id: s.id, edits: ++s.edits, marks: s.spans });
  }

  const listeners = new AbortController(), { signal } = listeners;
  document.addEventListener("keydown", onSlash, { signal });
  document.addEventListener("selectionchange", onSelection, { signal });
  root.unmount = () => listeners.abort();

  return (data, send) => {
    const now = `${data.id}\n${data.text}`, given = JSON.stringify(data.marks);
    s.data = data; s.send = send; s.id = data.id;
    note.style.maxHeight = `${data.height}px`;
    if (s.now !== now) {
      Object.assign(s, { now, text: data.text, letters: Array.from(data.text), folded: new Set(),
                         hits: [], at: 0, selected: null, removed: null, given: null,
                         edits: data.heard });
      search.value = ""; count.textContent = "";
      note.scrollTop = 0;
    }
    // an edit that the server has not answered yet is newer than what it gives
    if (s.given === null || (given !== s.given && data.heard === s.edits)) {
      s.given = given; s.spans = data.marks;
    }
    const shown = JSON.stringify([now, data.pieces, s.spans, data.marking, data.classes]);
    if (shown === s.shown) return;                     // a rerun leaves a selection as it is
    s.shown = shown;
    draw(); outline(); offer();
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".note-view");
  if (!root || !data) return;
  if (!root.update) root.update = mount(root);
  root.update(data, setTriggerValue);
  return root.unmount;
}
