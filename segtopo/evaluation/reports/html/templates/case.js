const AXES = ["i", "j", "k"];
const MANY = 60, CROWD = 200; // errors, from which the marks in the pictures are smaller

// Fills the section of a case when it is opened for the first time.
function fillCase(section) {
  const content = section.querySelector(".content");
  if (content.childElementCount) return;
  const data = JSON.parse(section.querySelector("script").textContent);
  const whole = data.pictures.filter((picture) => picture.error === null);
  const left = element("div", { class: "views" }, ...(whole.length ? [legend(section, data.errors.length)] : []));
  const density = data.errors.length > CROWD ? " crowd" : data.errors.length > MANY ? " dense" : "";
  left.append(element("div", { class: "pictures" + density }, ...whole.map((picture) => pictureOf(section, picture, data.errors))));
  const right = element("div", {});
  if (data.errors.length) {
    if (whole.length) right.append(element("div", {
      class: "close-up idle", tabindex: "-1", role: "region", "aria-label": "Close-up", "aria-live": "polite",
    }));
    right.append(errorList(section, data));
  } else {
    right.append(element("p", { class: "quiet" }, "No topological error."));
  }
  const grid = element("div", { class: whole.length ? "case-grid" : "case-grid wide" });
  if (data.features.length) right.append(diagramOf(data));
  grid.append(...(whole.length ? [left, right] : [right]));
  content.append(grid, element("p", { class: "note case-links" }, element("a", { href: "#table" }, "Back to the table")));
  section.errors = data.errors;
  section.pictures = data.pictures;
  choose(section, null);
}

function legend(section, errors) {
  const colours = { "both masks": "#e1e1e1", "prediction only": "#eb6e14", "reference only": "#56b4e9" };
  const parts = Object.entries(colours).map(([text, colour]) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = colour;
    return element("span", {}, swatch, text);
  });
  if (errors) {
    const box = element("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => section.classList.toggle("unmarked", !box.checked));
    parts.push(element("label", {}, box, "errors marked"));
  }
  return element("p", { class: "legend" }, ...parts);
}

function pictureOf(section, picture, errors) {
  const box = element("div", { class: "picture" }, imageOf(picture, `Prediction and reference, ${picture.title}`));
  const [width, height] = sizeOf(picture);
  box.style.aspectRatio = `${width} / ${height}`;
  box.style.maxWidth = `calc(85vh * ${width / height})`;
  errors.forEach((error, number) => {
    const [x, y] = placeOf(picture, error.voxel);
    const title = `error ${number + 1}: ${plain(error.kind)}`;
    const marker = element("button", { class: "marker", type: "button", tabindex: "-1", title, "aria-label": title }, glyph(error.kind));
    Object.assign(marker.style, { left: `${x}%`, top: `${y}%` });
    marker.dataset.error = number;
    marker.addEventListener("click", () => goTo(section, number));
    box.append(marker);
  });
  const [rows, columns] = picture.axes;
  const arrows = !picture.title.startsWith("along ") ? ""
    : `${AXES[columns]} ${picture.flipped[1] ? "←" : "→"} ${AXES[rows]} ${picture.flipped[0] ? "↑" : "↓"}`;
  return element("figure", {}, box, element("figcaption", {}, element("span", {}, picture.title), element("span", {}, arrows)));
}

function errorList(section, { errors, pictures }) {
  const gaps = errors.some((error) => error.gap_mm !== null);
  const titles = ["Error", "Voxel", "Size", ...(gaps ? ["Gap (mm)"] : []), "Position (mm)"];
  const head = element("tr", {}, ...titles.map((title, column) =>
    element("th", { scope: "col", class: column ? "n" : "" }, title)));
  const rows = errors.map((error, number) => {
    const button = element("button", { type: "button" }, glyph(error.kind), plain(error.kind));
    const cells = [error.voxel.join(", "), error.size, ...(gaps ? [error.gap_mm?.toFixed(1) ?? "–"] : []),
      error.world.map((c) => c.toFixed(1)).join(", ").replaceAll("-", "−")];
    const row = element("tr", {}, element("th", { scope: "row" }, button),
      ...cells.map((cell) => element("td", { class: "n" }, String(cell))));
    row.dataset.error = number;
    row.addEventListener("click", () => goTo(section, number));
    return row;
  });
  const body = element("tbody", {}, ...rows);
  makeRowsReachable(body, "button");
  const caption = element("caption", { class: "hidden" }, "Topological errors. Enter shows an error in the pictures.");
  const list = element("div", { class: "error-list" },
    element("table", {}, caption, element("thead", {}, head), body));
  const enlarged = new Set(pictures.map((picture) => picture.error).filter((number) => number !== null)).size;
  if (!enlarged || enlarged === errors.length) return list;
  return element("div", {}, list, element("p", { class: "note" },
    `The first ${enlarged} of ${errors.length} errors have slabs of their own as close-ups. The others are cut from the pictures.`));
}

// Goes to an error: the address names it, so that the browser's button leads back.
function goTo(section, number) {
  const address = `#${section.id}-error-${number + 1}`;
  if (location.hash === address) choose(section, number);
  else location.hash = address;
}

// Leaves an error for its row in the list.
function leave(section) {
  const row = section.querySelector(".error-list tr[aria-current]");
  history.replaceState(null, "", `#${section.id}`);
  choose(section, null);
  row?.querySelector("button").focus();
}

// Marks an error in the pictures and in the list, and shows its close-up; null marks none.
function choose(section, number) {
  section.classList.toggle("choosing", number !== null);
  section.querySelector(".error-list tr[aria-current]")?.removeAttribute("aria-current");
  section.querySelector(`.error-list tr[data-error="${number}"]`)?.setAttribute("aria-current", "true");
  section.querySelectorAll(".marker").forEach((marker) =>
    marker.classList.toggle("chosen", marker.dataset.error === String(number)));
  const panel = section.querySelector(".close-up");
  if (!panel) return;
  panel.classList.toggle("idle", number === null);
  if (number === null) {
    panel.replaceChildren(element("p", { class: "quiet" }, "Choose an error in the list or in a picture to see it enlarged."));
    return;
  }
  showCloseUp(section, panel, number);
  section.querySelector(".error-list tr[aria-current]").scrollIntoView({ block: "nearest" });
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
}

function showCloseUp(section, panel, number) {
  const error = section.errors[number];
  const own = section.pictures.filter((picture) => picture.error === number);
  const whole = section.pictures.filter((picture) => picture.error === null);
  const shown = own.length ? own : whole;
  const voxel = Math.min(...whole.flatMap((picture) => picture.spacing));
  const side = Math.min(64 * voxel, Math.max(24 * voxel, Math.max(...whole.flatMap(sizeOf)) / 5));
  const action = (text, step, enabled = true) => {
    const button = element("button", { class: "action", type: "button" }, text);
    button.disabled = !enabled;
    button.addEventListener("click", step);
    return button;
  };
  panel.replaceChildren(
    element("header", {},
      element("p", {}, glyph(error.kind), `${plain(error.kind)} `, element("span", { class: "quiet" }, `${number + 1} of ${section.errors.length}`)),
      element("div", { class: "actions" },
        action("Previous", () => goTo(section, number - 1), number > 0),
        action("Next", () => goTo(section, number + 1), number + 1 < section.errors.length),
        action("Back to list", () => leave(section)))),
    element("div", { class: shown.length === 1 ? "cuts single" : "cuts" }, ...shown.map((picture) => cutOf(picture, error, side))));
  panel.onkeydown = (event) => {
    const steps = { ArrowRight: number + 1, ArrowLeft: number - 1 };
    if (event.key === "Escape") leave(section);
    else if (steps[event.key] in section.errors) goTo(section, steps[event.key]);
  };
}
