"use strict";
// Unpacks the cases kept in the page and hands them to the case browser.
addEventListener("DOMContentLoaded", async () => {
  const place = document.getElementById("browser");
  try {
    const packed = JSON.parse(document.getElementById("book").textContent);
    const raw = atob(packed.data), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const book = JSON.parse(await new Response(stream).text());
    const thumbnails = book.thumbnails || {};
    new CaseBrowser(place, {
      runs: book.runs,
      image: (sha256) => thumbnails[sha256] || "",
      missingImage: "not embedded; safesight view shows it",
    }).update(book.cases);
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    place.textContent = `The cases could not be unpacked (${error.message}). A browser of 2023 or later is needed.`;
  }
});
