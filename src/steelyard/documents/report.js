(() => {
  "use strict";
  // The report is complete without this script; it adds sorting, filters, pages, and the words that attributes hold.
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const LANGS = ["en", "zh"];
  const state = { lang: $("lang-zh").checked ? "zh" : "en", theme: "", sort: "rank", dir: "", q: "", tier: "", unit: "", stop: "", size: "25", page: 1 };
  root.classList.add("js");

  const at = () => (state.lang === "zh" ? 1 : 0);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const number = (value) => value.toLocaleString("en-US");

  function element(name, className, ...children) {
    const node = document.createElement(name);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  // Both languages of a pair of texts, as two elements of which the style sheet shows one.
  function both(pair, values) {
    const part = document.createDocumentFragment();
    LANGS.forEach((lang, index) => {
      const node = element("span", "", values ? fill(pair[index], values) : pair[index]);
      node.lang = lang;
      part.append(node);
    });
    return part;
  }

  const own = (text) => element("bdi", "", text);

  function facts(codes) {
    const part = document.createDocumentFragment();
    LANGS.forEach((lang, index) => {
      const line = element("span", "");
      line.lang = lang;
      codes.forEach((code, place) => {
        const fact = data.facts[code >> 1];
        if (place) line.append(data.words.semicolon[index]);
        line.append(fact[index], data.words.colon[index], element("b", "", fact[2 + index]));
        if (code & 1) line.append(" ", element("i", "", data.words.assumed[index]));
      });
      part.append(line);
    });
    return part;
  }

  function reason([rule, certain, codes]) {
    const [kind, en, zh, clauses] = data.rules[rule];
    const item = element("li", certain ? `${kind} sure` : kind, element("span", "mark", certain ? data.words.sure : data.words.ask), " ");
    item.append(element("span", "title", both([en, zh])), " ");
    if (!certain) item.append(element("span", "open", both(data.words.open)), " ");
    const detail = element("span", "detail");
    if (codes.length) detail.append(facts(codes), " ");
    detail.append(element("code", "ids", clauses));
    item.append(detail);
    return item;
  }

  function fold(words, values, body) {
    return element("details", "", element("summary", "", both(words, values)), " ", body);
  }

  function line(rank) {
    const [row, system, name, unit, tier, stop, main, rest, short, more, cut] = data.rows[rank];
    const words = data.words;
    const about = element("td", "", element("span", "name", own(name || system)), " ");
    const sub = element("span", "sub");
    if (name && system) sub.append(own(system), " · ");
    sub.append(both(words.row, { n: row }));
    about.append(sub, " ");
    if (short) about.append(element("span", "purpose", own(short)), " ");
    if (more) {
      const body = element("span", "purpose", own(more));
      if (cut) body.append(" ", both(words.cut, { n: number(cut) }));
      about.append(fold(words.more, null, body));
    }
    const why = element("td", "", element("ul", "why", ...main.map(reason)));
    if (rest.length) why.append(fold(words.others, { n: rest.length }, element("ul", "why", ...rest.map(reason))));
    const pair = data.tiers[tier];
    const badge = element("span", "tier", element("i", pair[0]), both(pair.slice(2, 4)));
    return element(
      "tr", "",
      element("td", "num", String(rank + 1)),
      about,
      element("td", "", own(data.units[unit])),
      element("td", "", badge, " ", element("span", "sub", both(pair.slice(4, 6)))),
      element("td", ["", "asked", "stop"][stop], both(words.stop[stop])),
      why,
    );
  }

  const table = $("systems-table");
  const collators = { en: new Intl.Collator("en", { numeric: true }), zh: new Intl.Collator("zh-CN", { numeric: true }) };
  const keys = {
    rank: (rank) => rank,
    system: (rank) => data.rows[rank][2] || data.rows[rank][1],
    unit: (rank) => data.units[data.rows[rank][3]],
    tier: (rank) => data.rows[rank][4],
    stop: (rank) => data.rows[rank][5],
    why: (rank) => data.rows[rank][6].length + data.rows[rank][7].length,
  };
  const firstDirection = { rank: "asc", system: "asc", unit: "asc", tier: "desc", stop: "desc", why: "desc" };
  const direction = () => (state.dir === "asc" || state.dir === "desc" ? state.dir : firstDirection[state.sort]);

  let texts = null;
  function haystack(rank) {
    texts ??= data.rows.map((row) => {
      const rules = [...row[6], ...row[7]].map(([rule]) => data.rules[rule].slice(1).join(" "));
      return [row[1], row[2], data.units[row[3]], row[8], row[9], ...rules].join(" ").toLowerCase();
    });
    return texts[rank];
  }

  function inTier(rank) {
    const slug = data.tiers[data.rows[rank][4]][1];
    if (state.tier === "open") return slug.includes("-");
    if (state.tier === "may-be-high") return slug.endsWith("high");
    return slug === state.tier;
  }

  function chosen() {
    const wanted = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const unit = state.unit === "" ? -1 : data.units.indexOf(state.unit);
    const found = data.rows.map((_, rank) => rank).filter((rank) =>
      (state.unit === "" || data.rows[rank][3] === unit)
      && (state.tier === "" || inTier(rank))
      && (state.stop === "" || String(data.rows[rank][5]) === state.stop)
      && wanted.every((word) => haystack(rank).includes(word)));
    const key = keys[state.sort];
    const compare = state.sort === "system" || state.sort === "unit"
      ? collators[state.lang].compare : (a, b) => a - b;
    const sign = direction() === "desc" ? -1 : 1;
    return found.map((rank) => [key(rank), rank]).sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]).map((pair) => pair[1]);
  }

  function render() {
    if (!table) return;
    const found = chosen();
    const size = state.size === "all" ? Math.max(found.length, 1) : Number(state.size);
    const pages = Math.max(1, Math.ceil(found.length / size));
    state.page = Math.min(Math.max(1, state.page), pages);
    const start = (state.page - 1) * size;
    const shown = found.slice(start, start + size);
    table.tBodies[0].replaceChildren(...shown.map(line));
    for (const head of table.tHead.querySelectorAll("th[data-key]")) {
      const order = direction() === "asc" ? "ascending" : "descending";
      head.setAttribute("aria-sort", head.dataset.key === state.sort ? order : "none");
    }
    const values = { from: number(shown.length ? start + 1 : 0), to: number(start + shown.length), found: number(found.length), all: number(data.rows.length) };
    $("count").replaceChildren(both(found.length ? data.words.shown : data.words.nothing, values));
    $("before").disabled = state.page <= 1;
    $("after").disabled = state.page >= pages;
    $("place").replaceChildren(both(data.words.page, { n: number(state.page), all: number(pages) }));
  }

  // Tables that stand complete in the page are sorted where they stand.
  function sortTable(head) {
    const place = [...head.parentNode.children].indexOf(head);
    const down = head.getAttribute("aria-sort") === "descending"
      || (head.getAttribute("aria-sort") === "none" && !head.classList.contains("num"));
    for (const other of head.parentNode.children) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "ascending" : "descending");
    const value = (row) => {
      const cell = row.children[place];
      if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
      return (cell.querySelector(`[lang="${state.lang}"]`) ?? cell).textContent.trim();
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : collators[state.lang].compare(a, b));
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row, index) => [value(row), index, row]);
    rows.sort((a, b) => (down ? 1 : -1) * compare(a[0], b[0]) || a[1] - b[1]);
    body.replaceChildren(...rows.map((row) => row[2]));
  }

  function words() {
    root.lang = state.lang === "zh" ? "zh-CN" : "en";
    $(`lang-${state.lang}`).checked = true;
    for (const node of document.querySelectorAll("[data-zh]")) {
      const text = node.dataset[state.lang];
      if (node.dataset.at) node.setAttribute(node.dataset.at, text);
      else node.textContent = text;
    }
  }

  const CONTROLS = ["q", "tier", "unit", "stop", "size"];
  function show() {
    if (!["light", "dark"].includes(state.theme)) state.theme = "";
    if (state.theme) root.dataset.theme = state.theme;
    else delete root.dataset.theme;
    if (!(state.sort in keys)) state.sort = "rank";
    words();
    if (table) for (const name of CONTROLS) if ($(name).value !== state[name]) {
      $(name).value = state[name];
      if ($(name).value !== state[name]) $(name).value = state[name] = name === "size" ? "25" : "";
    }
    render();
  }

  function readHash() {
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) return;
    const given = new URLSearchParams(hash);
    for (const name of Object.keys(state)) if (given.has(name)) state[name] = given.get(name);
    state.page = Number(state.page) || 1;
    if (!LANGS.includes(state.lang)) state.lang = "en";
  }

  function change(update) {
    Object.assign(state, update);
    show();
    const out = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== "" && String(value) !== String(initial[name])) out.set(name, value);
    try {
      history.replaceState(null, "", out.size ? `#${out}` : location.pathname + location.search);
    } catch { /* a viewer without history still shows the view */ }
  }

  const initial = { ...state };
  readHash();
  for (const lang of LANGS) $(`lang-${lang}`).addEventListener("change", () => change({ lang }));
  $("theme").addEventListener("click", () => {
    const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    change({ theme: dark ? "light" : "dark" });
  });
  if (table) {
    let timer = 0;
    $("q").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => change({ q: $("q").value, page: 1 }), 120);
    });
    for (const name of CONTROLS.slice(1)) $(name).addEventListener("change", () => change({ [name]: $(name).value, page: 1 }));
    $("before").addEventListener("click", () => change({ page: state.page - 1 }));
    $("after").addEventListener("click", () => change({ page: state.page + 1 }));
    for (const head of table.tHead.querySelectorAll("th[data-key]")) {
      head.querySelector("button").addEventListener("click", () => {
        const same = head.dataset.key === state.sort;
        const dir = same ? (direction() === "asc" ? "desc" : "asc") : "";
        change({ sort: head.dataset.key, dir, page: 1 });
      });
    }
  }
  for (const head of document.querySelectorAll("table.sort th[aria-sort]")) {
    head.querySelector("button").addEventListener("click", () => sortTable(head));
  }
  addEventListener("hashchange", () => { readHash(); show(); });

  // Paper cannot be clicked: everything folded opens for printing and folds again after.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const node of opened) node.open = true;
  });
  addEventListener("afterprint", () => { for (const node of opened) node.open = false; });
  show();
})();
