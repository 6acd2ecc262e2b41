// Puts a search box above each table of class "searchable". Rows stay if each word of the search is
// the beginning of one of their words, as in `skinit list`. Rows with all of these in the first
// column, where the names are, come first.
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
  const beginningOfWord = (word) => {
    const literal = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(^|[^a-z0-9])${literal}`);
  };
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean).map(beginningOfWord);
    // The rightmost column in which a word is found first; the names are on the left.
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
    count.value = words.length ? `${shown.length} of ${rows.length} initializers` : "";
  });
});
