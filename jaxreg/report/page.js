"use strict";
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const element = (id) => document.getElementById(id);
  const state = { mix: content.chosen, response: 0, point: content.start, scaled: false };
  const mix = () => content.mixes[state.mix];
  const losses = () => content.losses && content.losses[state.mix];

  // Okabe and Ito's colours, each time with another dash: told apart without colour as well
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#b5508c", "#000000", "#56b4e9", "#e69f00"];
  const DASHES = ["solid", "9px,4px", "2px,2px", "9px,3px,2px,3px", "4px,3px"];
  const NAMED = 10, LONGEST = 24, LONGEST_HOVER = 80;
  const GREY = "#9aa1a8", INK = "#1d2126", GRID = "#e9ecef";
  const style = (k) => ({ color: COLOURS[k % COLOURS.length], dash: DASHES[k % DASHES.length], width: 2 });

  const narrow = window.matchMedia("(max-width: 700px)");
  const touch = window.matchMedia("(pointer: coarse)").matches;  // there a finger that draws a zoom box could not scroll

  const number = (value) => (value === null ? "–" : value === 0 ? "0" : value.toPrecision(5));
  const gapText = (value) => (value === null ? "–" : value.toExponential(1));
  const shortened = (text, most) => {
    const letters = Array.from(text.replace(/\s+/g, " ").trim());
    return letters.length <= most ? letters.join("") : letters.slice(0, most - 1).join("") + "…";
  };
  // plotly reads tags, entities and %{templates} in its texts
  const literal = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%/g, "&#37;");

  const positive = (lambdas) => lambdas.map((_, k) => k).filter((k) => lambdas[k] > 0);
  const pick = (values, points) => points.map((k) => values[k]);

  // ---- figures ----

  /** Powers of 10, or round numbers where there would be hardly any, or else the ends themselves. */
  function logTicks(low, high) {
    const span = Math.log10(high / low);
    if (span >= 1.5) return { dtick: Math.ceil(span / 8), exponentformat: "power" };
    let values = [];
    for (const steps of [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      if (values.length < 3) values = [-1, 0, 1].flatMap((k) => steps.map((step) => Number(`${step}e${Math.floor(Math.log10(low)) + 1 + k}`)));
      values = values.filter((value) => value >= low && value <= high);
    }
    if (values.length < 2) values = [low, high];
    return { tickmode: "array", tickvals: values, ticktext: values.map((value) => String(Number(value.toPrecision(3)))) };
  }

  function lambdaAxis(lambdas) {
    const ends = [Math.log10(lambdas[0]), Math.log10(lambdas[lambdas.length - 1])];
    const span = ends[0] - ends[1], pad = span > 0 ? 0.02 * span : 0.3;
    return {
      ...logTicks(10 ** (ends[1] - pad), 10 ** (ends[0] + pad)), type: "log", range: [ends[0] + pad, ends[1] - pad],
      title: { text: "penalty strength λ (log scale)" }, gridcolor: GRID, linecolor: INK, ticks: "outside", zeroline: false,
    };
  }

  function line(lambda, name, dash, color) {
    return {
      type: "line", x0: lambda, x1: lambda, y0: 0, y1: 1, yref: "paper", visible: lambda > 0, layer: "above",
      line: { color, width: 1.5, dash }, name, showlegend: true, legendrank: 2000,
    };
  }

  /** The line of the slider comes first: it is what moves. */
  function lines() {
    const found = [line(mix().lambdas[state.point], "slider", "solid", INK)];
    const known = losses();
    if (known) {
      found.push(line(mix().lambdas[known.min], "lambda_min", "dash", INK));
      if (known["1se"] !== null) found.push(line(mix().lambdas[known["1se"]], "lambda_1se", "dot", INK));
    }
    return found;
  }

  /** Numbers of nonzero coefficients at the points nearest to evenly spaced places. */
  function counts(points) {
    const { lambdas, df } = mix(), at = points.map((k) => Math.log10(lambdas[k]));
    const most = narrow.matches ? 5 : 9, first = at[0], last = at[at.length - 1], found = new Set();
    for (let i = 0; i < most; i++) {
      const place = first + ((last - first) * i) / (most - 1);
      let best = 0;
      at.forEach((x, k) => { if (Math.abs(x - place) < Math.abs(at[best] - place)) best = k; });
      found.add(best);
    }
    return [...found].map((k) => ({
      x: at[k], y: 1, xref: "x", yref: "paper", yanchor: "bottom", showarrow: false, text: String(df[points[k]]), font: { size: 12 },
    }));
  }

  function layout(points, title, names, more) {
    const shown = more.shapes || lines(), entries = names.length + shown.length;
    const rows = names.some((name) => name.length > 14) ? entries : Math.ceil(entries / 2), bottom = narrow.matches ? 65 + 20 * rows : 50;
    const legend = narrow.matches
      ? { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom", traceorder: "normal" }
      : { x: 1.02, y: 1, xanchor: "left", yanchor: "top", traceorder: "normal" };
    return {
      height: narrow.matches ? 350 + bottom : Math.max(430, 110 + 20 * entries),
      margin: { l: narrow.matches ? 55 : 70, r: 10, t: 48, b: bottom },
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: INK },
      paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest", hoverlabel: { align: "left" }, dragmode: touch ? false : "zoom",
      xaxis: lambdaAxis(pick(mix().lambdas, points)),
      yaxis: { title: { text: title, standoff: 12 }, gridcolor: GRID, linecolor: INK, ticks: "outside", zeroline: true, zerolinecolor: "#767d84", automargin: true },
      shapes: shown, legend, ...more,
    };
  }

  const CONFIG = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const figures = [];

  function show(id, traces, figureLayout) {
    if (!figures.includes(id)) figures.push(id);
    Plotly.react(element(id), traces, figureLayout, CONFIG);
  }

  function curve(points, lambdas, values, more) {
    return {
      type: "scatter", x: pick(lambdas, points), y: pick(values, points), mode: points.length > 1 ? "lines" : "markers", ...more,
    };
  }

  function drawPath() {
    const { lambdas, curves } = mix(), points = positive(lambdas);
    const { features, coef, left } = curves[state.response];
    element("undrawn").textContent = left ? `The ${features.length} largest (by coefficient times standard deviation) are drawn, ${left} smaller ones are not.` : "";
    if (!points.length) return;
    const last = points[points.length - 1];
    const scale = (i) => (state.scaled ? content.sd[features[i]] : 1);
    const values = coef.map((each, i) => each.map((b) => b * scale(i)));
    const named = Math.min(features.length, NAMED);
    // the legend has the order in which the curves end
    const order = values.slice(0, named).map((_, i) => i).sort((i, j) => values[j][last] - values[i][last]);
    const traces = features.map((j, i) => curve(points, lambdas, values[i], {
      name: literal(shortened(content.names[j], LONGEST)), meta: literal(shortened(content.names[j], LONGEST_HOVER)),
      hovertemplate: "%{meta}<br>λ %{x:.4g}<br>%{y:.4g}<extra></extra>",
      line: i < named ? style(i) : { color: GREY, width: 0.8 }, marker: { color: i < named ? style(i).color : GREY },
      showlegend: i < named, legendrank: 1000 + order.indexOf(i),
    }));
    const title = state.scaled ? "coefficient × standard deviation" : "coefficient", annotations = counts(points);
    const none = { x: 0.5, y: 0.6, xref: "paper", yref: "paper", showarrow: false, text: "all coefficients are 0", font: { color: "#5a626b", size: 14 } };
    const figure = layout(points, title, traces.filter((each) => each.showlegend).map((each) => each.name), { annotations });
    if (!features.length) {
      annotations.push(none);
      figure.yaxis.range = [-1, 1];
      traces.push(curve(points, lambdas, lambdas.map(() => 0), { showlegend: false, line: { color: INK, width: 1 }, marker: { color: INK }, hoverinfo: "skip" }));
    }
    show("path-plot", traces.reverse(), figure);
  }

  function drawLosses() {
    const { lambdas } = mix(), points = positive(lambdas), own = losses();
    if (!own || !points.length) return;
    const hover = (name) => ({ name, hovertemplate: `${name}<br>λ %{x:.4g}<br>%{y:.5g}<extra></extra>` });
    const edge = (sign) => own.held_out.map((value, k) => (value === null ? null : value + sign * own.error[k]));
    const band = { mode: "lines", line: { width: 0 }, hoverinfo: "skip" };
    const traces = own["1se"] === null ? [] : [
      curve(points, lambdas, edge(-1), { ...band, showlegend: false }),
      curve(points, lambdas, edge(1), { ...band, fill: "tonexty", fillcolor: "rgba(0,114,178,0.18)", name: "± 1 standard error" }),
    ];
    content.mixes.forEach((other, a) => {
      if (a === state.mix) return;
      const line = { color: "#6b737b", width: 1, dash: DASHES[1 + (a % 4)] };
      traces.push(curve(positive(other.lambdas), other.lambdas, content.losses[a].held_out, { ...hover(`held out, ${other.label}`), line, marker: { color: line.color } }));
    });
    const label = content.mixes.length > 1 ? `held out, ${mix().label}` : "held out";
    traces.push(curve(points, lambdas, own.held_out, { ...hover(label), line: style(0), marker: { color: style(0).color } }));
    if (own.training) traces.push(curve(points, lambdas, own.training, { ...hover("training"), line: style(1), marker: { color: style(1).color } }));
    const more = { annotations: counts(points) };
    const figure = layout(points, literal(shortened(content.metric, 40)), traces.slice(1).map((each) => each.name), more);
    figure.yaxis.zeroline = false;
    show("losses-plot", traces, figure);
  }

  function drawCertificates() {
    const { lambdas, gap } = mix(), points = positive(lambdas), own = losses();
    if (!points.length) return;
    const series = [{ name: own ? "all rows" : content.measure, values: gap, line: style(0) }];
    if (own) series.push({ name: "worst fold", values: own.gap, line: style(1) });
    const known = series.flatMap(({ values }) => pick(values, points)).filter((value) => value > 0).concat(content.tol);
    const low = Math.min(...known) / 3, high = Math.max(...known) * 3;
    const traces = series.map(({ name, values, line }) => curve(points, lambdas, values.map((value) => (value > 0 ? value : null)), {
      name, line, mode: points.length > 1 ? "lines+markers" : "markers", marker: { color: line.color, size: points.length > 1 ? 4 : 7 },
      hovertemplate: `${name}<br>λ %{x:.4g}<br>%{y:.1e}<extra></extra>`,
    }));
    series.forEach(({ name, values, line }) => {
      const zero = points.filter((k) => values[k] !== null && values[k] <= 0);
      if (zero.length) traces.push({
        type: "scatter", mode: "markers", x: pick(lambdas, zero), y: zero.map(() => low), cliponaxis: false, name: `${name}: 0`,
        marker: { symbol: "triangle-down-open", color: line.color, size: 7 }, hovertemplate: `${name}<br>λ %{x:.4g}<br>0<extra></extra>`,
      });
    });
    const shapes = lines();
    shapes.push({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: content.tol, y1: content.tol, line: { color: "#b3261e", width: 1.5, dash: "longdashdot" },
      name: `tol ${content.tol.toExponential(0)}`, showlegend: true,
    });
    const figure = layout(points, content.measure, traces.map((each) => each.name), { shapes });
    Object.assign(figure.yaxis, { ...logTicks(low, high), type: "log", range: [Math.log10(low), Math.log10(high)], zeroline: false });
    show("certificates-plot", traces, figure);
  }

  function draw() {
    drawLosses();
    drawPath();
    drawCertificates();
  }

  // ---- values and coefficients at a lambda ----

  function row(name, ...cells) {
    const made = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    made.append(head, ...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return made;
  }

  function fillTable() {
    const k = state.point, [features, coef, left] = mix().rows[k][state.response], total = features.length + left;
    const table = element("coefficients"), known = content.sd !== null;
    const rows = features.map((j, i) => row(content.names[j], number(coef[i]), ...(known ? [number(coef[i] * content.sd[j])] : [])));
    rows.unshift(row("(intercept)", number(mix().intercept[k][state.response]), ...(known ? ["–"] : [])));
    table.tBodies[0].replaceChildren(...rows);
    table.caption.textContent =
      `${total} nonzero coefficient${total === 1 ? "" : "s"}` + (content.responses > 1 ? ` of response ${state.response}` : "") +
      (total > 1 ? `, sorted by size${known ? " times standard deviation" : ""}` : "") +
      (left ? `; the ${left} smallest are not listed` : "");
  }

  function fillValues() {
    const k = state.point, own = losses(), { lambdas, df, dev_ratio: ratio, gap, status } = mix();
    const pairs = [
      ["lambda", number(lambdas[k])],
      ["nonzero coefficients (df)", String(df[k])],
      ["explained deviance", ratio[k] === null ? "–" : ratio[k].toFixed(4)],
      [content.measure, gapText(gap[k])],
      ["status", status[k]],
    ];
    if (own) {
      if (own["1se"] === null) pairs.push(["held-out loss", number(own.held_out[k])]);
      else pairs.push(["held-out loss ± standard error", `${number(own.held_out[k])} ± ${number(own.error[k])}`]);
      pairs.push(["training loss", own.training ? number(own.training[k]) : "kept for the chosen mix only"]);
    }
    element("values").replaceChildren(...pairs.map(([name, value]) => {
      const box = document.createElement("div");
      box.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
      return box;
    }));
  }

  function fill() {
    const k = state.point, lambda = mix().lambdas[k], slider = element("lambda"), own = losses();
    slider.value = k;
    slider.setAttribute("aria-valuetext", `lambda ${number(lambda)}, ${mix().df[k]} nonzero coefficients`);
    element("lambda-text").textContent = number(lambda);
    if (own) for (const rule of ["min", "1se"]) element(`lambda_${rule}`).setAttribute("aria-pressed", String(own[rule] === k));
    if (element("code")) {
      element("code-path").textContent = content.code[state.mix];
      element("code-lambda").textContent = String(lambda);
    }
    fillValues();
    fillTable();
  }

  let waiting = false;

  /** All that depends on lambda, once per frame at most: a slider that is dragged sends many events. */
  function move(point) {
    state.point = point;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      fill();
      const lambda = mix().lambdas[state.point];
      for (const id of figures) Plotly.relayout(element(id), { "shapes[0].x0": lambda, "shapes[0].x1": lambda, "shapes[0].visible": lambda > 0 });
    });
  }

  // ---- controls ----

  function options(id, labels, chosen, changed) {
    const select = element(id);
    element(`${id}-choice`).hidden = labels.length < 2;
    select.replaceChildren(...labels.map((label, k) => new Option(label, k, k === chosen, k === chosen)));
    select.addEventListener("change", () => {
      changed(Number(select.value));
      fill();
      draw();
    });
  }

  const marked = (label, a) => (content.losses && a === content.chosen ? `${label} (chosen)` : label);
  options("mix", content.mixes.map(({ label }, a) => marked(label, a)), state.mix, (a) => { state.mix = a; });
  options("response", Array.from({ length: content.responses }, (_, r) => String(r)), 0, (r) => { state.response = r; });
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("lambda").max = mix().lambdas.length - 1;
  element("lambda").addEventListener("input", (event) => move(Number(event.target.value)));
  for (const rule of ["min", "1se"]) element(`lambda_${rule}`).addEventListener("click", () => move(losses()[rule]));
  element("lambda_1se").hidden = !content.losses || losses()["1se"] === null;
  element("rules").hidden = element("losses").hidden = !content.losses;
  element("sd-column").hidden = content.sd === null;
  element("scale-choice").hidden = content.sd === null;
  element("scale").addEventListener("change", (event) => {
    state.scaled = event.target.checked;
    drawPath();
  });
  if (!positive(mix().lambdas).length) {
    for (const plot of document.querySelectorAll(".plot")) plot.textContent = "No lambda above 0 to draw on a log axis.";
  }

  fill();
  draw();
  narrow.addEventListener("change", draw);
  window.addEventListener("beforeprint", () => figures.forEach((id) => Plotly.relayout(element(id), { width: 680 })));
  window.addEventListener("afterprint", () => figures.forEach((id) => Plotly.relayout(element(id), { width: null, autosize: true })));
})();
