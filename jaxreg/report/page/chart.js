// A chart in SVG: curves or points on two axes, names at their ends, vertical lines, and what the pointer is at.
//
// What is drawn, as `describe(width)` gives it:
//   height, left, right, top, bottom   pixels: of the chart, and around the plot
//   x, y      { log, range: [first, last], label }: first is at the left or the bottom
//   series    { name, label, x, y, colour, width, dash, dots, lines(i) }: the first on top; label, at its end, and each
//             y may be null; `dots` is the radius of points that no line joins; lines(i) are the texts of point i
//   band      { x, low, high }, or null
//   counts    { at, text } above the plot, named by `counted`
//   rules     { at, name, side: "left" | "right", dash }: vertical lines
//   levels    { at, dash }: horizontal lines
//   slide     x of the line that a slider moves, or null
//   note      text in the middle, or null

const LINE_HEIGHT = 15, LEADER = 18;  // pixels of labels, and before them
const NEAR = 28, AROUND = 12;  // pixels of the pointer to a curve, and to the plot
const FAR = 1e5;  // pixels outside of the plot, where curves are cut off: renderers lose precision further out
const Y_TICK_ROOM = 45, X_TICK_ROOM = 65;  // pixels
const PRINTED = 680, PRINTED_PAIR = 324;  // pixels of figures on A4
const PRINTED_HEIGHT = 0.7;  // of the height on a screen, of figures across the page: two pages hold what matters

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const places = (xs, ys) => xs.map((x, i) => `${x.toFixed(2)},${ys[i].toFixed(2)}`);

class Chart {
  /** `pick(x)` hears where the pointer is pressed or dragged to. */
  constructor(host, describe, pick) {
    Object.assign(this, { host, describe, pick, width: 0, clip: `clip-${host.id}` });
    this.tip = html("div", { className: "tip", hidden: true });
    host.after(this.tip);
    host.classList.toggle("pick", Boolean(pick));
    host.addEventListener("pointerdown", (event) => {
      this.pressed = true;
      if (pick) host.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    host.addEventListener("pointermove", (event) => this.#follow(event));
    host.addEventListener("pointerleave", () => this.#leave());
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => { this.pressed = false; });
    new ResizeObserver(() => { if (host.clientWidth !== this.width && !this.printing) this.draw(); }).observe(host);
    window.addEventListener("beforeprint", () => this.#print(true));
    window.addEventListener("afterprint", () => this.#print(false));
  }

  #print(printing) {
    this.printing = printing;
    this.draw();
  }

  draw() {
    if (!this.host.clientWidth) return;  // folded away
    const paired = this.host.closest(".pair") !== null;
    const width = (this.width = !this.printing ? this.host.clientWidth : paired ? PRINTED_PAIR : PRINTED);
    const spec = (this.spec = this.describe(width)), { left, right, top, bottom } = spec;
    const height = spec.height * (this.printing && !paired ? PRINTED_HEIGHT : 1);
    const { x0, x1, y0, y1 } = (this.box = { x0: left, x1: width - right, y0: top, y1: height - bottom });
    this.x = makeScale(spec.x, x0, x1);
    this.y = makeScale(spec.y, y1, y0);
    this.drawn = spec.series.map((series) => this.#pixels(series));
    this.hot = svg("g", { "pointer-events": "none" });
    this.slider = svg("g", { class: "slide" });
    const curves = this.drawn.map((series) => this.#curve(series)).reverse();
    this.host.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      svg("clipPath", { id: this.clip }, svg("rect", { x: x0, y: y0 - 1, width: x1 - x0, height: y1 - y0 + 2 })),
      ...this.#axes(),
      svg("g", { "clip-path": `url(#${this.clip})` }, ...this.#band(), ...curves),
      ...this.#rules(), this.slider, ...this.#marks(), ...this.#labels(), this.hot,
      ...(spec.note ? [text(spec.note, (x0 + x1) / 2, (y0 + y1) / 2 - 24, "middle", { class: "note" })] : [])));
    this.slide(spec.slide);
    this.#leave();
  }

  /** Move the slider's line to an x, or hide it where the axis has no place for it. */
  slide(at) {
    if (!this.slider) return;
    const { x0, x1, y0, y1 } = this.box, x = at === null ? NaN : this.x(at);
    this.slider.dataset.at = at;
    const handle = () => svg("path", { d: `M${x},${y1}l5,8h-10z`, stroke: "none" });
    this.slider.replaceChildren(...(x >= x0 - 1 && x <= x1 + 1 ? [line(null, x, y0, x, y1), handle()] : []));
  }

  // ---- parts ----

  #pixels(series) {
    const hasPlace = (value) => value !== null && !(this.spec.y.log && value <= 0);
    const py = series.y.map((value) => (hasPlace(value) ? this.#height(value) : null));
    return { ...series, px: series.x.map((value) => this.x(value)), py };
  }

  /** The pixel of a y, which is not too far outside of the plot to be drawn. */
  #height(value) {
    return clamp(this.y(value), this.box.y0 - FAR, this.box.y1 + FAR);
  }

  #curve({ name, colour, width, dash, dots, px, py }) {
    const there = [...px.keys()].filter((i) => py[i] !== null);
    if (dots || px.length === 1) {
      const circles = there.map((i) => svg("circle", { cx: px[i], cy: py[i], r: dots || 3.5 }));
      return svg("g", { class: "dot", colour, opacity: dots ? 0.55 : 1, "data-name": name }, ...circles);
    }
    const at = places(pick(px, there), pick(py, there));
    const joined = (i, k) => there[k - 1] === i - 1 && (this.#within(py[i - 1]) || this.#within(py[i]));
    const d = there.map((i, k) => (joined(i, k) ? "L" : "M") + at[k]).join("");
    const stroke = { "stroke-width": width, "stroke-dasharray": dash };
    return svg("path", { class: `curve ${colour}`, colour, d, ...stroke, "data-name": name });
  }

  #band() {
    const { band } = this.spec;
    if (!band) return [];
    const there = [...band.x.keys()].filter((i) => band.low[i] !== null), px = pick(band.x, there).map(this.x);
    const edge = (values) => places(px, pick(values, there).map((value) => this.#height(value)));
    return [svg("polygon", { class: "band", points: [...edge(band.high), ...edge(band.low).reverse()].join(" ") })];
  }

  #axes() {
    const { spec, box: { x0, x1, y0, y1 } } = this, parts = [], [low, high] = spec.y.range;
    const ticks = ({ log, range: [a, b] }, most) => (
      (log ? logTicks : linearTicks)(Math.min(a, b), Math.max(a, b), most)
    );
    for (const { value, label } of ticks(spec.y, Math.max(4, Math.round((y1 - y0) / Y_TICK_ROOM)))) {
      const y = this.y(value);
      if (label) parts.push(line("grid", x0, y, x1, y), text(label, x0 - 8, y + 4, "end"));
    }
    for (const { value, label } of ticks(spec.x, Math.max(3, Math.round((x1 - x0) / X_TICK_ROOM)))) {
      const x = this.x(value);
      parts.push(line("axis", x, y1, x, y1 + (label ? 6 : 3)));
      if (label) parts.push(text(label, x, y1 + 20, "middle"));
    }
    parts.push(line("axis", x0, y1, x1, y1), text(spec.x.label, (x0 + x1) / 2, y1 + 38, "middle"));
    if (!spec.y.log && low < 0 && high > 0) parts.push(line("axis", x0, this.y(0), x1, this.y(0)));
    parts.push(...spec.counts.map(({ at, text: count }) => text(count, this.x(at), y0 - 12, "middle")));
    if (spec.counts.length) parts.push(text(spec.counted, x0 - 8 - textWidth(spec.counts[0].text) / 2, y0 - 12, "end"));
    return parts;
  }

  #rules() {
    const { spec: { rules, levels }, box: { x0, x1, y0, y1 } } = this;
    return [
      ...levels.map(({ at, dash }) => line("limit", x0, this.y(at), x1, this.y(at), dash)),
      ...rules.flatMap(({ at, name, side, dash }) => {
        const x = this.x(at), [place, anchor] = side === "left" ? [x - 5, "end"] : [x + 5, "start"];
        const lines = [line("rule", x, y0 - 42, x, y0 - 27, dash), line("rule", x, y0, x, y1, dash)];
        return [...lines, text(name, place, y0 - 32, anchor)];
      }),
    ];
  }

  /** Whether a pixel is at the height of the plot. */
  #within(y) {
    return y !== null && y >= this.box.y0 - 1 && y <= this.box.y1 + 1;
  }

  /** Triangles wherever curves leave the plot at its top or bottom, and where a log axis has no place for a 0. */
  #marks() {
    const { y0, y1 } = this.box, marks = [];
    const mark = (x, up, colour) => {
      const d = up ? `M${x - 4.5},${y0 + 8}h9l-4.5,-7z` : `M${x - 4.5},${y1 - 8}h9l-4.5,7z`;
      marks.unshift(svg("path", { class: "mark", colour, d }));
    };
    for (const { colour, px, py, y, } of this.drawn.filter(({ dots }) => !dots)) {
      py.forEach((pixel, i) => { if (pixel === null && y[i] !== null) mark(px[i], false, colour); });
      py.forEach((pixel, i) => {
        if (!i || pixel === null || this.#within(pixel) || !this.#within(py[i - 1])) return;
        const up = pixel < y0, share = ((up ? y0 : y1) - py[i - 1]) / (pixel - py[i - 1]);
        mark(px[i - 1] + share * (px[i] - px[i - 1]), up, colour);
      });
    }
    return marks;
  }

  /** Names right of the plot, at the height of the ends of their curves or as near as there is room. */
  #labels() {
    const { x0, x1, y0, y1 } = this.box, ends = [];
    for (const { label, colour, px, py } of this.drawn) {
      const last = py.findLastIndex((pixel, i) => pixel !== null && px[i] >= x0 - 1 && px[i] <= x1 + 1);
      if (label && last >= 0) ends.push({ label, colour, x: px[last], y: py[last] });
    }
    ends.splice(Math.max(1, Math.floor((y1 - y0 + LINE_HEIGHT) / LINE_HEIGHT)));
    const heights = spread(ends.map(({ y }) => clamp(y, y0, y1)), LINE_HEIGHT, y0, y1);
    return ends.flatMap(({ label, colour, x, y }, k) => {
      const arrow = this.#within(y) ? "" : y < y0 ? "↑ " : "↓ ";
      const d = `M${x + 2},${y}L${x1 + 4},${y}L${x1 + LEADER - 4},${heights[k]}`;
      const leader = arrow ? [] : [svg("path", { class: "leader", colour, d })];
      return [...leader, text(arrow + label, x1 + LEADER, heights[k] + 4, "start", { class: "label", colour })];
    });
  }

  // ---- the pointer ----

  #follow(event) {
    if (!this.spec) return;
    const frame = this.host.getBoundingClientRect(), { x0, x1, y0, y1 } = this.box;
    const x = event.clientX - frame.left, y = event.clientY - frame.top, across = x >= x0 - AROUND && x <= x1 + AROUND;
    if (this.pick && this.pressed && across) this.pick(this.x.inverse(clamp(x, x0, x1)));
    const nearest = across && y >= y0 - AROUND && y <= y1 + AROUND ? this.#nearest(x, y) : null;
    if (nearest) this.#point(nearest, frame);
    else this.#leave();
  }

  /** The series, and its point, that are nearest to a place in pixels. */
  #nearest(x, y) {
    let best = null, least = NEAR;
    for (const series of this.drawn) {
      const { px, py, dots } = series;
      for (let i = 0; i < px.length; i++) {
        if (!this.#within(py[i])) continue;
        const joined = !dots && i + 1 < px.length && py[i + 1] !== null;
        const dx = joined ? px[i + 1] - px[i] : 0, dy = joined ? py[i + 1] - py[i] : 0;
        const share = clamp(((x - px[i]) * dx + (y - py[i]) * dy) / (dx * dx + dy * dy || 1), 0, 1);
        const distance = Math.hypot(x - px[i] - share * dx, y - py[i] - share * dy);
        if (distance < least - 1e-6) [best, least] = [{ series, i: share > 0.5 ? i + 1 : i }, distance];
      }
    }
    return best;
  }

  #point({ series, i }, frame) {
    const { px, py, colour, dots } = series, [name, ...lines] = series.lines(i);
    const curve = dots ? [] : [this.#curve({ ...series, width: 3.2, dash: null })];
    const dot = svg("circle", { class: "dot", colour, cx: px[i], cy: py[i], r: dots ? 5 : 4.5 });
    this.hot.replaceChildren(svg("g", { "clip-path": `url(#${this.clip})` }, ...curve), dot);
    const heading = html("strong", { textContent: shortened(name, LONGEST_TIP) });
    this.tip.style.setProperty("--colour", `var(--${colour === "crowd" ? "soft" : colour})`);
    this.tip.replaceChildren(heading, ...lines.map((textContent) => html("div", { textContent })));
    this.tip.hidden = false;
    const { width, height } = this.tip.getBoundingClientRect();
    const left = px[i] + 14 + width > frame.width ? px[i] - width - 14 : px[i] + 14;
    this.tip.style.left = `${clamp(left, 0, frame.width - width)}px`;
    this.tip.style.top = `${this.host.offsetTop + Math.max(0, py[i] - height - 10)}px`;
  }

  #leave() {
    this.tip.hidden = true;
    if (this.hot) this.hot.replaceChildren();
  }
}
