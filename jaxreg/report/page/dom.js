// Elements of the page, found and made.

const element = (id) => document.getElementById(id);

/** An element of HTML with properties, as { textContent, className }. */
const html = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

/** An element of SVG with attributes; `colour` is that of a theme, for the style sheet, and null leaves one out. */
function svg(tag, { colour, ...attributes }, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (colour) made.style.setProperty("--colour", `var(--${colour})`);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const line = (name, x1, y1, x2, y2, dash = null) => (
  svg("line", { class: name, x1, y1, x2, y2, "stroke-dasharray": dash })
);
const text = (content, x, y, anchor, more = {}) => svg("text", { x, y, "text-anchor": anchor, ...more }, content);

/** A name, with places where it may be broken. */
const breakable = (name) => name.split(/(?<=[=_:])/).flatMap((part, k) => (k ? [html("wbr"), part] : [part]));

const canvas = document.createElement("canvas").getContext("2d");

/** Pixels of a label. */
function textWidth(label) {
  canvas.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  return canvas.measureText(label).width;
}
