// What a reader draws on the picture: points and boxes, which are sent back, and measures, which are
// not. All in pixels of the display copy. A shape is drawn by a drag or by two clicks.

const MARK = "#ffd84d", LINE = "#8be0d4", NEAR = 9;    // NEAR: pixels on the screen that still hit

function drawnShapes(view) {
  // view: root, state(), place(), draw(), page(slice), tell(marks)
  const { root } = view, list = root.querySelector(".shapes"), picker = root.querySelector(".class");
  const toolButtons = [...root.querySelectorAll("[data-tool]")];
  const deleteButton = root.querySelector(".delete");
  let shapes = [], chosen = null, tool = "", begun = null, words = {}, spacing = null;

  const marks = () => shapes.filter((one) => one.kind !== "line");
  const fixed = (one) => one.kind !== "line" && !root.classList.contains("markable");
  const short = (value) => Math.round(value * 10) / 10;

  function clamped([x, y]) {
    const { width, height } = view.state().image;
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  }

  function length({ width, height }) {                 // in mm where the pixel's size is known
    if (!spacing) return `${Math.hypot(width, height).toFixed(1)} ${words.pixels}`;
    const mm = Math.hypot(width * spacing[1], height * spacing[0]);
    return `${mm.toFixed(1)} ${words.mm}`;
  }

  function said(one) {
    if (one.kind === "line") return length(one);
    return `${marks().indexOf(one) + 1} ${one.class_name || words.no_class}`;
  }

  function changed(one) {                              // drawn anew, and sent if it was a mark
    listed(); view.draw();
    if (one.kind !== "line") view.tell(marks());
  }

  function listed() {                                  // the same as buttons, for keys and readers
    const { slices } = view.state().image || { slices: 1 };
    list.replaceChildren(...shapes.map((one) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = one.kind;
      button.textContent = said(one) + (slices > 1 ? `, ${words.slice} ${one.slice + 1}` : "");
      button.setAttribute("aria-pressed", String(one === chosen));
      button.setAttribute("aria-label", `${words[one.kind]}: ${button.textContent}`);
      button.addEventListener("click", () => {
        choose(one === chosen ? null : one);
        if (one.slice !== view.state().slice) view.page(one.slice);
      });
      return button;
    }));
    root.dataset.shapes = shapes.map(said).join("; ");
    deleteButton.disabled = !chosen || fixed(chosen);
    deleteButton.hidden = !shapes.length;
  }

  function choose(one) {
    chosen = one;
    if (one && one.kind !== "line") picker.value = one.class_name || "";
    listed(); view.draw();
  }

  function remove() {
    if (!chosen || fixed(chosen)) return false;
    const gone = chosen;
    shapes = shapes.filter((one) => one !== gone);
    chosen = null;
    changed(gone);
    return true;
  }

  function setTool(name) {
    tool = name === tool ? "" : name;
    begun = null;
    for (const button of toolButtons)
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    root.dataset.tool = tool;
    view.draw();
  }

  function made(from, to) {
    const [x, y] = from, width = to[0] - x, height = to[1] - y, { slice } = view.state();
    if (tool === "measure") return { kind: "line", x, y, width, height, slice };
    return { kind: "box", x: Math.min(x, to[0]), y: Math.min(y, to[1]), width: Math.abs(width),
             height: Math.abs(height), slice };
  }

  function finish(one) {
    begun = null;
    for (const key of ["x", "y", "width", "height"]) one[key] = short(one[key]);
    if (one.kind !== "line") one.class_name = picker.value || null;
    if (one.kind === "box" && !(one.width && one.height)) return view.draw();
    shapes.push(one);
    chosen = one;
    changed(one);
  }

  function hit([x, y]) {                               // the shape under a click, the last drawn first
    const near = NEAR * (window.devicePixelRatio || 1) / view.place().scale, { slice } = view.state();
    return [...shapes].reverse().find((one) => {
      if (one.slice !== slice) return false;
      if (one.kind !== "line")
        return x >= one.x - near && x <= one.x + one.width + near && y >= one.y - near &&
          y <= one.y + one.height + near;
      const square = one.width ** 2 + one.height ** 2 || 1;
      const along = ((x - one.x) * one.width + (y - one.y) * one.height) / square;
      const t = Math.min(Math.max(along, 0), 1);
      return Math.hypot(x - one.x - t * one.width, y - one.y - t * one.height) <= near;
    });
  }

  function down(at) {                                  // whether a tool took it
    if (!tool) return false;
    if (begun) return true;                            // the second of two clicks
    begun = { from: clamped(at), to: clamped(at), held: true };
    return true;
  }

  function move(at) {
    if (!begun) return false;
    begun.to = clamped(at);
    view.draw();
    return true;
  }

  function up(at, moved) {                             // moved: by more than a click's tremble
    if (!tool || !begun) return;
    begun.to = clamped(at);
    const { slice } = view.state();
    if (tool === "point")
      finish({ kind: "point", x: begun.to[0], y: begun.to[1], width: 0, height: 0, slice });
    else if (moved || !begun.held) finish(made(begun.from, begun.to));
    else begun.held = false;
  }

  function cancel() { begun = null; view.draw(); }

  function leave() {
    if (!begun && !tool && !chosen) return false;
    if (!begun && tool) setTool("");
    begun = null;
    choose(null);
    return true;
  }

  function paint(pen) {
    const { slice } = view.state(), { scale, x: x0, y: y0 } = view.place();
    const ratio = window.devicePixelRatio || 1;
    const shown = shapes.filter((one) => one.slice === slice);
    const growing = begun && tool !== "point" ? [made(begun.from, begun.to)] : [];
    pen.font = `${13 * ratio}px system-ui, sans-serif`;
    pen.textBaseline = "middle";
    for (const one of [...shown, ...growing]) {
      const x = x0 + scale * one.x, y = y0 + scale * one.y;
      const w = scale * one.width, h = scale * one.height, end = 5 * ratio;
      const outline = new Path2D();
      if (one.kind === "box") outline.rect(x, y, w, h);
      else if (one.kind === "point") {
        outline.arc(x, y, end, 0, 7);
        for (const [i, j] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          outline.moveTo(x + i * end, y + j * end); outline.lineTo(x + 2.2 * i * end, y + 2.2 * j * end);
        }
      } else {
        const size = Math.hypot(w, h) || 1, nx = (-h / size) * end, ny = (w / size) * end;
        outline.moveTo(x, y); outline.lineTo(x + w, y + h);
        for (const [px, py] of [[x, y], [x + w, y + h]]) {
          outline.moveTo(px - nx, py - ny); outline.lineTo(px + nx, py + ny);
        }
      }
      const colour = one.kind === "line" ? LINE : MARK;
      pen.setLineDash([]);
      pen.strokeStyle = "#000"; pen.lineWidth = 4.5 * ratio; pen.stroke(outline);
      if (one === chosen) pen.setLineDash([6 * ratio, 4 * ratio]);
      pen.strokeStyle = colour; pen.lineWidth = 2 * ratio; pen.stroke(outline);
      pen.setLineDash([]);
      if (growing.includes(one) && one.kind === "box") continue;
      const text = said(one), wide = pen.measureText(text).width + 8 * ratio, tall = 18 * ratio;
      const right = one.kind === "box" ? x : Math.max(x, x + w) + 3 * end;
      const left = Math.min(Math.max(right, 0), pen.canvas.width - wide);
      const over = one.kind === "box" ? (y > tall ? y - tall / 2 : y + h + tall / 2)
        : one.kind === "line" ? y + h / 2 : y;
      pen.fillStyle = "rgba(0, 0, 0, 0.78)"; pen.fillRect(left, over - tall / 2, wide, tall);
      pen.fillStyle = colour; pen.fillText(text, left + 4 * ratio, over);
    }
  }

  function set(given) {                                // marks from outside; measures stay
    if (JSON.stringify(given) === JSON.stringify(marks())) return;
    shapes = [...given.map((one) => ({ ...one })), ...shapes.filter((one) => one.kind === "line")];
    choose(null);
  }
  function clear() { shapes = []; begun = null; choose(null); }

  function about(data) {
    words = data.words; spacing = data.spacing;
    root.classList.toggle("markable", data.marking);
    if (!data.marking && (tool === "box" || tool === "point")) setTool(tool);
    const options = [["", words.no_class], ...data.classes.map((name) => [name, name])];
    if (picker.dataset.names !== JSON.stringify(options)) {
      picker.dataset.names = JSON.stringify(options);
      picker.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    }
    listed();
  }

  for (const button of toolButtons)
    button.addEventListener("click", () => setTool(button.dataset.tool));
  picker.addEventListener("change", () => {
    if (!chosen || chosen.kind === "line" || fixed(chosen)) return;
    chosen.class_name = picker.value || null;
    changed(chosen);
  });

  return { down, move, up, cancel, leave, paint, set, clear, about, remove, setTool, choose, hit,
           active: () => Boolean(tool) };
}
