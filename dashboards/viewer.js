// One image on a canvas. Everything happens in the browser; nothing is sent back.
// drag: window (left-right) and level (up-down); wheel: zoom; shift-drag or middle button: pan.
// Of a volume the wheel and the arrow keys page through the slices, control and wheel zoom.

const FOR = [230, 159, 0], AGAINST = [86, 180, 233];   // Okabe-Ito orange and sky blue

function bytes(base64) {
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out.buffer;
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
  const s = { id: null, mapId: null, image: null, maps: null, invert: false, slice: 0 };

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

  function draw() {
    if (!s.image || !canvas.width) return;
    const { scale, x, y } = place(), w = scale * s.image.width, h = scale * s.image.height;
    pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = scale < 4; pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, x, y, w, h);
    if (s.maps && slider.value > 0) {                // smoothing is bilinear
      pen.imageSmoothingEnabled = true;
      pen.globalAlpha = slider.value / 100;
      pen.drawImage(map, x, y, w, h);
      pen.globalAlpha = 1;
    }
    const { slices, unit, offset } = s.image, level = Math.round(s.level - offset);
    left.textContent = (slices > 1 ? `Slice ${s.slice + 1} of ${slices}  ` : "") +
      `Window ${Math.round(s.width)}  Level ${level}${unit && " " + unit}  ` +
      `Zoom ${Math.round(100 * s.zoom)} %`;
    root.dataset.window = `${Math.round(s.width)},${level}`;
    root.dataset.slice = slices > 1 ? String(s.slice + 1) : "";
    root.dataset.zoom = s.zoom.toFixed(2);
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

  function redraw() { paint(); draw(); }

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

  function setMap(given) {
    s.maps = given && { ...given, pixels: new Float32Array(bytes(given.values)),
                        slices: s.image.slices };
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

  function setImage(given) {
    const buffer = bytes(given.pixels);
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
    firstView(); redraw();
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
  slider.addEventListener("input", draw);
  threshold.addEventListener("input", setThreshold);
  profile.addEventListener("click", (event) => {
    const box = profile.getBoundingClientRect(), above = (event.clientY - box.top) / box.height;
    if (s.image) page(Math.floor((1 - above) * s.image.slices));
  });
  pager.addEventListener("input", () => s.image && page(Number(pager.value) - 1));
  canvas.addEventListener("dblclick", actions.reset);
  canvas.addEventListener("keydown", (event) => {
    if (!s.image) return;
    const name = { "0": "reset", i: "invert", "+": "in", "=": "in", "-": "out", ArrowUp: "up",
                   PageUp: "up", ArrowDown: "down", PageDown: "down", s: "strongest" }[event.key];
    const preset = s.image.unit === "HU" && presets[Number(event.key) - 1];
    if (name) actions[name]();
    else if (preset) setWindow(preset);
    else return;
    event.preventDefault();
  });

  const point = (event) => {
    const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (!s.image) return;
    if (s.image.slices > 1 && !event.ctrlKey) page(s.slice + (event.deltaY < 0 ? 1 : -1));
    else zoomAt(event.deltaY < 0 ? 1.15 : 1 / 1.15, ...point(event));
  }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!s.image) return;
    drag = { at: point(event), pan: event.shiftKey || event.button === 1 };
    canvas.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!s.image) return;
    const [x, y] = point(event);
    if (drag) {
      const dx = x - drag.at[0], dy = y - drag.at[1];
      drag.at = [x, y];
      if (drag.pan) { s.panX += dx; s.panY += dy; draw(); return; }
      const unit = (s.range[1] - s.range[0] || 1) / 400;
      s.width = Math.max(s.width + dx * unit, 1); s.level += dy * unit;
      redraw();
      return;
    }
    const { scale, x: x0, y: y0 } = place();
    const col = Math.floor((x - x0) / scale), row = Math.floor((y - y0) / scale);
    const within = col >= 0 && row >= 0 && col < s.image.width && row < s.image.height;
    const at = row * s.image.width + col;
    const { mode, unit, offset } = s.image;
    right.textContent = !within ? "" : mode !== "gray" ? `column ${col}  row ${row}`
      : `column ${col}  row ${row}  ${unit || "value"} ${slice(s.image)[at] - offset}`;
  });
  const release = () => { drag = null; };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  new ResizeObserver(resize).observe(canvas);

  return (data) => {
    root.style.height = `${data.height}px`;
    canvas.setAttribute("aria-label", data.label);
    root.dataset.image = data.id;
    if (data.id !== s.id) { s.id = data.id; setImage(data.image); }
    if (data.map_id !== s.mapId) { s.mapId = data.map_id; setMap(data.map); }
    root.dataset.map = data.map_id || "";
    resize();
  };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  if (!root || !data) return;
  if (!root.update) root.update = mount(root);
  root.update(data);
}
