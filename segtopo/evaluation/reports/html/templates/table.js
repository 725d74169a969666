"use strict";

// Sorts a table by the titles of its columns. Cells without a value come last in both directions.
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.value;
    const order = head.dataset.kind === "number"
      ? (a, b) => a - b
      : (a, b) => a.localeCompare(b, undefined, { numeric: true });
    const rows = [...body.rows].sort((first, second) => {
      const [a, b] = [value(first), value(second)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return ascending ? order(a, b) : order(b, a);
    });
    body.append(...rows);
  }));
}

// Lets the arrow keys move between the rows; one row at a time is in the order of the tab key.
function makeRowsReachable(body, selector) {
  const targets = () => [...body.rows].filter((row) => !row.hidden).map((row) => row.querySelector(selector));
  const hold = (chosen) => body.querySelectorAll(selector).forEach((target) => {
    target.tabIndex = target === chosen ? 0 : -1;
  });
  hold(targets()[0]);
  body.addEventListener("focusin", (event) => event.target.matches(selector) && hold(event.target));
  body.addEventListener("keydown", (event) => {
    const all = targets();
    const here = all.indexOf(event.target);
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (here < 0 || next === undefined) return;
    event.preventDefault();
    all[Math.max(0, Math.min(next, all.length - 1))].focus();
  });
  return () => hold(targets()[0]);
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
