// One image on a canvas. Everything happens in the browser; only marks are sent back.
// drag: window (left-right) and level (up-down); wheel or two fingers: zoom; shift-drag, middle
// button or two fingers: pan. Of a volume the wheel and the arrow keys page through the slices,
// control and wheel zoom. viewer_marks.js and viewer_keys.js are part of the same module.

const FOR = [230, 159, 0], AGAINST = [86, 180, 233];   // Okabe-Ito orange and sky blue

async function bytes(url) {                            // null where there is nothing to be had
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? answer.arrayBuffer().catch(() => null) : null;
}

function percentiles(pixels, largest) {                // what 0.5 % and 99.5 % of pixels lie below
  const counts = new Uint32Array(largest + 1);
  for (let i = 0; i < pixels.length; i++) counts[pixels[i]]++;
  const find = (share) => {
    let seen = 0;
    for (let v = 0; v <= largest; v++) { seen += counts[v]; if (seen >= share * pixels.length) return v; }
    return largest;
  };
  return [find(0.005), find(0.995)];
}

function said(value) { return value.toFixed(value < 0.1 && value > 0 ? 3 : value < 10 ? 2 : 0); }

function mount(root) {
  const canvas = root.querySelector(".picture"), pen = canvas.getContext("2d");
  const profile = root.querySelector(".profile"), tint = profile.getContext("2d");
  const slider = root.querySelector(".opacity"), pager = root.querySelector(".slice");
  const threshold = root.querySelector(".threshold"), least = root.querySelector(".least");
  const ownButton = root.querySelector("[data-do=own]");
  const invertButton = root.querySelector("[data-do=invert]");
  const left = root.querySelector(".left"), right = root.querySelector(".right");
  const picture = document.createElement("canvas"), map = document.createElement("canvas");
  const overlayButton = root.querySelector("[data-do=overlay]");
  const s = { id: null, mapId: "", image: null, maps: null, invert: false, slice: 0, overlay: true,
              edits: 0, given: null };
  const shapes = drawnShapes({ root, state: () => s, place, draw: () => draw(), page: (to) => page(to),
                               tell: (marks) => s.tell(marks) });

  function slice(image) {                              // the pixels of the slice on show
    const each = image.pixels.length / image.slices;
    return image.pixels.subarray(s.slice * each, (s.slice + 1) * each);
  }

  function firstView() {
    const [low, high] = s.range;
    s.width = Math.max(high - low, 1); s.level = (low + high) / 2;
    s.zoom = 1; s.panX = 0; s.panY = 0; s.invert = false;
    invertButton.setAttribute("aria-pressed", "false");
  }

  function paint() {                                   // gray or colour values through the window
    s.stale = false;
    const { mode } = s.image, pixels = slice(s.image), size = s.largest + 1;
    const lut = new Uint8ClampedArray(size);
    for (let v = 0; v < size; v++) {
      const shown = 255 * ((v - s.level) / s.width + 0.5);
      lut[v] = s.invert ? 255 - Math.min(Math.max(shown, 0), 255) : shown;
    }
    const frame = new ImageData(s.image.width, s.image.height), out = frame.data;
    if (mode === "gray") {
      const words = new Uint32Array(out.buffer);
      for (let i = 0; i < pixels.length; i++) words[i] = 0xff000000 | (lut[pixels[i]] * 0x010101);
    } else {
      for (let i = 0, j = 0; i < pixels.length; i += 3, j += 4) {
        out[j] = lut[pixels[i]]; out[j + 1] = lut[pixels[i + 1]];
        out[j + 2] = lut[pixels[i + 2]]; out[j + 3] = 255;
      }
    }
    picture.getContext("2d").putImageData(frame, 0, 0);
  }

  function place() {
    const fit = Math.min(canvas.width / s.image.width, canvas.height / s.image.height);
    const scale = fit * s.zoom;
    return { scale, x: canvas.width / 2 + s.panX - scale * s.image.width / 2,
             y: canvas.height / 2 + s.panY - scale * s.image.height / 2 };
  }

  function draw() {                                    // says at once, draws with the next frame
    if (!s.image || !canvas.width) return;
    const { slices, unit, offset } = s.image, level = Math.round(s.level - offset);
    left.textContent = (slices > 1 ? `${s.words.slice} ${s.slice + 1} / ${slices}  ` : "") +
      `${s.words.window} ${Math.round(s.width)}  ${s.words.level} ${level}${unit && " " + unit}  ` +
      `${s.words.zoom} ${Math.round(100 * s.zoom)} %`;
    root.dataset.window = `${Math.round(s.width)},${level}`;
    root.dataset.slice = slices > 1 ? String(s.slice + 1) : "";
    root.dataset.zoom = s.zoom.toFixed(2);
    if (!s.frame) s.frame = requestAnimationFrame(onFrame);
  }

  function onFrame() {
    s.frame = 0;
    if (!s.image) return;
    if (s.stale) paint();
    const { scale, x, y } = place(), w = scale * s.image.width, h = scale * s.image.height;
    pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = scale < 4; pen.imageSmoothingQuality = scale < 0.5 ? "medium" : "high";
    pen.drawImage(picture, x, y, w, h);
    if (s.maps && s.overlay && slider.value > 0) {     // smoothing is bilinear
      pen.imageSmoothingEnabled = true;
      pen.globalAlpha = slider.value / 100;
      pen.drawImage(map, x, y, w, h);
      pen.globalAlpha = 1;
    }
    shapes.paint(pen);
    drawProfile();
  }

  function drawProfile() {                             // two bars for each slice, the last on top
    if (!s.maps || s.image.slices < 2 || !profile.height) return;
    const { width, height } = profile, { slices } = s.image, middle = width / 2;
    const each = height / slices, largest = Math.max(...s.maps.profile.flat()) || 1;
    tint.clearRect(0, 0, width, height);
    tint.fillStyle = "#3d5666"; tint.fillRect(0, height - (s.slice + 1) * each, width, Math.max(each, 2));
    s.maps.profile.forEach((sides, i) => sides.forEach((value, against) => {
      const length = (value / largest) * (middle - 2);
      tint.fillStyle = `rgb(${against ? AGAINST : FOR})`;
      tint.fillRect(against ? middle - length : middle, height - (i + 1) * each, length,
                    Math.max(each - 1, 1));
    }));
    tint.fillStyle = "#5b6770"; tint.fillRect(middle, 0, 1, height);
  }

  function redraw() { s.stale = true; draw(); }        // the pixels look different

  function resize() {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    const w = Math.round(box.width * ratio), h = Math.round(box.height * ratio);
    if (w && h && (w !== canvas.width || h !== canvas.height)) { canvas.width = w; canvas.height = h; }
    const beside = profile.getBoundingClientRect();
    profile.width = Math.round(beside.width * ratio); profile.height = Math.round(beside.height * ratio);
    draw();
  }

  function zoomAt(factor, cx, cy) {                    // the point under the pointer stays there
    const before = s.zoom;
    s.zoom = Math.min(Math.max(s.zoom * factor, 0.5), 20);
    const real = s.zoom / before, dx = cx - canvas.width / 2, dy = cy - canvas.height / 2;
    s.panX = dx - (dx - s.panX) * real; s.panY = dy - (dy - s.panY) * real;
    draw();
  }

  function setMap(given, buffer) {
    s.maps = given && { ...given, pixels: new Float32Array(buffer), slices: s.image.slices };
    root.classList.toggle("mapped", Boolean(given));
    if (given)
      s.maps.strongest = s.maps.pixels.reduce((most, v) => Math.max(most, Math.abs(v)), 0) || 1;
    setScale(); resize();
  }

  function setScale() {                                // what gets the full colour, and its legend
    if (!s.maps) return;
    const { positive, unit, scale, strongest } = s.maps, sign = positive ? "" : "+";
    s.full = ownButton.getAttribute("aria-pressed") === "true" ? strongest : scale;
    root.querySelector(".key").classList.toggle("positive", positive);
    root.querySelector(".lowest").textContent = positive ? "0" : `−${said(s.full)}`;
    root.querySelector(".highest").textContent = `${sign}${said(s.full)} ${unit}`;
    setThreshold();
  }

  function setThreshold() {                            // of the value with the full colour
    if (!s.maps) return;
    s.least = (threshold.value / 100) * s.full;
    least.textContent = said(s.least);
    root.dataset.least = said(s.least);
    paintMap(); draw();
  }

  function paintMap() {                                // the map over the slice on show
    if (!s.maps) return;
    map.width = s.maps.width; map.height = s.maps.height;
    const frame = new ImageData(map.width, map.height), values = slice(s.maps);
    for (let i = 0; i < values.length; i++) {
      const v = values[i] / s.full, colour = v > 0 ? FOR : AGAINST;
      const shown = Math.abs(values[i]) >= s.least ? Math.min(Math.abs(v), 1) : 0;
      frame.data.set([...colour, 255 * shown], 4 * i);
    }
    map.getContext("2d").putImageData(frame, 0, 0);
  }

  function setImage(given, buffer) {
    const pixels = given.mode === "gray" ? new Uint16Array(buffer) : new Uint8Array(buffer);
    s.image = { ...given, pixels };
    s.largest = 255;
    for (let i = 0; i < pixels.length; i++) if (pixels[i] > s.largest) s.largest = pixels[i];
    s.range = given.mode === "gray" ? percentiles(pixels, s.largest) : [0, 255];
    picture.width = given.width; picture.height = given.height;
    root.classList.toggle("stacked", given.slices > 1);
    root.classList.toggle("ct", given.unit === "HU");
    s.slice = given.slices >> 1;
    pager.max = given.slices; pager.value = s.slice + 1;
    s.overlay = true; overlayButton.setAttribute("aria-pressed", "true");
    firstView(); redraw(); shapes.clear();
  }

  function page(to) {
    s.slice = Math.min(Math.max(to, 0), s.image.slices - 1);
    pager.value = s.slice + 1;
    paintMap(); redraw();
  }

  function strongest() {                               // the slice that the map moved most
    if (!s.maps) return;
    const sums = s.maps.profile.map(([pro, contra]) => pro + contra);
    page(sums.indexOf(Math.max(...sums)));
  }

  function setWindow(button) {
    const [width, level] = button.dataset.window.split(",").map(Number);
    s.width = width; s.level = level + s.image.offset;
    redraw();
  }

  const actions = {
    reset: () => { firstView(); redraw(); },
    invert: () => {
      s.invert = !s.invert;
      invertButton.setAttribute("aria-pressed", String(s.invert));
      redraw();
    },
    in: () => zoomAt(1.25, canvas.width / 2, canvas.height / 2),
    out: () => zoomAt(0.8, canvas.width / 2, canvas.height / 2),
    up: () => page(s.slice + 1),
    down: () => page(s.slice - 1),
    strongest,
    overlay: () => {
      if (!s.maps) return false;
      s.overlay = !s.overlay;
      overlayButton.setAttribute("aria-pressed", String(s.overlay));
      draw();
    },
    measure: () => shapes.setTool("measure"),
    remove: shapes.remove,
    leave: shapes.leave,
    own: () => {
      ownButton.setAttribute("aria-pressed", String(ownButton.getAttribute("aria-pressed") !== "true"));
      setScale();
    },
  };
  const presets = [...root.querySelectorAll("[data-window]")];
  for (const button of presets)
    button.addEventListener("click", () => s.image && setWindow(button));
  for (const button of root.querySelectorAll("[data-do]"))
    button.addEventListener("click", () => s.image && actions[button.dataset.do]());
  slider.addEventListener("input", () => { if (s.overlay) draw(); else actions.overlay(); });
  threshold.addEventListener("input", setThreshold);
  profile.addEventListener("click", (event) => {
    const box = profile.getBoundingClientRect(), above = (event.clientY - box.top) / box.height;
    if (s.image) page(Math.floor((1 - above) * s.image.slices));
  });
  pager.addEventListener("input", () => s.image && page(Number(pager.value) - 1));
  canvas.addEventListener("dblclick", () => s.image && !shapes.active() && actions.reset());

  function act(name) {                                 // of a key; whether it meant something
    if (!s.image) return false;
    const number = ["first", "second", "third"].indexOf(name);
    if (number < 0) return actions[name]() !== false;
    if (s.image.unit !== "HU") return false;
    setWindow(presets[number]);
    return true;
  }
  listen(root, act);

  const point = (event) => {                           // on the canvas
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  };
  const onPicture = ([cx, cy]) => {                    // in pixels of the picture
    const { scale, x, y } = place();
    return [(cx - x) / scale, (cy - y) / scale];
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!s.image) return;
    if (s.image.slices > 1 && !event.ctrlKey) page(s.slice + (event.deltaY < 0 ? 1 : -1));
    else zoomAt(event.deltaY < 0 ? 1.15 : 1 / 1.15, ...point(event));
  }, { passive: false });

  const fingers = new Map();                           // pointer -> where it is on the canvas
  let drag = null;

  function pinch(id, to) {                             // two fingers: zoom and pan at once
    const other = [...fingers].find(([one]) => one !== id)[1], from = fingers.get(id);
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    s.panX += (to[0] - from[0]) / 2; s.panY += (to[1] - from[1]) / 2;
    zoomAt(apart(to) / apart(from), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
  }

  function moved(by) {                                 // a drag that no tool took
    if (drag.pan) { s.panX += by[0]; s.panY += by[1]; draw(); return; }
    const unit = (s.range[1] - s.range[0] || 1) / 400;
    s.width = Math.max(s.width + by[0] * unit, 1); s.level += by[1] * unit;
    redraw();
  }

  function tellValue([col, row]) {                     // the value under the pointer
    col = Math.floor(col); row = Math.floor(row);
    const within = col >= 0 && row >= 0 && col < s.image.width && row < s.image.height;
    const at = row * s.image.width + col, { mode, unit, offset } = s.image, { words } = s;
    right.textContent = !within ? "" : `${words.column} ${col}  ${words.row} ${row}` +
      (mode === "gray" ? `  ${unit || words.value} ${slice(s.image)[at] - offset}` : "");
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!s.image || event.button > 1) return;
    const at = point(event);
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at);
    if (fingers.size > 1) { drag = null; shapes.cancel(); return; }
    const pan = event.shiftKey || event.button === 1;
    drag = { from: at, at, pan, far: false, drawing: !pan && shapes.down(onPicture(at)) };
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!s.image) return;
    const at = point(event);
    if (fingers.size === 2 && fingers.has(event.pointerId)) pinch(event.pointerId, at);
    else if (drag) {
      const tremble = 4 * (window.devicePixelRatio || 1);
      drag.far ||= Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > tremble;
      if (drag.drawing) shapes.move(onPicture(at));
      else if (drag.far) moved([at[0] - drag.at[0], at[1] - drag.at[1]]);
      if (drag.far) drag.at = at;
    } else if (!shapes.move(onPicture(at))) tellValue(onPicture(at));
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
  });
  canvas.addEventListener("pointerup", (event) => {
    const at = onPicture(point(event));
    fingers.delete(event.pointerId);
    if (drag?.drawing) shapes.up(at, drag.far);
    else if (drag && !drag.far && !drag.pan) shapes.choose(shapes.hit(at) || null);
    drag = null;
  });
  canvas.addEventListener("pointercancel", (event) => {
    fingers.delete(event.pointerId); drag = null; shapes.cancel();
  });
  new ResizeObserver(resize).observe(canvas);

  async function load(data) {                          // pixels and map; false if overtaken or lost
    const turn = s.turn = (s.turn || 0) + 1;
    if (data.id !== s.id) {                            // nothing of another case stays on show
      s.image = s.id = null; setMap(null); s.mapId = "";
      delete root.dataset.image;
      pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height);
      const buffer = await bytes(data.image.pixels);
      if (turn !== s.turn) return false;
      if (!buffer) { left.textContent = s.words.lost; return false; }
      s.id = data.id; s.edits = data.heard; s.given = null;
      setImage(data.image, buffer);
    }
    if (data.map_id !== s.mapId) {
      const buffer = data.map && await bytes(data.map.values);
      if (turn !== s.turn) return false;
      s.mapId = data.map_id; setMap(buffer && data.map, buffer);
    }
    return true;
  }

  return async (data, send) => {
    s.words = data.words;
    root.style.height = `${data.height}px`;
    canvas.setAttribute("aria-label", data.label);
    if (!await load(data)) return;
    // an edit that the server has not answered yet is newer than what it gives
    s.tell = (marks) => send("marked", { id: data.id, edits: ++s.edits, marks });
    shapes.about(data);
    const given = JSON.stringify(data.marks);
    if (s.given === null || (given !== s.given && data.heard === s.edits)) {
      s.given = given; shapes.set(data.marks);
    }
    root.dataset.image = data.id;
    root.dataset.map = data.map_id || "";
    resize();
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  if (!root || !data) return;
  if (!root.update) root.update = mount(root);
  root.update(data, setTriggerValue);
  return () => unlisten(root);
}
