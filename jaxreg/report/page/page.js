// The page: its state, the controls that change it, and what follows them.

const content = JSON.parse(element("content").textContent);
const RULES = content.losses ? ["min", "1se"] : [];
const state = { mix: content.chosen, response: 0, point: content.start, raw: false };
const figures = new Figures(content, state);
const table = new CoefficientTable(element("coefficients"), element("search"), content.sd !== null);

// ---- figures ----

/** The lambda of the path that is nearest on the log axis; of 0, which has no place there, the least. */
function nearestPoint(lambda) {
  if (lambda === 0) return figures.mix.lambdas.length - 1;
  const distance = (k) => Math.abs(Math.log(figures.mix.lambdas[k] / lambda));
  return positive(figures.mix.lambdas).reduce((best, k) => (distance(k) < distance(best) ? k : best));
}

const toSlider = (lambda) => move(nearestPoint(lambda)), againstLambda = [], ofPredictions = [];
const drawn = positive(figures.mix.lambdas).length > 0;
if (drawn) {
  const chart = (id, describe) => againstLambda.push(new Chart(element(id), describe, toSlider));
  if (content.losses) chart("losses-plot", (width) => figures.heldOutLoss(width));
  chart("path-plot", (width) => figures.path(width));
  chart("certificates-plot", (width) => figures.certificates(width));
} else {
  for (const id of ["path-plot", "certificates-plot"]) {
    element(id).textContent = "No lambda above 0 to draw on a log axis.";
  }
  for (const id of ["path-said", "path-caption", "certificates-caption"]) element(id).hidden = true;
}
if (content.held_out) {
  ofPredictions.push(new Chart(element("predicted-plot"), (width) => figures.predicted(width)));
  ofPredictions.push(new Chart(element("residual-plot"), (width) => figures.residuals(width)));
}

for (const figure of content.figures) {
  ofPredictions.push(new Chart(element(`${figure.id}-plot`), (width) => figures.judged(figure, width)));
}

function draw() {
  const by = figures.scaled ? " × standard deviation of its column" : "";
  if (drawn) {
    element("losses-caption").textContent = content.losses ? shortened(content.metric, LONGEST_TIP) : "";
    element("losses-said").textContent = content.losses ? figures.lossSaid() : "";
    element("path-caption").textContent = `coefficient${by}`;
    element("curves-said").textContent = figures.pathSaid();
    element("certificates-caption").textContent = figures.certificatesSaid();
  }
  if (content.held_out) element("held-out-said").textContent = figures.heldOutSaid();
  for (const chart of [...againstLambda, ...ofPredictions]) chart.draw();
}

// ---- what is known at a lambda ----

function fillTable() {
  const { rows, intercept } = figures.mix, [features, coef, left] = rows[state.point][state.response];
  const times = (j, b) => content.sd && b * content.sd[j], { kind, names } = content.outputs;
  const response = names.length > 1 ? `${kind} ${names[state.response]}` : null;
  table.fill({
    rows: features.map((j, i) => ({ name: content.names[j], coef: coef[i], times: times(j, coef[i]) })),
    left, intercept: intercept[state.point][state.response], response,
  });
}

function fillValues() {
  const k = state.point, own = figures.losses, { lambdas, df, dev_ratio: ratio, gap, status } = figures.mix;
  const pairs = [
    ["lambda", number(lambdas[k])],
    ["nonzero coefficients", String(df[k])],
    ["explained deviance", ratio[k] === null ? "–" : ratio[k].toFixed(4)],
  ];
  if (own) {
    const error = own["1se"] === null ? "" : ` ± ${number(own.error[k])}`;
    pairs.push([`held-out loss${error && " ± SE"}`, number(own.held_out[k]) + error]);
    if (content.squared && own.held_out[k] !== null) {
      const of = content.outputs.names.length > 1 ? ", all responses" : "";
      pairs.push([`held-out RMSE${of}`, number(Math.sqrt(own.held_out[k]))]);
    }
    if (own.r2 && own.r2[k] !== null) pairs.push(["held-out R squared", own.r2[k].toFixed(3)]);
    pairs.push(["training loss", own.training ? number(own.training[k]) : "kept for the chosen mix only"]);
  }
  pairs.push([`${content.measure}, ${status[k]}`, power(gap[k])]);
  element("values").style.setProperty("--columns", pairs.length > 4 ? Math.ceil(pairs.length / 2) : pairs.length);
  element("values").replaceChildren(...pairs.map(([name, value]) => (
    html("div", {}, html("dt", { textContent: name }), html("dd", { textContent: value }))
  )));
}

function fill() {
  const k = state.point, lambda = figures.mix.lambdas[k], slider = element("lambda");
  slider.value = k;
  slider.setAttribute("aria-valuetext", `lambda ${number(lambda)}, ${figures.mix.df[k]} nonzero coefficients`);
  element("lambda-text").textContent = element("table-lambda").textContent = number(lambda);
  for (const rule of RULES) element(`lambda_${rule}`).setAttribute("aria-pressed", String(figures.losses[rule] === k));
  if (element("code-path")) {
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
    const lambda = figures.mix.lambdas[state.point];
    for (const chart of againstLambda) chart.slide(lambda > 0 ? lambda : null);
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

/** Another mixing parameter, by the rule that is pressed or at the nearest lambda. */
function changeMix(mix) {
  const pressed = RULES.find((rule) => figures.losses[rule] === state.point), lambda = figures.mix.lambdas[state.point];
  state.mix = mix;
  state.point = (pressed ? figures.losses[pressed] : null) ?? nearestPoint(lambda);
}

const marked = (label, a) => (content.losses && a === content.chosen ? `${label} (chosen)` : label);
options("mix", content.mixes.map(({ label }, a) => marked(label, a)), state.mix, changeMix);
element("response-label").textContent = content.outputs.kind;
options("response", content.outputs.names, 0, (r) => { state.response = r; });
element("controls").addEventListener("submit", (event) => event.preventDefault());
element("lambda").max = figures.mix.lambdas.length - 1;
element("lambda").addEventListener("input", (event) => move(Number(event.target.value)));
for (const rule of RULES) element(`lambda_${rule}`).addEventListener("click", () => move(figures.losses[rule]));
element("lambda_1se").hidden = element("band-said").hidden = !content.losses || figures.losses["1se"] === null;
element("rules").hidden = !content.losses;
element("losses").hidden = !content.losses || !drawn;
element("scale-choice").hidden = content.sd === null || !drawn;
element("raw").addEventListener("change", (event) => {
  state.raw = event.target.checked;
  draw();
});

const theme = element("theme"), root = document.documentElement;

function showTheme(dark) {
  root.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
}

/** The theme of the system, until the visitor chooses one. */
const system = matchMedia("(prefers-color-scheme: dark)"), followSystem = () => showTheme(system.matches);
system.addEventListener("change", followSystem);
followSystem();
theme.addEventListener("click", () => {
  system.removeEventListener("change", followSystem);
  showTheme(root.dataset.theme !== "dark");
});

if (element("copy")) element("copy").addEventListener("click", async ({ target }) => {
  try {
    await navigator.clipboard.writeText(element("code").textContent);
    target.textContent = "Copied";
  } catch {  // a notebook's frame may not write to the clipboard; what is selected can be copied by hand
    getSelection().selectAllChildren(element("code"));
    target.textContent = "Selected";
  }
});

fill();
draw();
