// The coefficients at a lambda: sorted by the column that is clicked, searched by name.

const PRINTED_ROWS = 11;  // features; the style sheet of print hides the others
const SCROLLED_ROWS = 25;  // from more of them on the table has its own scroll bar
const COLUMNS = [
  ["name", "feature"], ["coef", "coefficient"], ["times", "×\u00a0standard deviation"], ["size", "size"],
];

class CoefficientTable {
  /** `scaled` says whether the standard deviations are known. */
  constructor(table, search, scaled) {
    Object.assign(this, { table, search, scaled, key: "size", descending: true });
    const columns = COLUMNS.filter(([key]) => scaled || key !== "times");
    this.heads = columns.map(([key, textContent]) => {
      const button = html("button", { type: "button", textContent }), head = html("th", { scope: "col" }, button);
      button.addEventListener("click", () => this.sort(key));
      return { key, head };
    });
    table.tHead.rows[0].replaceChildren(...this.heads.map(({ head }) => head));
    search.addEventListener("input", () => this.draw());
  }

  /** By this column; by the same once more the other way round. Names begin at A, numbers at the largest. */
  sort(key) {
    this.descending = key === this.key ? !this.descending : key !== "name";
    this.key = key;
    this.draw();
  }

  /** `rows` are { name, coef, times }, `left` is how many smaller ones are not among them. */
  fill({ rows, left, intercept, response }) {
    const size = ({ coef, times }) => Math.abs(this.scaled ? times : coef);
    Object.assign(this, { left, intercept, response, rows: rows.map((row) => ({ ...row, size: size(row) })) });
    this.draw();
  }

  draw() {
    const { key, descending, rows } = this, sought = this.search.value.trim().toLowerCase();
    const sorting = descending ? "descending" : "ascending", sign = descending ? -1 : 1;
    for (const { key: own, head } of this.heads) head.setAttribute("aria-sort", own === key ? sorting : "none");
    const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });
    const order = (a, b) => sign * (key === "name" ? byName(a, b) : a[key] - b[key]);
    const shown = rows.filter(({ name }) => name.toLowerCase().includes(sought)).sort(order);
    const largest = Math.max(...rows.map(({ size }) => size));
    const lines = shown.map(({ name, coef, times, size }) => this.#line(name, coef, times, size / largest));
    if (!sought) lines.unshift(this.#line("(intercept)", this.intercept, null, 0));
    this.table.tBodies[0].replaceChildren(...lines);
    this.table.parentElement.classList.toggle("tall", shown.length > SCROLLED_ROWS);
    this.#say(shown.length, sought);
  }

  #say(shown, sought) {
    const total = this.rows.length + this.left, count = total || "all";
    const parts = [`${count} coefficient${total === 1 ? "" : "s"}`];
    if (this.response !== null) parts.push(` of ${this.response}`);
    parts.push(total === 1 ? " is not 0" : total ? " are not 0" : " are 0");
    if (this.left) parts.push(`; the ${this.left} smallest are not listed`);
    if (sought) parts.push(`; ${shown} listed here`);
    this.table.caption.replaceChildren(parts.join(""));
    const textContent = `; the first ${PRINTED_ROWS} of ${shown}`;
    if (shown > PRINTED_ROWS) this.table.caption.append(html("span", { className: "print-only", textContent }));
  }

  #line(name, coef, times, share) {
    const bar = html("td", { className: "bar" }), numbers = this.scaled ? [coef, times] : [coef];
    if (share) {
      const part = html("i", { className: coef > 0 ? "plus" : "minus" });
      part.style.width = `${50 * share}%`;
      bar.append(html("span", {}, part));
    }
    const cells = numbers.map((value) => html("td", { textContent: number(value) }));
    return html("tr", {}, html("th", { scope: "row" }, ...breakable(name)), ...cells, bar);
  }
}
