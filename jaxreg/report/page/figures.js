// What the figures show: losses, coefficients and certificates against lambda, and held-out predictions.

const COLOURS = 6, LONGEST = 24, LONGEST_NARROW = 13;  // of curves; characters of a label
const SHORT_DASH = "2 3", LONG_DASH = "7 4";
const MANY = 500;  // points from which they are smaller
const NARROW = 600;  // pixels of a figure below which it has less around it
const COUNT_ROOM = 75;  // pixels of a number above the plot
const DECADE = 10;  // of lambda beyond the choice, whose coefficients and losses the ranges of the figures hold
const WORTHWHILE = 2;  // times that range of the losses, which that of all is at least where its upper end is left out

const look = (k) => ({ colour: `c${k % COLOURS}`, width: 2.2, dash: Math.floor(k / COLOURS) % 2 ? "6 3" : null });

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
    const narrow = width < NARROW, label = (name) => shortened(name, narrow ? LONGEST_NARROW : LONGEST);
    const lambda = lambdas[this.state.point], [low, high] = widened(at.map(Math.log10), 0.02, 0.5);
    const right = LEADER + 4 + Math.max(...this.#namesAtEnds(label).map(textWidth));
    const counted = this.#spaced(points, Math.max(3, Math.floor((width - right) / COUNT_ROOM)));
    return {
      points, lambdas: at, label, height, left: narrow ? 46 : 58, right, top: 52, bottom: 46,
      x: { log: true, range: [10 ** high, 10 ** low], label: `${narrow ? "" : "penalty strength "}lambda (log scale)` },
      counts: counted.map((k) => ({ at: lambdas[k], text: String(df[k]) })), counted: "df",
      rules: this.#rules(), levels: [], band: null, slide: lambda > 0 ? lambda : null, note: null,
    };
  }

  /** The least lambda whose coefficients and losses the ranges hold: all where there is no choice. */
  get #leastInRange() {
    return this.losses ? (this.mix.lambdas[this.losses.min] / DECADE) * (1 - 1e-9) : 0;
  }

  /** All labels of these figures, which have the same room for them. */
  #namesAtEnds(label) {
    const { features, named } = this.curves, names = features.slice(0, named).map((j) => this.content.names[j]);
    const others = this.losses ? ["training", "worst fold", ...this.content.mixes.map((mix) => mix.label)] : ["gap"];
    return [...names, ...others].map((name) => `↑ ${label(name)}`);
  }

  #rules() {
    if (!this.losses) return [];
    const { min, "1se": careful } = this.losses, at = (k) => (k === null ? 0 : this.mix.lambdas[k]);
    return [
      { at: at(careful), name: "lambda_1se", side: "left", dash: SHORT_DASH },
      { at: at(min), name: "lambda_min", side: "right", dash: LONG_DASH },
    ].filter((rule) => rule.at > 0);
  }

  /** The points nearest to `most` evenly spaced places, one of them moved to the least held-out loss. */
  #spaced(points, most) {
    const at = points.map((k) => Math.log10(this.mix.lambdas[k])), chosen = new Set();
    for (let i = 0; i < most; i++) {
      const place = at[0] + ((at[at.length - 1] - at[0]) * i) / (most - 1);
      chosen.add(at.reduce((best, x, k) => (Math.abs(x - place) < Math.abs(at[best] - place) ? k : best), 0));
    }
    const least = this.losses ? points.indexOf(this.losses.min) : -1;
    if (least >= 0) {
      const away = (k) => Math.abs(at[k] - at[least]);
      chosen.delete([...chosen].reduce((best, k) => (away(k) < away(best) ? k : best)));
      chosen.add(least);
    }
    return [...chosen].map((k) => points[k]);
  }

  path(width) {
    const { content } = this, { features, coef, named } = this.curves;
    const base = this.#againstLambda(width, width < NARROW ? 400 : 460), { points, lambdas } = base;
    const series = features.map((j, i) => {
      const name = content.names[j], sd = content.sd && content.sd[j], own = pick(coef[i], points);
      return {
        name, label: i < named ? base.label(name) : null, x: lambdas, y: own.map((b) => this.#coefficient(j, b)),
        ...(i < named ? look(i) : { colour: "crowd", width: 0.9, dash: null }),
        lines: (k) => [
          name,
          `coefficient ${number(own[k])}`,
          ...(sd === null ? [] : [`× standard deviation ${number(own[k] * sd)}`]),
          `lambda ${number(lambdas[k])}`,
        ],
      };
    });
    const { range } = this.#pathRange;
    return { ...base, series, y: { range }, note: features.length ? null : "all coefficients are 0" };
  }

  #coefficient(j, b) {
    return this.scaled ? b * this.content.sd[j] : b;
  }

  /** The range of the coefficients down to a decade of lambda beyond the choice, and whether some leave it. */
  get #pathRange() {
    const { features, coef } = this.curves, { lambdas } = this.mix, points = positive(lambdas);
    const values = (at) => features.flatMap((j, i) => pick(coef[i], at).map((b) => this.#coefficient(j, b)));
    const near = values(points.filter((k) => lambdas[k] >= this.#leastInRange));
    const range = near.some(Boolean) ? widened([0, ...near], 0.05) : [-1, 1];
    return { range, leave: values(points).some((value) => value < range[0] || value > range[1]) };
  }

  pathSaid() {
    const { features, named, left } = this.curves, others = features.length - named;
    const by = this.content.sd === null ? "coefficient" : "coefficient × standard deviation";
    const verb = named === 1 ? "is" : "are", count = named === 1 ? "" : ` ${named}`, said = [];
    if (this.losses && named) said.push(`Named ${verb} the${count} largest at lambda_min (by ${by}).`);
    else if (this.losses && features.length) said.push("At lambda_min all are 0, so that none is named.");
    else if (named && others + left) said.push(`Named ${verb} the first${count} to enter and stay.`);
    else if (features.length && !named) said.push("None stays until the last lambda, so that none is named.");
    if (left && others) said.push(`Of the others the ${others} largest are grey, ${left} smaller ones are not drawn.`);
    else if (left) said.push(`${left} others are not drawn.`);
    else if (others && named) said.push("The others are grey.");
    if (this.#pathRange.leave) {
      said.push("The range is that of the coefficients up to a decade of lambda beyond lambda_min;");
      said.push("triangles mark where curves leave it.");
    }
    return said.join(" ");
  }

  heldOutLoss(width) {
    const { content, losses, state } = this, base = this.#againstLambda(width, width < NARROW ? 300 : 330);
    const { points, lambdas } = base;
    const of = (name, at, values, error, style) => {
      const own = positive(at), spread = (k) => (error && error[k] !== null ? ` ± ${number(error[k])}` : "");
      return {
        name, label: base.label(name), x: pick(at, own), y: pick(values, own), ...style,
        lines: (i) => [name, `loss ${number(values[own[i]])}${spread(own[i])}`, `lambda ${number(at[own[i]])}`],
      };
    };
    const series = [of("held out", this.mix.lambdas, losses.held_out, losses.error, look(0))];
    if (losses.training) series.push(of("training", this.mix.lambdas, losses.training, null, look(1)));
    content.mixes.forEach((other, a) => {
      const { held_out: values, error } = content.losses[a], style = { colour: "soft", width: 1, dash: null };
      if (a !== state.mix) series.push(of(other.label, other.lambdas, values, error, style));
    });
    const center = pick(losses.held_out, points), error = pick(losses.error, points);
    const edge = (sign) => center.map((value, k) => (value === null ? null : value + sign * error[k]));
    const band = losses["1se"] === null ? null : { x: lambdas, low: edge(-1), high: edge(1) };
    return { ...base, series, band, y: { range: this.#lossRange.range } };
  }

  /**
   * The range of the losses, and whether some leave it: its upper end is that of the losses down to a decade of lambda
   * beyond the choice, where that of all losses were a range WORTHWHILE times as wide.
   */
  get #lossRange() {
    const { content, mix, state } = this, points = positive(mix.lambdas);
    const most = mix.lambdas[points[0]], least = mix.lambdas[points[points.length - 1]];
    const values = (lowest) => content.mixes.flatMap(({ lambdas }, a) => {
      const { held_out: loss, training, error, "1se": careful } = content.losses[a], own = a === state.mix;
      const at = [...loss.keys()].filter((k) => loss[k] !== null && lambdas[k] <= most && lambdas[k] >= lowest);
      const banded = own && careful !== null ? at.flatMap((k) => [loss[k] - error[k], loss[k] + error[k]]) : [];
      return [...pick(loss, at), ...banded, ...(own && training ? pick(training, at) : [])];
    });
    const all = values(least), whole = widened(all, 0.05);
    const near = widened([Math.min(...all), ...values(Math.max(least, this.#leastInRange))], 0.05);
    const leave = whole[1] - whole[0] >= WORTHWHILE * (near[1] - near[0]);
    return { range: leave ? near : whole, leave };
  }

  lossSaid() {
    return this.#lossRange.leave ? "The upper end of the range is that of the losses down to a decade of lambda beyond "
      + "lambda_min; triangles mark where curves leave it." : "";
  }

  certificates(width) {
    const { content, losses, mix } = this, base = this.#againstLambda(width, 300), { points, lambdas } = base;
    const of = (name, values, k) => ({
      name, label: name, x: lambdas, y: pick(values, points), ...look(k),
      lines: (i) => [name, `${content.measure} ${power(values[points[i]])}`, `lambda ${number(lambdas[i])}`],
    });
    const series = losses ? [of("all rows", mix.gap, 0), of("worst fold", losses.gap, 1)] : [of("gap", mix.gap, 0)];
    const values = series.flatMap(({ y }) => y).filter((value) => value > 0).concat(content.tol);
    const range = [Math.min(...values) / 5, Math.max(...values) * 3];
    return { ...base, series, counts: [], levels: [{ at: content.tol, dash: "10 4 2 4" }], y: { log: true, range } };
  }

  certificatesSaid() {
    const { measure, tol } = this.content;
    return `${measure}; the red line is the tolerance ${power(tol)}, triangles at the bottom are 0`;
  }

  // ---- held-out predictions ----

  /** A figure of a family, as a ROC curve: curves and points on two axes, on a line where both are equal. */
  judged({ x, y, series, equal }, width) {
    const narrow = width < NARROW, label = (name) => shortened(name, narrow ? LONGEST_NARROW : LONGEST);
    const named = series.filter((one) => one.label !== null).map((one) => textWidth(`↑ ${label(one.label)}`));
    const curves = series.map(({ name, label: said, x: across, y: up, tone, more, dots, dash }) => ({
      ...look(tone), ...(dash ? { dash } : {}), name, label: said === null ? null : label(said), x: across, y: up, dots,
      lines: (i) => [
        name, `${x.label} ${number(across[i])}`, `${y.label} ${number(up[i])}`,
        ...more.map(([what, values]) => `${what} ${values[i] === null ? "∞" : number(values[i])}`),
      ],
    }));
    const diagonal = { name: "equal", label: null, colour: "soft", width: 1.2, dash: "2 4", x: equal, y: equal };
    if (equal) curves.push({ ...diagonal, lines: (i) => [`equal, ${number(equal[i])}`] });
    const across = curves.flatMap((one) => one.x), up = curves.flatMap((one) => one.y);
    return {
      height: width < NARROW ? Math.max(260, 0.8 * width) : 420, left: 52, top: 14, bottom: 46,
      right: named.length ? LEADER + 4 + Math.max(...named) : 14,
      x: { range: widened(across, 0.03), label: x.label }, y: { range: widened(y.range || up, 0.03) },
      series: curves, counts: [], rules: [], levels: [], band: null, slide: null, note: null,
    };
  }

  get #heldOut() { return this.content.held_out[this.state.response]; }

  #points(width, across, up, label, series) {
    const { rows, actual, predicted } = this.#heldOut, residual = (i) => actual[i] - predicted[i];
    const numbers = (i) => [["actual", actual[i]], ["predicted", predicted[i]], ["residual", residual(i)]];
    const lines = (i) => [`row ${rows[i]}`, ...numbers(i).map(([name, value]) => `${name} ${number(value)}`)];
    const dots = rows.length > MANY ? 2.2 : 3.2;
    return {
      height: width < NARROW ? Math.max(260, 0.8 * width) : 420, left: 52, right: 14, top: 14, bottom: 46,
      x: { range: widened(across, 0.04), label }, y: { range: widened(up, 0.04) },
      series: [...series, { name: "rows", label: null, x: across, y: up, colour: "c0", dots, lines }],
      counts: [], rules: [], levels: [], band: null, slide: null, note: null,
    };
  }

  predicted(width) {
    const { actual, predicted } = this.#heldOut;
    const low = Math.max(Math.min(...actual), Math.min(...predicted));
    const ends = [low, Math.min(Math.max(...actual), Math.max(...predicted))];
    const style = { name: "equal", label: null, colour: "c1", width: 1.6, dash: "6 4" };
    const equal = { ...style, x: ends, y: ends, lines: (i) => ["predicted = actual", number(ends[i])] };
    return this.#points(width, actual, predicted, "actual", [equal]);
  }

  residuals(width) {
    const { actual, predicted } = this.#heldOut;
    return this.#points(width, predicted, actual.map((value, i) => value - predicted[i]), "predicted", []);
  }

  heldOutSaid() {
    const { rows, held_out: count, total, weighted, r2, rmse } = this.#heldOut;
    const said = ["At the choice, each row predicted by the fit that did not see it:"];
    said.push(`R squared ${r2 === null ? "–" : r2.toFixed(3)}, RMSE ${number(rmse)}.`);
    if (weighted) said.push("Each row counts once, whatever its weight.");
    if (count < total) said.push(`${total - count} of ${total} rows were never held out.`);
    if (rows.length < count) {
      said.push(`Drawn are ${rows.length} of ${count} rows, a random choice with seed 0; the numbers are of all.`);
    }
    return said.join(" ");
  }
}
