// The report's script: one view of time shared by film, events and signals; a cursor; links between words and events.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  data.events = Object.fromEntries(data.events.map(([id, ...values]) => [id, Object.fromEntries(data.fields.map((name, n) => [name, values[n]]))]));
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const panel = $("panel"), cursor = $("cursor"), band = $("band"), guides = $("guides"), tip = $("tip"), axis = $("axis");
  const lanes = all("svg.lane", panel), pictures = all(".film img", panel), end = data.end, LEAST = Math.min(0.5, end);
  const bars = new Map(all(".event g", panel).map((bar) => [bar.dataset.id, bar]));
  const lines = new Map(all("#events tr[data-id]").map((line) => [line.dataset.id, line]));
  const sentences = all(".sentence").map((element) => ({ element, ids: element.dataset.events.split(" ") }));
  const ordered = Object.keys(data.events).sort((a, b) => data.events[a].t0 - data.events[b].t0 || a - b);
  let view = [0, end], now = null, kept = [], lit = [], marked = new Set();

  // ---- time and place
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const plotBox = () => axis.getBoundingClientRect();
  const share = (t) => (t - view[0]) / (view[1] - view[0]);
  const left = (t) => { const box = plotBox(); return box.left - panel.getBoundingClientRect().left - panel.clientLeft + share(t) * box.width; };
  const timeAt = (x) => { const box = plotBox(); return clamp(view[0] + ((x - box.left) / box.width) * (view[1] - view[0]), 0, end); };
  const clock = (t, digits = 2) => {
    if (end < 60) return t.toFixed(digits) + " s";
    const whole = Math.round(t * 10 ** digits) / 10 ** digits, hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
    const rest = (whole - 3600 * hours - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return (hours ? hours + ":" + String(minutes).padStart(2, "0") : minutes) + ":" + rest;
  };

  // ---- the view
  let drawing = 0;
  const look = (t0, t1) => {
    const length = clamp(t1 - t0, LEAST, end), start = clamp(t0, 0, end - length);
    view = [start, start + length];
    if (!drawing) drawing = requestAnimationFrame(draw);
  };
  const zoom = (factor, t = now ?? (view[0] + view[1]) / 2) => {
    const length = clamp((view[1] - view[0]) * factor, LEAST, end), at = clamp(share(t), 0, 1);
    look(t - at * length, t + (1 - at) * length);
  };
  const draw = () => {
    drawing = 0;
    const length = view[1] - view[0], whole = length > end * 0.999;
    panel.classList.toggle("whole", whole);
    panel.classList.toggle("far", plotBox().width / length < 8);  // peaks would hide their bars
    for (const lane of lanes) {
      const box = lane.viewBox.baseVal;
      lane.setAttribute("viewBox", `${view[0]} ${box.y} ${length} ${box.height}`);
    }
    $("window").style.left = (100 * view[0]) / end + "%";
    $("window").style.width = (100 * length) / end + "%";
    drawTicks(length);
    drawFilm();
    place();
  };
  const drawTicks = (length) => {
    const wanted = length / Math.max(2, plotBox().width / 85);
    const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((s) => s >= wanted) ?? 7200;
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    axis.replaceChildren();
    for (let n = Math.ceil(view[0] / step - 1e-9); n * step <= view[1]; n++) {
      const tick = document.createElement("span");
      tick.style.left = 100 * share(n * step) + "%";
      if (share(n * step) < 0.97) tick.textContent = clock(n * step, digits);  // the last one would be cut off
      axis.append(tick);
    }
  };
  const drawFilm = () => {  // each picture stands at its time; those without room are left out
    const width = plotBox().width;
    let free = -Infinity;
    for (const picture of pictures) {
      const size = picture.naturalWidth ? (picture.naturalWidth / picture.naturalHeight) * picture.clientHeight || 66 : 90;
      const at = share(+picture.dataset.t) * width, fits = at >= free - size * 0.12 && at > -size && at < width;
      picture.style.visibility = fits ? "visible" : "hidden";
      picture.style.left = at + "px";
      if (fits) free = at + size;
    }
  };
  const place = () => {  // cursor, band and shot lines
    const seen = now !== null && now >= view[0] && now <= view[1];
    cursor.style.display = seen ? "block" : "none";
    if (seen) cursor.style.left = left(now) + "px";
    $("now").textContent = now === null ? "" : clock(now);
    const shown = (lit.length ? lit : kept).map((id) => data.events[id]).filter(Boolean);
    const t0 = Math.max(view[0], Math.min(...shown.map((e) => e.t0))), t1 = Math.min(view[1], Math.max(...shown.map((e) => e.t1)));
    band.style.display = shown.length && t1 >= t0 ? "block" : "none";
    if (shown.length) { band.style.left = left(t0) + "px"; band.style.width = Math.max(2, left(t1) - left(t0)) + "px"; }
    guides.replaceChildren();
    const shots = data.shots.filter((t) => t > view[0] && t < view[1]);
    if (shots.length <= 60) for (const t of shots) { const line = document.createElement("i"); line.style.left = left(t) + "px"; guides.append(line); }
    readOut();
  };

  // ---- values of the signals under the cursor, read from the drawn paths
  const points = new Map();
  const valuesOf = (path) => {
    if (!points.has(path)) points.set(path, path.getAttribute("d").split("M").slice(1).map((run) => run.split("L").map((pair) => pair.split(",").map(Number))));
    return points.get(path);
  };
  const valueAt = (path, t) => {
    const run = valuesOf(path).find((r) => r[0][0] - 0.02 <= t && t <= r[r.length - 1][0] + 0.02);
    if (!run) return null;
    let low = 0, high = run.length - 1;
    while (low < high) { const middle = (low + high) >> 1; if (run[middle][0] < t) low = middle + 1; else high = middle; }
    const near = low > 0 && t - run[low - 1][0] < run[low][0] - t ? run[low - 1] : run[low];
    return -near[1];
  };
  const readOut = () => {
    panel.classList.toggle("reading", now !== null);
    for (const row of all(".signals[open] .row.signal", panel)) {
      if (!row.offsetParent) continue;
      row.querySelector(".live").textContent = now === null ? "" : all(".line", row).map((path) => {
        const value = valueAt(path, now), side = path.classList.contains("left") ? "L " : path.classList.contains("right") ? "R " : "";
        return side + (value === null ? "–" : Number(value.toPrecision(3)));
      }).join("\n");
    }
  };
  const go = (t) => { now = clamp(t, 0, end); if (now < view[0] || now > view[1]) look(now - (view[1] - view[0]) / 2, now + (view[1] - view[0]) / 2); place(); };

  // ---- what is lit: under the pointer, or kept by a click
  const mark = () => {
    const shown = new Set(lit.length ? lit : kept);
    panel.classList.toggle("dim", shown.size > 0 && bars.size < 1500);  // to fade thousands of bars takes too long
    for (const id of new Set([...marked, ...shown, ...kept])) {
      bars.get(id)?.classList.toggle("lit", shown.has(id));
      bars.get(id)?.classList.toggle("kept", kept.includes(id));
      lines.get(id)?.classList.toggle("lit", shown.has(id));
    }
    marked = new Set([...shown, ...kept]);
    const single = shown.size === 1;
    for (const { element, ids } of sentences) {
      const mine = kept.length > 0 && kept.join(" ") === ids.join(" ");
      element.classList.toggle("lit", shown.size > 0 && (single ? ids.some((id) => shown.has(id)) : ids.length === shown.size && ids.every((id) => shown.has(id))));
      element.classList.toggle("kept", mine);
      element.setAttribute("aria-pressed", String(mine));
    }
    place();
  };
  const light = (ids) => { lit = ids; mark(); };
  const keep = (ids, { jump = true } = {}) => {
    kept = ids.length && kept.join() === ids.join() ? [] : ids;
    lit = [];
    const events = kept.map((id) => data.events[id]).filter(Boolean);
    if (events.length) {
      const t0 = Math.min(...events.map((e) => e.t0)), t1 = Math.max(...events.map((e) => e.t1)), length = view[1] - view[0];
      now = events.length === 1 ? events[0].peak : t0;
      if (jump && (t0 < view[0] || t1 > view[1])) { const room = Math.max(length, (t1 - t0) * 1.3); look((t0 + t1 - room) / 2, (t0 + t1 + room) / 2); }
    }
    $("status").textContent = kept.length === 1 ? story(kept[0]).replaceAll("\n", " · ") : "";
    mark();
  };
  const story = (id) => {
    const e = data.events[id];
    return [
      e.action.replaceAll("_", " ") + (e.side ? `, ${e.side} side` : "") + ` (${e.strength})`,
      `${clock(e.t0)} – ${clock(e.t1)}, peak ${clock(e.peak)}`,
      `lasts ${(e.t1 - e.t0).toFixed(2)} s, score ${e.score.toFixed(2)}`,
      data.units[e.action], e.image_side ? `${e.image_side} in the picture` : "", `Person ${e.who}`,
    ].filter(Boolean).join("\n");
  };
  const showTip = (id, x, y) => {
    tip.textContent = story(id);
    tip.hidden = false;
    tip.style.left = clamp(x + 14, 8, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = (y + 18 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 12 : y + 18) + "px";
  };
  const barUnder = (event) => event.target.closest?.(".event g")?.dataset.id;

  // ---- pointer
  let drag = null;
  panel.addEventListener("pointermove", (event) => {
    const plot = event.target.closest(".plot"), id = barUnder(event);
    if (drag) {
      const moved = event.clientX - drag.x;
      if (Math.abs(moved) > 4) drag.moved = true;
      const by = (moved / plotBox().width) * (drag.overview ? -end : drag.view[1] - drag.view[0]);
      if (drag.moved) look(drag.view[0] - by, drag.view[1] - by);
      return;
    }
    if (id) showTip(id, event.clientX, event.clientY); else tip.hidden = true;
    if (id ? lit[0] !== id : lit.length) light(id ? [id] : []);
    if (plot && !plot.parentElement.classList.contains("overview") && event.pointerType === "mouse") { now = timeAt(event.clientX); place(); }
  });
  panel.addEventListener("pointerleave", () => { tip.hidden = true; if (!drag && lit.length) light([]); });
  panel.addEventListener("pointerdown", (event) => {
    const plot = event.target.closest(".plot");
    if (!plot || event.button) return;
    const overview = plot.parentElement.classList.contains("overview");
    if (overview && event.target !== $("window")) { const t = ((event.clientX - plotBox().left) / plotBox().width) * end, half = (view[1] - view[0]) / 2; look(t - half, t + half); }
    drag = { x: event.clientX, view: [...view], overview, id: barUnder(event), moved: false };
    if (overview) event.preventDefault();
  });
  addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { moved, id, overview } = drag;
    drag = null;
    if (moved || overview) return;
    if (id) keep([id], { jump: false }); else { if (kept.length) keep([]); go(timeAt(event.clientX)); }
    if (event.pointerType !== "mouse") { if (id) showTip(id, event.clientX, event.clientY); else tip.hidden = true; }
  });
  addEventListener("pointercancel", () => { drag = null; });
  panel.addEventListener("wheel", (event) => {
    if (!event.target.closest(".plot")) return;
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(Math.exp(clamp(event.deltaY, -60, 60) / 120), timeAt(event.clientX)); return; }
    const across = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(across) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) { event.preventDefault(); const by = (across / plotBox().width) * (view[1] - view[0]); look(view[0] + by, view[1] + by); }
  }, { passive: false });

  // ---- words, table, buttons, keys
  for (const { element, ids } of sentences) {
    element.addEventListener("pointerenter", () => light(ids));
    element.addEventListener("pointerleave", () => light([]));
    element.addEventListener("focus", () => light(ids));
    element.addEventListener("blur", () => light([]));
    element.addEventListener("click", () => keep(ids));
    element.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); keep(ids); } });
  }
  for (const [id, line] of lines) {
    line.addEventListener("pointerenter", () => light([id]));
    line.addEventListener("pointerleave", () => light([]));
    line.addEventListener("click", () => keep([id]));
  }
  const acts = { in: () => zoom(0.5), out: () => zoom(2), fit: () => look(0, end) };
  for (const button of all("[data-do]")) button.addEventListener("click", acts[button.dataset.do]);
  const step = (by) => {
    const from = kept.length === 1 ? ordered.indexOf(kept[0]) : by > 0 ? ordered.findLastIndex((id) => data.events[id].t0 < (now ?? -1)) : ordered.findIndex((id) => data.events[id].t0 > (now ?? end));
    const next = ordered[from === -1 && by < 0 && kept.length !== 1 ? ordered.length - 1 : clamp(from + by, 0, ordered.length - 1)];
    if (next !== undefined && kept.join() !== next) keep([next]);
  };
  panel.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SUMMARY") return;
    const small = (view[1] - view[0]) / (event.shiftKey ? 10 : 100), at = now ?? view[0];
    const keys = {
      ArrowLeft: () => go(at - small), ArrowRight: () => go(at + small), Home: () => go(0), End: () => go(end),
      n: () => step(1), p: () => step(-1), "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.fit,
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") { kept = []; lit = []; tip.hidden = true; now = null; mark(); } });
  all("details", panel).forEach((part) => part.addEventListener("toggle", place));
  addEventListener("resize", () => look(...view));
  addEventListener("load", draw);
  addEventListener("beforeprint", () => { kept = []; lit = []; now = null; view = [0, end]; mark(); draw(); });
  draw();
})();
