// Puts a search box above each table of class "searchable", which keeps the rows that have all
// words, each at the start of a word of theirs, as `skinit list` does: those that have them in the
// first column, where the names are, before the others.
document.querySelectorAll("table.searchable").forEach((table) => {
  const box = document.createElement("input");
  box.type = "search";
  box.className = "form-control table-search";
  box.placeholder = "Search, for example: relu deep";
  box.setAttribute("aria-label", "Search the table");
  const count = document.createElement("output");
  count.className = "table-search-count";
  (table.closest(".pst-scrollable-table-container") ?? table).before(box, count);

  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = new Map(
    rows.map((row) => [row, [...row.cells].map((cell) => cell.textContent.toLowerCase())]),
  );
  const starts = (word) => {
    const literal = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(^|[^a-z0-9])${literal}`);
  };
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean).map(starts);
    // The column of the word that stands furthest from the names.
    const distance = (row) => {
      const columns = words.map((word) => texts.get(row).findIndex((text) => word.test(text)));
      return columns.includes(-1) ? Infinity : Math.max(0, ...columns);
    };
    const distances = new Map(rows.map((row) => [row, distance(row)]));
    rows.forEach((row) => {
      row.hidden = distances.get(row) === Infinity;
    });
    const shown = rows.filter((row) => !row.hidden);
    body.append(...[...shown].sort((a, b) => distances.get(a) - distances.get(b)));
    count.value = words.length ? `${shown.length} of ${rows.length} starts` : "";
  });
});
