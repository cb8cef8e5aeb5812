// What the figures show: losses, coefficients and certificates against lambda, and held-out predictions.

const COLOURS = 6, LONGEST = 24, LONGEST_NARROW = 13;  // of curves; characters of a label
const SHORT_DASH = "2 3", LONG_DASH = "7 4";
const NARROW = 600;  // pixels of a figure below which it has less around it
const DECADE = 10;  // of lambda beyond the choice, whose coefficients the range of the figure holds

const look = (k) => ({ colour: `c${k % COLOURS}`, width: 2.2, dash: Math.floor(k / COLOURS) % 2 ? "6 3" : null });
const positive = (lambdas) => lambdas.map((_, k) => k).filter((k) => lambdas[k] > 0);
const pick = (values, points) => points.map((k) => values[k]);

class Figures {
  /** `state` is { mix, response, point, raw } as the controls are. */
  constructor(content, state) {
    Object.assign(this, { content, state });
  }

  get mix() { return this.content.mixes[this.state.mix]; }
  get losses() { return this.content.losses && this.content.losses[this.state.mix]; }
  get curves() { return this.mix.curves[this.state.response]; }
  get scaled() { return this.content.sd !== null && !this.state.raw; }

  /** What all figures against lambda share: their axes of lambda stand one below the other. */
  #againstLambda(width, height) {
    const { lambdas, df } = this.mix, points = positive(lambdas), at = pick(lambdas, points);
    const narrow = width < NARROW, longest = narrow ? LONGEST_NARROW : LONGEST;
    const label = (name) => shortened(name, longest);
    const { features, named } = this.curves, names = features.slice(0, named).map((j) => `↑ ${label(this.content.names[j])}`);
    if (this.content.losses) names.push("held out", "training", ...this.content.mixes.map((mix) => label(mix.label)));
    names.push("worst fold");
    const rules = [];
    if (this.losses) {
      const { min, "1se": careful } = this.losses;
      if (careful !== null && lambdas[careful] > 0) rules.push({ at: lambdas[careful], name: "lambda_1se", side: "left", dash: SHORT_DASH });
      if (lambdas[min] > 0) rules.push({ at: lambdas[min], name: "lambda_min", side: "right", dash: LONG_DASH });
    }
    const lambda = lambdas[this.state.point], [low, high] = widened(at.map(Math.log10), 0.02, 0.5);
    const right = LEADER + 4 + Math.max(...names.map(textWidth));
    const last = this.#counted(points, Math.max(3, Math.floor((width - right) / 75)));
    return {
      points, lambdas: at, label, height, left: narrow ? 46 : 58, right, top: 46, bottom: 46,
      x: { log: true, range: [10 ** high, 10 ** low], label: narrow ? "lambda (log scale)" : "penalty strength lambda (log scale)" },
      counts: last.map((k) => ({ at: lambdas[k], text: String(df[k]) })), counted: "df",
      rules, levels: [], band: null, slide: lambda > 0 ? lambda : null, note: null,
    };
  }

  /** The points nearest to `most` evenly spaced places. */
  #counted(points, most) {
    const at = points.map((k) => Math.log10(this.mix.lambdas[k])), chosen = new Set();
    for (let i = 0; i < most; i++) {
      const place = at[0] + ((at[at.length - 1] - at[0]) * i) / (most - 1);
      chosen.add(at.reduce((best, x, k) => (Math.abs(x - place) < Math.abs(at[best] - place) ? k : best), 0));
    }
    return [...chosen].map((k) => points[k]);
  }

  path(width) {
    const { content, mix, scaled } = this, { features, coef, named } = this.curves;
    const base = this.#againstLambda(width, width < NARROW ? 400 : 460), { points, lambdas } = base;
    const series = features.map((j, i) => {
      const name = content.names[j], scale = scaled ? content.sd[j] : 1;
      return {
        name, label: i < named ? base.label(name) : null, x: lambdas, y: pick(coef[i], points).map((value) => value * scale),
        ...(i < named ? look(i) : { colour: "crowd", width: 0.9 }),
        text: (k) => [
          name,
          `coefficient ${number(coef[i][points[k]])}`,
          ...(content.sd === null ? [] : [`× standard deviation ${number(coef[i][points[k]] * content.sd[j])}`]),
          `lambda ${number(lambdas[k])}`,
        ],
      };
    });
    const least = this.losses ? (mix.lambdas[this.losses.min] / DECADE) * (1 - 1e-9) : 0;
    const values = series.flatMap(({ y }) => y.filter((_, k) => lambdas[k] >= least));
    const range = values.some(Boolean) ? widened([0, ...values], 0.05) : [-1, 1];
    return { ...base, series, y: { range }, note: features.length ? null : "all coefficients are 0" };
  }

  pathSaid() {
    const { features, named, left } = this.curves, said = [];
    const by = this.content.sd === null ? "coefficient" : "coefficient × standard deviation";
    const others = features.length - named, all = features.length + left;
    const count = named === 1 ? "" : ` ${named}`, verb = named === 1 ? "is" : "are";
    if (this.losses && all) said.push(named ? `Named ${verb} the${count} largest at lambda_min (by ${by}).` : "At lambda_min all are 0, so that none is named.");
    else if (named < all) said.push(named ? `Named ${verb} the first${count} to enter and stay.` : "None stays until the last lambda, so that none is named.");
    if (left) said.push(others ? `Of the others the ${others} largest are grey, ${left} smaller ones are not drawn.` : `${left} others are not drawn.`);
    else if (others && named) said.push("The others are grey.");
    const { lambdas } = this.mix;
    if (this.losses && lambdas[this.losses.min] > DECADE * Math.min(...pick(lambdas, positive(lambdas)))) {
      said.push("The range is that of the coefficients up to a decade of lambda beyond lambda_min; triangles mark where curves leave it.");
    }
    return said.join(" ");
  }

  heldOutLoss(width) {
    const { content, losses, state } = this, base = this.#againstLambda(width, width < NARROW ? 300 : 330);
    const { points, lambdas } = base, [high, low] = base.x.range, several = content.mixes.length > 1;
    const of = (name, own, at, values, more) => ({
      name, label: base.label(name), x: pick(at, own), y: pick(values, own), ...more,
      text: (k) => [
        name,
        `loss ${number(values[own[k]])}` + (more.error && more.error[own[k]] !== null ? ` ± ${number(more.error[own[k]])}` : ""),
        `lambda ${number(at[own[k]])}`,
      ],
    });
    const series = [of("held out", points, this.mix.lambdas, losses.held_out, { ...look(0), error: losses.error })];
    if (losses.training) series.push(of("training", points, this.mix.lambdas, losses.training, look(1)));
    if (several) content.mixes.forEach((other, a) => {
      const own = positive(other.lambdas);
      if (a !== state.mix) series.push(of(other.label, own, other.lambdas, content.losses[a].held_out, { colour: "crowd", width: 1.2, error: content.losses[a].error }));
    });
    const edge = (sign) => points.map((k) => (losses.held_out[k] === null ? null : losses.held_out[k] + sign * losses.error[k]));
    const band = losses["1se"] === null ? null : { x: lambdas, low: edge(-1), high: edge(1) };
    const inside = series.flatMap(({ x, y }) => y.filter((value, k) => value !== null && x[k] >= low && x[k] <= high));
    const edges = band ? [...band.low, ...band.high].filter((value) => value !== null) : [];
    return { ...base, series, band, y: { range: widened([...inside, ...edges], 0.05) } };
  }

  certificates(width) {
    const { content, losses } = this, base = this.#againstLambda(width, 300), { points, lambdas } = base;
    const of = (name, values, k) => ({
      name, label: name, x: lambdas, y: pick(values, points), ...look(k),
      text: (i) => [name, `${content.measure} ${power(values[points[i]])}`, `lambda ${number(lambdas[i])}`],
    });
    const series = losses ? [of("all rows", this.mix.gap, 0), of("worst fold", losses.gap, 1)] : [of("gap", this.mix.gap, 0)];
    const known = series.flatMap(({ y }) => y).filter((value) => value > 0).concat(content.tol);
    return { ...base, series, counts: [], levels: [{ at: content.tol, dash: "10 4 2 4" }], y: { log: true, range: [Math.min(...known) / 5, Math.max(...known) * 3] } };
  }

  certificatesSaid() {
    return `${this.content.measure}; the red line is the tolerance ${power(this.content.tol)}, triangles at the bottom are 0`;
  }

  #points(width, across, up, label, lines) {
    const { rows, actual, predicted } = this.content.held_out[this.state.response];
    const text = (i) => [`row ${rows[i]}`, `actual ${number(actual[i])}`, `predicted ${number(predicted[i])}`, `residual ${number(actual[i] - predicted[i])}`];
    return {
      height: width < NARROW ? Math.max(260, 0.8 * width) : 420, left: 52, right: 14, top: 14, bottom: 46,
      x: { range: widened(across, 0.04), label }, y: { range: widened(up, 0.04) },
      series: [...lines, { name: "rows", label: null, x: across, y: up, colour: "c0", dots: rows.length > 500 ? 2.2 : 3.2, text }],
      counts: [], rules: [], levels: [], band: null, slide: null, note: null,
    };
  }

  predicted(width) {
    const { actual, predicted } = this.content.held_out[this.state.response];
    const ends = [Math.max(Math.min(...actual), Math.min(...predicted)), Math.min(Math.max(...actual), Math.max(...predicted))];
    const equal = { name: "equal", label: null, x: ends, y: ends, colour: "c1", width: 1.6, dash: "6 4", text: (i) => ["predicted = actual", number(ends[i])] };
    return this.#points(width, actual, predicted, "actual", [equal]);
  }

  residuals(width) {
    const { actual, predicted } = this.content.held_out[this.state.response];
    return this.#points(width, predicted, actual.map((value, i) => value - predicted[i]), "predicted", []);
  }

  heldOutSaid() {
    const { rows, held_out: count, total, r2, rmse } = this.content.held_out[this.state.response];
    const said = [`At the choice, each row predicted by the fit that did not see it: R squared ${r2 === null ? "–" : r2.toFixed(3)}, RMSE ${number(rmse)}.`];
    if (count < total) said.push(`${total - count} of ${total} rows were never held out.`);
    if (rows.length < count) said.push(`Drawn are ${rows.length} of ${count} rows, a random choice with seed 0; the numbers are those of all.`);
    return said.join(" ");
  }
}
