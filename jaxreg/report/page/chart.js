// A chart in SVG: curves or points on two axes, names at the ends of curves, vertical lines, and what the pointer is at.
//
// What is drawn, as `describe(width)` gives it:
//   height, left, right, top, bottom   pixels: of the chart, and around the plot
//   x, y       { log, range: [first, last], label }: first is at the left or the bottom
//   series     { name, label, x, y, colour, width, dash, dots, text(i) }: the first on top; label, at its end, and each y
//              may be null; `dots` is the radius of points that no line joins; text(i) are lines on point i
//   band       { x, low, high }, or null
//   counts     { at, text } above the plot, named by `counted`
//   rules      { at, name, side: "left" | "right", dash }: vertical lines
//   levels     { at, dash }: horizontal lines
//   slide      x of the line that a slider moves, or null
//   note       text in the middle, or null

const SVG = "http://www.w3.org/2000/svg";
const LINE_HEIGHT = 15, LEADER = 18, NEAR = 28;  // pixels: of labels, before them, of the pointer to a curve
const FAR = 1e5;  // pixels outside of the plot, where curves are cut off: renderers lose precision further out
const PRINTED = 680, PRINTED_PAIR = 324;  // pixels of figures on A4
const PRINTED_HEIGHT = 0.7;  // of the height on a screen, of figures across the page: two pages hold what matters

const canvas = document.createElement("canvas").getContext("2d");

function textWidth(text) {
  canvas.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  return canvas.measureText(text).width;
}

function node(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "colour") made.style.setProperty("--colour", `var(--${value})`);
    else if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

class Chart {
  /** `pick(x)` hears where the pointer is pressed or dragged to. */
  constructor(host, describe, pick) {
    Object.assign(this, { host, describe, pick, width: 0, clip: `clip-${host.id}` });
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    host.after(this.tip);
    host.classList.toggle("pick", Boolean(pick));
    host.addEventListener("pointerdown", (event) => {
      this.pressed = true;
      if (pick) host.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    host.addEventListener("pointermove", (event) => this.#follow(event));
    host.addEventListener("pointerleave", () => this.#leave());
    window.addEventListener("pointerup", () => { this.pressed = false; });
    window.addEventListener("pointercancel", () => { this.pressed = false; });
    new ResizeObserver(() => { if (host.clientWidth !== this.width && !this.printing) this.draw(); }).observe(host);
    window.addEventListener("beforeprint", () => this.print(true));
    window.addEventListener("afterprint", () => this.print(false));
  }

  print(printing) {
    this.printing = printing;
    this.draw();
  }

  draw() {
    if (!this.host.clientWidth) return;  // folded away
    const paired = this.host.closest(".pair") !== null;
    const width = (this.width = !this.printing ? this.host.clientWidth : paired ? PRINTED_PAIR : PRINTED);
    const spec = (this.spec = this.describe(width)), { left, right, top, bottom } = spec;
    const height = spec.height * (this.printing && !paired ? PRINTED_HEIGHT : 1);
    this.box = { x0: left, x1: width - right, y0: top, y1: height - bottom };
    this.x = makeScale(spec.x, this.box.x0, this.box.x1);
    this.y = makeScale(spec.y, this.box.y1, this.box.y0);
    this.drawn = spec.series.map((series) => this.#pixels(series));
    this.hot = node("g", { "pointer-events": "none" });
    const plot = node("g", { "clip-path": `url(#${this.clip})` });
    plot.append(...this.#band(), ...this.drawn.map((series) => this.#curve(series)).reverse());
    this.slider = node("g", { class: "slide" });
    const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      node("clipPath", { id: this.clip }, node("rect", { x: left, y: top - 1, width: this.box.x1 - left, height: this.box.y1 - top + 2 })),
      ...this.#axes(), plot, ...this.#rules(), this.slider, ...this.#marks(), ...this.#labels(), this.hot);
    if (spec.note) svg.append(node("text", { class: "note", x: (left + this.box.x1) / 2, y: (top + this.box.y1) / 2 - 24 }, spec.note));
    this.host.replaceChildren(svg);
    this.slide(spec.slide);
    this.#leave();
  }

  /** Move the slider's line to an x, or hide it where the axis has no place for it. */
  slide(at) {
    if (!this.slider) return;
    const pixel = at === null ? NaN : this.x(at), { x0, x1, y0, y1 } = this.box;
    this.slider.dataset.at = at;
    if (!(pixel >= x0 - 1 && pixel <= x1 + 1)) return this.slider.replaceChildren();
    this.slider.replaceChildren(
      node("line", { x1: pixel, x2: pixel, y1: y0, y2: y1 }), node("path", { d: `M${pixel},${y1}l5,8h-10z`, stroke: "none" }));
  }

  #pixels(series) {
    const px = series.x.map((value) => this.x(value));
    const py = series.y.map((value) => {
      if (value === null || (this.spec.y.log && value <= 0)) return null;
      return Math.min(Math.max(this.y(value), this.box.y0 - FAR), this.box.y1 + FAR);
    });
    return { ...series, px, py };
  }

  #curve({ name, colour, width, dash, dots, px, py }) {
    const there = (i) => py[i] !== null && px[i] !== null;
    if (dots || px.length === 1) {
      const circles = px.map((x, i) => (there(i) ? node("circle", { cx: x, cy: py[i], r: dots || 3.5 }) : "")).filter(Boolean);
      return node("g", { class: "dot", colour, "data-name": name, opacity: dots ? 0.55 : 1 }, ...circles);
    }
    const d = px.map((x, i) => (there(i) ? `${i && there(i - 1) ? "L" : "M"}${x.toFixed(2)},${py[i].toFixed(2)}` : "")).join("");
    return node("path", { class: `curve ${colour}`, colour, d, "stroke-width": width, "stroke-dasharray": dash, "data-name": name });
  }

  #band() {
    const { band } = this.spec;
    if (!band) return [];
    const at = (values) => values.map((value, i) => (value === null ? "" : `${this.x(band.x[i]).toFixed(2)},${this.y(value).toFixed(2)}`)).filter(Boolean);
    return [node("polygon", { class: "band", points: [...at(band.high), ...at(band.low).reverse()].join(" ") })];
  }

  #axes() {
    const { spec, box: { x0, x1, y0, y1 } } = this, made = [];
    const ticks = ({ log, range }, most) => (log ? logTicks : linearTicks)(Math.min(...range), Math.max(...range), most);
    for (const { value, text } of ticks(spec.y, Math.max(4, Math.round((y1 - y0) / 45)))) {
      const y = this.y(value);
      if (text) made.push(node("line", { class: "grid", x1: x0, x2: x1, y1: y, y2: y }), node("text", { x: x0 - 8, y: y + 4, "text-anchor": "end" }, text));
    }
    for (const { value, text } of ticks(spec.x, Math.max(3, Math.round((x1 - x0) / 65)))) {
      const x = this.x(value);
      made.push(node("line", { class: "axis", x1: x, x2: x, y1, y2: y1 + (text ? 6 : 3) }));
      if (text) made.push(node("text", { x, y: y1 + 20, "text-anchor": "middle" }, text));
    }
    made.push(node("line", { class: "axis", x1: x0, x2: x1, y1, y2: y1 }), node("text", { x: (x0 + x1) / 2, y: y1 + 38, "text-anchor": "middle" }, spec.x.label));
    const [low, high] = spec.y.range;
    if (!spec.y.log && low < 0 && high > 0) made.push(node("line", { class: "axis", x1: x0, x2: x1, y1: this.y(0), y2: this.y(0) }));
    for (const { at, text } of spec.counts) made.push(node("text", { class: "count", x: this.x(at), y: y0 - 8, "text-anchor": "middle" }, text));
    if (spec.counts.length) made.push(node("text", { x: x0 - 8 - textWidth(spec.counts[0].text) / 2, y: y0 - 8, "text-anchor": "end" }, spec.counted));
    return made;
  }

  #rules() {
    const { spec: { rules, levels }, box: { x0, x1, y0, y1 } } = this;
    return [
      ...levels.map(({ at, dash }) => node("line", { class: "limit", x1: x0, x2: x1, y1: this.y(at), y2: this.y(at), "stroke-dasharray": dash })),
      ...rules.flatMap(({ at, name, side, dash }) => {
        const x = this.x(at), left = side === "left";
        return [
          node("line", { class: "rule", x1: x, x2: x, y1: y0 - 36, y2: y0 - 21, "stroke-dasharray": dash }),
          node("line", { class: "rule", x1: x, x2: x, y1: y0, y2: y1, "stroke-dasharray": dash }),
          node("text", { x: x + (left ? -5 : 5), y: y0 - 26, "text-anchor": left ? "end" : "start" }, name),
        ];
      }),
    ];
  }

  /** Triangles where curves leave the plot at its top or bottom, and where a log axis has no place for a 0. */
  #marks() {
    const { y0, y1 } = this.box, made = [];
    const triangle = (x, y, up, colour) => node("path", { class: "mark", colour, d: `M${x - 4.5},${y}h9l-4.5,${up ? -7 : 7}z` });
    for (const { colour, px, py, x, y, dots } of this.drawn) {
      if (dots) continue;
      for (const i of x.keys()) {
        if (this.spec.y.log && y[i] !== null && y[i] <= 0) made.push(triangle(px[i], y1 - 8, false, colour));
      }
      const i = py.findIndex((value, k) => k && value !== null && py[k - 1] !== null && (value < y0 - 1 || value > y1 + 1) && py[k - 1] >= y0 - 1 && py[k - 1] <= y1 + 1);
      if (i < 0) continue;
      const up = py[i] < y0, edge = up ? y0 : y1, share = (edge - py[i - 1]) / (py[i] - py[i - 1]);
      made.push(triangle(px[i - 1] + share * (px[i] - px[i - 1]), up ? edge + 8 : edge - 8, up, colour));
    }
    return made.reverse();
  }

  /** Names right of the plot, at the height of the ends of their curves or as near as there is room. */
  #labels() {
    const { x0, x1, y0, y1 } = this.box, ends = [];
    for (const { label, colour, px, py } of this.drawn) {
      const last = py.findLastIndex((value, i) => value !== null && px[i] >= x0 - 1 && px[i] <= x1 + 1);
      if (label && last >= 0) ends.push({ label, colour, x: px[last], y: py[last] });
    }
    ends.splice(Math.max(1, Math.floor((y1 - y0 + LINE_HEIGHT) / LINE_HEIGHT)));
    const places = spread(ends.map(({ y }) => Math.min(Math.max(y, y0), y1)), LINE_HEIGHT, y0, y1);
    return ends.flatMap(({ label, colour, x, y }, k) => {
      const outside = y < y0 - 1 ? "↑ " : y > y1 + 1 ? "↓ " : "", place = places[k];
      const leader = outside ? [] : [node("path", { class: "leader", colour, d: `M${x + 2},${y}L${x1 + 4},${y}L${x1 + LEADER - 4},${place}` })];
      return [...leader, node("text", { class: "label", colour, x: x1 + LEADER, y: place + 4 }, outside + label)];
    });
  }

  // ---- the pointer ----

  #follow(event) {
    if (!this.spec) return;
    const frame = this.host.getBoundingClientRect();
    const x = event.clientX - frame.left, y = event.clientY - frame.top, { x0, x1, y0, y1 } = this.box;
    if (this.pick && this.pressed && x >= x0 - 12 && x <= x1 + 12) this.pick(this.x.inverse(Math.min(Math.max(x, x0), x1)));
    const at = x >= x0 - 12 && x <= x1 + 12 && y >= y0 - 12 && y <= y1 + 12 ? this.#nearest(x, y) : null;
    if (at) this.#point(at, frame);
    else this.#leave();
  }

  /** The series, and its point, that are nearest to a place in pixels. */
  #nearest(x, y) {
    const { y0, y1 } = this.box;
    let best = null, least = NEAR;
    for (const series of this.drawn) {
      const { px, py, dots } = series;
      for (let i = 0; i < px.length; i++) {
        if (py[i] === null || py[i] < y0 - 2 || py[i] > y1 + 2) continue;
        const joined = !dots && i + 1 < px.length && py[i + 1] !== null;
        const dx = joined ? px[i + 1] - px[i] : 0, dy = joined ? py[i + 1] - py[i] : 0;
        const share = joined ? Math.min(Math.max(((x - px[i]) * dx + (y - py[i]) * dy) / (dx * dx + dy * dy || 1), 0), 1) : 0;
        const distance = Math.hypot(x - px[i] - share * dx, y - py[i] - share * dy);
        if (distance < least - 1e-6) [best, least] = [{ series, i: share > 0.5 ? i + 1 : i }, distance];
      }
    }
    return best;
  }

  #point({ series, i }, frame) {
    const { px, py, colour, text, dots } = series, [name, ...lines] = text(i);
    const curve = dots ? [] : [this.#curve({ ...series, width: 3.2, dash: null })];
    this.hot.replaceChildren(node("g", { "clip-path": `url(#${this.clip})` }, ...curve), node("circle", { class: "dot", colour, cx: px[i], cy: py[i], r: dots ? 5 : 4.5 }));
    const heading = Object.assign(document.createElement("strong"), { textContent: shortened(name, 80) });
    this.tip.style.setProperty("--colour", `var(--${colour === "crowd" ? "soft" : colour})`);
    this.tip.replaceChildren(heading, ...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
    this.tip.hidden = false;
    const { width, height } = this.tip.getBoundingClientRect();
    const left = px[i] + 14 + width > frame.width ? px[i] - width - 14 : px[i] + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, frame.width - width))}px`;
    this.tip.style.top = `${this.host.offsetTop + Math.max(0, py[i] - height - 10)}px`;
  }

  #leave() {
    this.tip.hidden = true;
    if (this.hot) this.hot.replaceChildren();
  }
}
