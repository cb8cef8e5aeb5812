// Numbers as text, ticks of axes, and scales from values to pixels.

const LONGEST_TIP = 80;  // characters of a name where the pointer is
const DECADES = 1.5;  // of a log axis from which powers of ten are its ticks

const WHOLE = 1e4, MOST_WHOLE = 1e7;  // between them, numbers are whole and have groups of three digits
const SMALL = 1e-4;  // below it they have an exponent

const grouped = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** Five digits; a fraction of zeros alone is left out. */
function number(value) {
  if (value === null) return "–";
  if (value === 0) return "0";
  const rounded = value.toPrecision(5), size = Math.abs(rounded);
  if (size >= WHOLE && size < MOST_WHOLE) return grouped(value);
  return (size < SMALL ? value.toExponential(4) : rounded).replace(/\.0+(?=e|$)/, "").replace("e+", "e");
}

const power = (value) => (value ? value.toExponential(1).replace("e+", "e") : number(value));
const typeset = (text) => text.replace("-", "−");

const positive = (lambdas) => [...lambdas.keys()].filter((k) => lambdas[k] > 0);
const pick = (values, points) => points.map((k) => values[k]);

/** One line; of a long text the two ends, since columns made by a program often begin alike. */
function shortened(text, most) {
  const letters = Array.from(text.replace(/\s+/g, " ").trim()), tail = Math.floor(0.4 * most);
  if (letters.length <= most) return letters.join("");
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

/** Round values (and their texts) in [low, high], about `most` of them. */
function linearTicks(low, high, most) {
  const rough = (high - low) / most, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((size) => size >= 0.999 * rough);
  const values = [];
  for (let k = Math.ceil(low / step - 1e-6); k <= high / step + 1e-6; k++) values.push(k * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-6)), largest = Math.max(...values.map(Math.abs));
  const thousands = largest >= WHOLE && largest < MOST_WHOLE && step >= 100;
  const label = (value) => {
    if (Math.abs(value) < step / 2) return "0";
    if (thousands) return `${(value / 1000).toFixed(step % 1000 ? 1 : 0)}k`;
    if (largest < 1e5 && digits <= 4) return value.toFixed(digits);
    return String(Number(value.toPrecision(12)).toExponential()).replace("e+", "e");
  };
  return values.map((value) => ({ value, label: typeset(label(value)) }));
}

/** Powers of ten, all written in one way, with unnamed ticks between them, or round numbers where they are few. */
function logTicks(low, high, most) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), ticks = [];
  const inside = (value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  if (Math.log10(high / low) >= DECADES) {
    const step = Math.ceil((last - first) / most), decade = first >= -5 && last <= 6 ? plainDecade : raisedDecade;
    for (let k = first; k <= last; k++) {
      ticks.push({ value: 10 ** k, label: (k - first) % step ? "" : decade(k) });
      if (step === 1) for (let m = 2; m < 10; m++) ticks.push({ value: m * 10 ** k, label: "" });
    }
    return ticks.filter(({ value }) => inside(value));
  }
  for (let k = first; k <= last; k++) for (const m of [1, 1.5, 2, 3, 5, 7]) ticks.push(Number(`${m}e${k}`));
  const values = ticks.filter(inside);
  if (values.length < 2) values.splice(0, 1, low, high);
  return values.map((value) => ({ value, label: String(Number(value.toPrecision(3))) }));
}

const plainDecade = (k) => (k < 4 ? String(Number(`1e${k}`)) : grouped(10 ** k));

function raisedDecade(k) {
  const raised = Array.from(String(k), (letter) => (letter === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[letter]));
  return `10${raised.join("")}`;
}

/** A function from [first, last] to pixels [from, to]; `inverse` leads back. */
function makeScale({ log, range: [first, last] }, from, to) {
  const forth = log ? Math.log10 : (value) => value, back = log ? (value) => 10 ** value : (value) => value;
  const a = forth(first), unit = (to - from) / (forth(last) - a);
  const scale = (value) => from + (forth(value) - a) * unit;
  scale.inverse = (pixel) => back(a + (pixel - from) / unit);
  return scale;
}

/** [low, high] with a share of room on both sides, or `alone` around a single value. */
function widened(values, share, alone = Math.abs(values[0]) / 2 || 1) {
  const low = Math.min(...values), high = Math.max(...values);
  const room = share * (high - low) || alone;
  return [low - room, high + room];
}

/** Places near the wanted ones, in their order and `height` apart, from `low` to `high`: least squares. */
function spread(wanted, height, low, high) {
  const order = wanted.map((_, i) => i).sort((i, j) => wanted[i] - wanted[j]);
  const blocks = [];  // without the steps between them the places need only ascend: pooled where they do not
  order.forEach((i, k) => {
    blocks.push({ sum: wanted[i] - k * height, count: 1 });
    while (blocks.length > 1) {
      const [before, after] = blocks.slice(-2);
      if (before.sum / before.count <= after.sum / after.count) break;
      blocks.splice(-2, 2, { sum: before.sum + after.sum, count: before.count + after.count });
    }
  });
  const places = [], top = Math.max(low, high - (wanted.length - 1) * height);
  blocks.flatMap(({ sum, count }) => Array(count).fill(sum / count)).forEach((base, k) => {
    places[order[k]] = Math.min(Math.max(base, low), top) + k * height;
  });
  return places;
}
