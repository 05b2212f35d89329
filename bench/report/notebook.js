// Search, copying and printing. Everything can be read without it.

const search = document.querySelector("#search");
const hits = document.querySelector("#hits");
const articles = [...document.querySelectorAll("article")];
const texts = articles.map((article) => article.textContent.toLowerCase());

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  articles.forEach((article, i) => {
    article.hidden = !words.every((word) => texts[i].includes(word));
    if (!article.hidden) found++;
  });
  for (const chapter of document.querySelectorAll(".chapter")) {
    chapter.hidden = !chapter.querySelector("article:not([hidden])");
  }
  document.querySelector("#nothing").hidden = found > 0;
  hits.textContent = words.length > 0 ? `${found} of ${articles.length} questions` : "";
}

search.addEventListener("input", find);
// What was typed before a reload may still stand there.
find();

// A link to a question that the search hides would lead nowhere.
addEventListener("click", ({ target }) => {
  if (!target.closest("nav a") || search.value === "") return;
  search.value = "";
  find();
});

addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    find();
  }
});

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Where the browser keeps the clipboard to itself, the command is at least marked, to be copied by hand.
      getSelection().selectAllChildren(code);
      button.textContent = "Marked";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// What is folded would be missing on paper.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
