// Opens the section that the address names, and the error in it.
function followAddress() {
  const found = location.hash.match(/^#(case-\d+)(?:-error-(\d+))?$/);
  const section = found && document.getElementById(found[1]);
  if (!section) return;
  const number = found[2] ? Number(found[2]) - 1 : null;
  section.hidden = false;
  section.open = true;
  fillCase(section);
  if (number !== null && section.errors[number]) choose(section, number);
  else {
    choose(section, null);
    section.scrollIntoView();
    section.querySelector("summary").focus({ preventScroll: true });
  }
}

const table = document.getElementById("case-table");
const rows = [...table.tBodies[0].rows];
const firstRow = makeRowsReachable(table.tBodies[0], "a");

// Shows the rows and the sections of the cases that pass the filters.
function filterCases() {
  const chosen = (name) => document.getElementById(`filter-${name}`)?.value ?? "";
  const [name, structure, kind] = [chosen("name").trim().toLowerCase(), chosen("structure"), chosen("kind")];
  let shown = 0;
  for (const row of rows) {
    const kinds = row.dataset.kinds.split(" ").filter(Boolean);
    const passes = row.dataset.name.includes(name)
      && (!structure || row.dataset.structure === structure)
      && (!kind || (kind === "any" ? kinds.length > 0 : kind === "none" ? !kinds.length : kinds.includes(kind)));
    row.hidden = !passes;
    document.getElementById(`case-${row.dataset.case}`).hidden = !passes;
    shown += passes;
  }
  document.getElementById("shown").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  firstRow();
}

// Hides the columns of the scores that are not chosen.
function chooseColumns() {
  const first = Number(table.dataset.fixed) + 1;
  const hidden = [...document.querySelectorAll("[data-column]:not(:checked)")].map((box) => first + Number(box.dataset.column));
  columnStyle.textContent = hidden.map((n) => `#case-table tr > :nth-child(${n})`).join(",") + (hidden.length ? "{display:none}" : "");
}

const columnStyle = document.head.appendChild(document.createElement("style"));
document.querySelectorAll(".controls input[type=search], .controls select").forEach((control) =>
  control.addEventListener("input", filterCases));
document.querySelectorAll("button.more").forEach((button) => button.addEventListener("click", () => {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  button.textContent = button.textContent.replace(open ? "Show all" : "Show the first of", open ? "Show the first of" : "Show all");
  document.getElementById(button.getAttribute("aria-controls")).querySelectorAll(".rest").forEach((part) => {
    part.hidden = !open;
  });
}));
document.querySelectorAll("[data-column]").forEach((box) => box.addEventListener("change", chooseColumns));
document.querySelectorAll("details.case").forEach((section) =>
  section.addEventListener("toggle", () => section.open && fillCase(section)));
document.addEventListener("click", (event) => {
  const chooser = document.querySelector(".chooser[open]");
  if (chooser && !chooser.contains(event.target)) chooser.open = false;
});
addEventListener("hashchange", followAddress);
filterCases();
chooseColumns();
followAddress();
