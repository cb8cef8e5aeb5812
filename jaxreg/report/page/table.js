// The coefficients at a lambda: sorted by the column that is clicked, searched by name.

const PRINTED_ROWS = 11;  // features; the style sheet of print hides the others

class CoefficientTable {
  /** `scaled` says whether the standard deviations are known. */
  constructor(table, search, scaled) {
    Object.assign(this, { table, search, scaled, key: "size", descending: true });
    const titles = { name: "feature", coef: "coefficient", ...(scaled ? { times: "coefficient × standard deviation" } : {}), size: "size" };
    table.tHead.rows[0].replaceChildren(...Object.entries(titles).map(([key, title]) => {
      const head = document.createElement("th"), button = document.createElement("button");
      head.scope = "col";
      head.dataset.key = key;
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => this.sort(key));
      head.append(button);
      return head;
    }));
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
    Object.assign(this, { rows: rows.map((row) => ({ ...row, size: Math.abs(this.scaled ? row.times : row.coef) })), left, intercept, response });
    this.draw();
  }

  draw() {
    const { key, descending, rows, left } = this, sought = this.search.value.trim().toLowerCase();
    for (const head of this.table.tHead.rows[0].cells) {
      head.setAttribute("aria-sort", head.dataset.key === key ? (descending ? "descending" : "ascending") : "none");
    }
    const order = (a, b) => (key === "name" ? a.name.localeCompare(b.name, undefined, { numeric: true }) : a[key] - b[key]);
    const shown = rows.filter(({ name }) => name.toLowerCase().includes(sought)).sort((a, b) => (descending ? -order(a, b) : order(a, b)));
    const largest = Math.max(...rows.map(({ size }) => size));
    const lines = shown.map((row) => this.#line(row.name, row.coef, row.times, row.size / largest));
    if (!sought) lines.unshift(this.#line("(intercept)", this.intercept, null, 0));
    this.table.tBodies[0].replaceChildren(...lines);
    const total = rows.length + left;
    this.table.caption.textContent =
      `${total} coefficient${total === 1 ? "" : "s"}` + (this.response === null ? "" : ` of response ${this.response}`) +
      ` ${total === 1 ? "is" : "are"} not 0` +
      (left ? `; the ${left} smallest are not listed` : "") + (sought ? `; ${shown.length} listed here` : "");
    const unprinted = shown.length - PRINTED_ROWS;
    if (unprinted > 0) this.table.caption.append(Object.assign(document.createElement("span"), { className: "print-only", textContent: `; the first ${PRINTED_ROWS} of ${shown.length}` }));
  }

  #line(name, coef, times, share) {
    const made = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const cell = (text) => Object.assign(document.createElement("td"), { textContent: text });
    const bar = cell(""), frame = document.createElement("span"), part = document.createElement("i");
    bar.className = "bar";
    if (share) {
      part.className = coef > 0 ? "plus" : "minus";
      part.style.width = `${50 * share}%`;
      frame.append(part);
      bar.append(frame);
    }
    made.append(head, cell(number(coef)), ...(this.scaled ? [cell(number(times))] : []), bar);
    return made;
  }
}
