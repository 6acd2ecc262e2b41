// Puts a search box above each table of class "searchable", which keeps the rows that have all
// words, each at the start of a word of theirs, as `skinit list` does.
document.querySelectorAll("table.searchable").forEach((table) => {
  const box = document.createElement("input");
  box.type = "search";
  box.className = "form-control table-search";
  box.placeholder = "Search, for example: relu deep";
  box.setAttribute("aria-label", "Search the table");
  const count = document.createElement("output");
  count.className = "table-search-count";
  (table.closest(".pst-scrollable-table-container") ?? table).before(box, count);

  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const starts = (word) => {
    const literal = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(^|[^a-z0-9])${literal}`);
  };
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean).map(starts);
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => word.test(texts[index]));
    });
    const shown = rows.filter((row) => !row.hidden).length;
    count.value = words.length ? `${shown} of ${rows.length} starts` : "";
  });
});
