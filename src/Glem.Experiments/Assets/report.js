// Draws the figures of a report. Each function takes a figure's data and a width in pixels, and gives an SVG element.
// Colours are the style sheet's variables, so the page follows the reader's light or dark setting without redrawing.
"use strict";
(() => {
  const LM = "var(--lm)", GNN = "var(--gnn)", INK = "currentColor", PAGE = "var(--page)";
  const colour = family => ({ lm: LM, gnn: GNN, base: "var(--base)" })[family];
  const symbol = family => ({ lm: "circle", gnn: "square", base: "diamond" })[family];
  const studentName = { lm: "LM", gnn: "GNN" };
  const one = x => x.toFixed(1);
  const signed = x => (x > 0 ? "+" : x < 0 ? "\u2212" : "") + Math.abs(x).toFixed(1);
  const narrow = width => width < 560;
  const labelWidth = (names, width) =>
    Math.min(Math.max(...names.map(name => name.length)) * letter + 18, width * (narrow(width) ? 0.42 : 0.36));
  const letter = 7.2; // a generous mean width in pixels
  // Shortens in the middle, because names often differ in their last letters.
  const clip = room => name => {
    const fit = Math.floor(room / letter), end = Math.floor(fit / 3);
    return name.length <= fit ? name : name.slice(0, fit - end - 1) + "\u2026" + name.slice(-end);
  };
  // Wraps long names on the axis to the room that they have.
  const nameAxis = margin =>
    Plot.axisY({ label: null, tickSize: 0, lineWidth: (margin - 14) / 12 });
  const grid = { stroke: INK, strokeOpacity: 0.12 };
  const ticks = width => narrow(width) ? 4 : 8;

  // Two panels side by side, or one above the other where there is no room. Their names stand over the frame.
  const panels = (names, width) => {
    const facet = narrow(width) ? "fy" : "fx";
    return {
      facet,
      scale: { [facet]: { domain: names, axis: null, padding: narrow(width) ? 0.18 : 0.1 } },
      titles: Plot.text(names, { [facet]: name => name, text: name => name, frameAnchor: "top", dy: -18, fontWeight: 600, fill: INK }),
    };
  };

  function ladder({ rungs }, width) {
    const rows = rungs.filter(r => r.points.length).map(r => ({
      ...r,
      label: r.name + (r.selected ? " \u2605" : ""),
      test: 100 * d3.mean(r.points, p => p.test),
      valid: 100 * d3.mean(r.points, p => p.valid),
    }));
    const points = rows.flatMap(r => r.points.map(p => ({ ...r, seed: p.seed, test: 100 * p.test, valid: 100 * p.valid })));
    const several = rows.some(r => r.points.length > 1);
    // A rung far below all others (majority, most often) would press them into one corner: it is written at the edge.
    const lowest = d3.least(rows, r => r.test);
    const others = points.filter(p => p.key !== lowest.key).flatMap(p => [p.test, p.valid]);
    const [from, to] = others.length ? d3.extent(others) : [lowest.test, lowest.test];
    const reach = Math.max(to - from, 2);
    const off = others.length && lowest.test < from - 0.8 * reach ? lowest.key : null;
    const all = points.filter(p => p.key !== off).flatMap(p => [p.test, p.valid]);
    const [low, high] = [d3.min(all) - 0.06 * reach, d3.max(all) + 0.06 * reach];
    const on = rows.filter(r => r.key !== off);
    const marginLeft = labelWidth(rows.map(r => r.label), width);
    const y = "label", fill = r => colour(r.family), shape = r => symbol(r.family);
    return Plot.plot({
      width, marginLeft, marginRight: 52, marginTop: 8, marginBottom: 42, height: rows.length * (narrow(width) ? 44 : 36) + 60,
      x: { domain: [low, high], label: "Accuracy, %", labelAnchor: "center", labelArrow: "none", nice: false, ticks: ticks(width) },
      y: { domain: rows.map(r => r.label), padding: 0.6 },
      symbol: { type: "identity" },
      marks: [
        Plot.gridX({ ...grid, ticks: ticks(width) }), Plot.ruleY(rows, { y, ...grid }), nameAxis(marginLeft),
        several ? Plot.dot(points.filter(p => p.key !== off), { x: "test", y, fill, symbol: shape, r: 2.5, fillOpacity: 0.55, dy: 8 }) : null,
        Plot.dot(on, { x: "valid", y, stroke: fill, symbol: shape, fill: PAGE, r: 5, strokeWidth: 1.6 }),
        Plot.dot(on, { x: "test", y, fill, symbol: shape, r: 6, title: r => `${r.name}: test ${one(r.test)} %, validation ${one(r.valid)} %` }),
        Plot.text(on, { x: high, y, text: r => one(r.test), textAnchor: "start", dx: 10, fontWeight: 600, fill: INK }),
        Plot.text(rows.filter(r => r.key === off), { x: low, y, text: r => `\u25C2 ${one(r.test)} (validation ${one(r.valid)})`, textAnchor: "start", fill: INK, dx: 4 }),
      ],
    });
  }

  function paired({ differences }, width) {
    const points = differences.map(d => ({ ...d, points: 100 * d.difference }));
    const names = [...new Set(points.map(p => p.name))];
    const means = d3.rollups(points, v => d3.mean(v, d => d.points), d => d.name).map(([name, mean]) => ({ name, mean }));
    const [low, high] = d3.extent([0, ...points.map(p => p.points)]);
    const pad = 0.08 * (high - low || 1);
    const marginLeft = labelWidth(names, width);
    return Plot.plot({
      width, marginLeft, marginRight: 52, marginTop: 8, marginBottom: 42, height: names.length * (narrow(width) ? 46 : 36) + 50,
      x: { domain: [low - pad, high + pad], label: "Difference in test accuracy, points", labelAnchor: "center", labelArrow: "none", ticks: ticks(width) },
      y: { domain: names, padding: 0.25 },
      marks: [
        Plot.gridX({ ...grid, ticks: ticks(width) }), nameAxis(marginLeft), Plot.ruleX([0], { stroke: INK, strokeWidth: 1.4 }),
        Plot.link(means, { x1: 0, x2: "mean", y1: "name", y2: "name", stroke: LM, strokeWidth: 9, strokeOpacity: 0.3 }),
        Plot.tickX(means, { x: "mean", y: "name", stroke: LM, strokeWidth: 3 }),
        Plot.dot(points, { x: "points", y: "name", fill: INK, r: 3, fillOpacity: 0.75, title: d => `seed ${d.seed}: ${signed(d.points)} points` }),
        Plot.text(means, { x: high + pad, y: "name", text: d => signed(d.mean), textAnchor: "start", dx: 10, fontWeight: 600, fill: INK }),
      ],
    });
  }

  function curve({ label, points }, width) {
    const { facet, scale, titles } = panels(["Validation", "Test"], width);
    const group = (keys, rows) => d3.flatRollup(rows, v => d3.mean(v, d => d.value), ...keys.map(k => d => d[k]));
    const means = group(["model", "split", "round"], points).map(([model, split, round, value]) => ({ model, split, round, value }));
    const several = new Set(points.map(p => p.seed)).size > 1;
    const last = d3.max(points, p => p.round);
    const ends = means.filter(p => p.round === d3.max(means.filter(m => m.model === p.model), m => m.round));
    // Where the two ends meet, one label goes up and the other down.
    const apart = end => {
      const other = ends.find(e => e.split === end.split && e.model !== end.model);
      return !other || end.value > other.value || (end.value === other.value && end.model === "lm") ? "bottom" : "top";
    };
    const stroke = p => colour(p.model), shape = p => symbol(p.model);
    const at = { x: "round", y: "value", [facet]: "split" };
    return Plot.plot({
      width, height: narrow(width) ? 460 : 250, marginLeft: 46, marginRight: 44, marginTop: 34, marginBottom: 40, inset: 8,
      x: { label: "EM round", labelAnchor: "center", labelArrow: "none", ticks: d3.range(0, last + 1), tickFormat: "d", domain: [0, Math.max(last, 1)] },
      y: { label, labelArrow: "none", ticks: 5, nice: true, zero: false },
      ...scale,
      symbol: { type: "identity" },
      marks: [
        titles, Plot.gridY(grid), Plot.frame({ stroke: INK, strokeOpacity: 0.15 }),
        several ? Plot.line(points, { ...at, z: p => p.model + p.seed, stroke, strokeOpacity: 0.35, strokeWidth: 1 }) : null,
        Plot.line(means, { ...at, z: "model", stroke, strokeWidth: 2.4 }),
        Plot.dot(means, { ...at, fill: stroke, symbol: shape, r: 4, title: p => `${studentName[p.model]}, round ${p.round}: ${p.value.toPrecision(3)}` }),
        Plot.dot(points.filter(p => p.chosen), { ...at, stroke, r: several ? 4 : 9, strokeWidth: several ? 1 : 1.8 }),
        ...["bottom", "top"].map(side => Plot.text(ends.filter(e => apart(e) === side), {
          ...at, text: p => studentName[p.model], fill: stroke, fontWeight: 700, textAnchor: "start", dx: 12, lineAnchor: side === "bottom" ? "bottom" : "top", dy: side === "bottom" ? 4 : -4,
        })),
      ],
    });
  }

  // Moves labels apart that would lie on each other: at least `gap` between neighbours, in units of the axis.
  const spreadOut = (labels, gap) => {
    const sorted = d3.sort(labels, l => l.value).map(l => ({ ...l, place: l.value }));
    for (let i = 1; i < sorted.length; i++) sorted[i].place = Math.max(sorted[i].place, sorted[i - 1].place + gap);
    return sorted;
  };

  function elbo({ steps, points }, width) {
    const total = Math.min(width, 300 + 90 * steps.length), height = 270, marginRight = 165; // the longest name
    const keys = ["name", "family", "step"];
    const means = d3.flatRollup(points, v => d3.mean(v, p => p.value), ...keys.map(k => p => p[k]))
      .map(([name, family, step, value]) => ({ name, family, step, value }));
    const several = new Set(points.map(p => p.seed)).size > 1;
    const [low, high] = d3.extent([0, ...points.map(p => p.value)]);
    const last = steps[steps.length - 1];
    const labels = spreadOut(means.filter(p => p.step === last), 16 * (high - low || 1) / (height - 80));
    const colours = { elbo: INK, q: LM, p: GNN }, symbols = { elbo: "diamond", q: "circle", p: "square" };
    const stroke = p => colours[p.family], shape = p => symbols[p.family];
    const at = { x: "step", y: "value" };
    return Plot.plot({
      width: total, height, marginLeft: 46, marginRight, marginTop: 26, marginBottom: 40, inset: 8,
      x: { type: "point", padding: 0.15, domain: steps, label: "EM step", labelAnchor: "center", labelArrow: "none" },
      y: { label: "Nats per node", labelArrow: "none", ticks: 6, nice: true, zero: true },
      symbol: { type: "identity" },
      marks: [
        Plot.gridY({ ...grid, ticks: 6 }), Plot.frame({ stroke: INK, strokeOpacity: 0.15 }), Plot.ruleY([0], { stroke: INK, strokeOpacity: 0.4 }),
        several ? Plot.line(points, { ...at, z: p => p.name + p.seed, stroke, strokeOpacity: 0.35, strokeWidth: 1 }) : null,
        Plot.line(means, { ...at, z: "name", stroke, strokeWidth: p => p.family === "elbo" ? 3 : 2 }),
        Plot.dot(means, { ...at, fill: stroke, symbol: shape, r: 4, title: p => `${p.name}, ${p.step}: ${p.value.toPrecision(4)}` }),
        Plot.text(labels, { x: "step", y: "place", text: "name", fill: stroke, fontWeight: 700, textAnchor: "start", dx: 18 }),
      ],
    });
  }

  function flow({ steps }, width) {
    const nodes = x => d3.format(Number.isInteger(x) ? "," : ",.1f")(x);
    const [up, down] = [d3.max(steps, s => s.corrections), d3.max(steps, s => s.corruptions)];
    const room = 0.12 * Math.max(up + down, 1); // for the numbers above and below the bars
    const x = "step";
    return Plot.plot({
      width: Math.min(width, 140 + 110 * steps.length), height: 280, marginLeft: 52, marginRight: 12, marginTop: 26, marginBottom: 54,
      x: { domain: steps.map(s => s.step), label: null, tickSize: 0, padding: 0.35, tickFormat: step => `${step} (${steps.find(s => s.step === step).student})` },
      y: { domain: [-down - room, up + room], label: "Held-out nodes", labelArrow: "none", ticks: 6, tickFormat: y => d3.format(",")(Math.abs(y)) },
      marks: [
        Plot.gridY(grid),
        Plot.barY(steps, { x, y: "corrections", fill: "var(--right)", fillOpacity: 0.8 }),
        Plot.barY(steps, { x, y: s => -s.corruptions, fill: "var(--wrong)", fillOpacity: 0.8 }),
        Plot.ruleY([0], { stroke: INK, strokeOpacity: 0.6 }),
        Plot.text(steps, { x, y: "corrections", text: s => `+${nodes(s.corrections)}`, dy: -9, fill: INK }),
        Plot.text(steps, { x, y: s => -s.corruptions, text: s => `\u2212${nodes(s.corruptions)}`, dy: 10, fill: INK }),
        Plot.text(steps.filter(s => s.p), { x, frameAnchor: "bottom", text: s => `p ${s.p.startsWith("<") ? s.p : "= " + s.p}`, dy: 32, fill: INK, fontWeight: 600 }),
      ],
    });
  }

  function bins({ points }, width) {
    const rows = points.map(p => ({ ...p, accuracy: 100 * p.accuracy }));
    const properties = [...new Set(rows.map(p => p.property))];
    const { facet, scale, titles } = panels(properties, width);
    const stroke = p => colour(p.teacher);
    const by = { [facet]: "property" };
    const at = { x: "at", y: "accuracy", ...by };
    const ranges = d3.groups(rows, p => p.property, p => p.at).flatMap(([, bins]) => bins.map(([, [first]]) => first));
    return Plot.plot({
      width, height: narrow(width) ? 200 * properties.length + 60 : 280, marginLeft: 44, marginRight: 24, marginTop: 34, marginBottom: 34, inset: 8,
      x: { domain: d3.range(0, d3.max(rows, p => p.at) + 1), type: "point", axis: null, padding: 0.4 },
      y: { label: "Accuracy, %", labelArrow: "none", ticks: 5, nice: true },
      ...scale,
      r: { range: [2, 8], type: "sqrt" },
      symbol: { type: "identity" },
      marks: [
        titles, Plot.gridY(grid), Plot.frame({ stroke: INK, strokeOpacity: 0.15 }),
        Plot.line(rows, { ...at, z: "teacher", stroke, strokeWidth: 2, strokeOpacity: 0.7 }),
        Plot.dot(rows, {
          ...at, r: "taught", fill: stroke, fillOpacity: 0.85, symbol: p => symbol(p.teacher),
          title: p => `${p.property} ${p.bin}: ${one(p.accuracy)} % of ${Math.round(p.taught)} labels of the ${studentName[p.teacher]} right`,
        }),
        Plot.text(ranges, { x: "at", ...by, frameAnchor: "bottom", text: "bin", dy: 16, fontSize: 10.5, fill: INK }),
      ],
    });
  }

  function confusion({ classes, cells }, width) {
    const longest = Math.max(...classes.map(name => name.length));
    const margin = Math.min(longest * letter + 14, narrow(width) ? 130 : 220);
    const tickFormat = clip(margin - 14);
    // Slanted names read better, upright ones fit many classes without running out of the frame.
    const slanted = classes.length <= 16;
    const head = slanted ? margin * 0.75 + 22 : margin + 26;
    const tail = slanted ? margin * 0.5 : 16;
    const size = Math.max(13, Math.min(46, (width - margin - tail) / classes.length));
    const grown = margin + size * classes.length + tail;
    const depth = c => 0.1 + 0.9 * Math.sqrt(c.share); // a single error in a large class is still seen
    return Plot.plot({
      width: grown, height: size * classes.length + head + 4, marginLeft: margin, marginRight: tail, marginTop: head, marginBottom: 4,
      x: { domain: classes, axis: "top", label: "Predicted", labelAnchor: "center", labelArrow: "none", tickRotate: slanted ? -50 : -90, tickSize: 0, tickFormat, padding: 0 },
      y: { domain: classes, label: null, tickSize: 0, tickFormat, padding: 0 },
      opacity: { type: "identity" },
      marks: [
        Plot.frame({ stroke: INK, strokeOpacity: 0.25 }),
        Plot.cell(cells, {
          x: "predicted", y: "gold", inset: 0.5, fill: c => c.gold === c.predicted ? "var(--right)" : "var(--wrong)", fillOpacity: depth,
          title: c => `${c.gold}, called ${c.predicted}: ${c.count} (${one(100 * c.share)} %)`,
        }),
        size >= 22 ? Plot.text(cells, { x: "predicted", y: "gold", text: c => c.count, fontSize: size >= 30 ? 12 : 9.5, fill: c => depth(c) > 0.62 ? "var(--on-fill)" : INK }) : null,
      ],
    });
  }

  function classes({ classes }, width) {
    const rows = classes.map(c => ({ ...c, f1: 100 * c.f1 }));
    const names = rows.map(r => r.name);
    const marginLeft = labelWidth(names, width);
    return Plot.plot({
      width, marginLeft, marginRight: 80, marginTop: 8, marginBottom: 42, height: rows.length * 22 + 54,
      x: { domain: [0, 100], label: "F1, %", labelAnchor: "center", labelArrow: "none", ticks: 5 },
      y: { domain: names, padding: 0.25, label: null, tickSize: 0, tickFormat: clip(marginLeft - 14) },
      marks: [
        Plot.gridX(grid),
        Plot.barX(rows, { x: "f1", y: "name", fill: "var(--right)", fillOpacity: 0.75 }),
        Plot.text(rows, { x: "f1", y: "name", text: r => `${one(r.f1)} (${r.support})`, textAnchor: "start", dx: 5, fill: INK }),
      ],
    });
  }

  function reliability({ bins }, width) {
    const rows = bins.map(b => ({ ...b, student: studentName[b.model] }));
    const students = [...new Set(rows.map(b => b.student))];
    const { facet, scale, titles } = panels(students, width);
    const stroke = b => colour(b.model);
    const by = { [facet]: "student" };
    const side = narrow(width) ? width - 60 : Math.min((width - 90) / students.length, 360);
    const total = narrow(width) ? width : side * students.length + 90;
    return Plot.plot({
      width: total, height: narrow(width) ? side * students.length + 90 : side + 76, marginLeft: 44, marginRight: 36, marginTop: 34, marginBottom: 40,
      x: { domain: [0, 100], label: "Confidence, %", labelAnchor: "center", labelArrow: "none", ticks: 5 },
      y: { domain: [0, 100], label: "Accuracy, %", labelArrow: "none", ticks: 5 },
      ...scale,
      r: { range: [2, 11], type: "sqrt" },
      symbol: { type: "identity" },
      marks: [
        titles, Plot.gridX(grid), Plot.gridY(grid), Plot.frame({ stroke: INK, strokeOpacity: 0.2 }),
        Plot.link([0], { x1: 0, y1: 0, x2: 100, y2: 100, stroke: INK, strokeDasharray: "4 4", strokeOpacity: 0.6 }),
        Plot.ruleX(rows, { x: b => 100 * b.confidence, y1: b => 100 * b.confidence, y2: b => 100 * b.accuracy, ...by, stroke, strokeOpacity: 0.6 }),
        Plot.dot(rows, {
          x: b => 100 * b.confidence, y: b => 100 * b.accuracy, r: "count", ...by, fill: stroke, fillOpacity: 0.75, stroke: PAGE, symbol: b => symbol(b.model),
          title: b => `${b.count} guesses with mean confidence ${one(100 * b.confidence)} %: ${one(100 * b.accuracy)} % right`,
        }),
      ],
    });
  }

  function cost({ stages }, width) {
    const marginLeft = labelWidth(stages.map(s => s.stage), width);
    return Plot.plot({
      width, marginLeft, marginRight: 76, marginTop: 8, marginBottom: 42, height: stages.length * 28 + 54,
      x: { label: "Seconds", labelAnchor: "center", labelArrow: "none", ticks: ticks(width), zero: true },
      y: { domain: stages.map(s => s.stage), padding: 0.3 },
      marks: [
        Plot.gridX({ ...grid, ticks: ticks(width) }), nameAxis(marginLeft),
        Plot.barX(stages, { x: "seconds", y: "stage", fill: "var(--base)", fillOpacity: 0.8 }),
        Plot.text(stages, { x: "seconds", y: "stage", text: "label", textAnchor: "start", dx: 6, fill: INK }),
      ],
    });
  }

  // Differences to a baseline with their intervals, as reviews of trials draw them.
  function forest({ family, effects }, width) {
    const rows = effects.map(e => ({ ...e, mean: 100 * e.mean, low: 100 * e.low, high: 100 * e.high, clear: e.low > 0 || e.high < 0 }));
    const seeds = effects.flatMap(e => e.seeds.map(d => ({ name: e.name, points: 100 * d })));
    const [low, high] = d3.extent([0, ...rows.flatMap(r => [r.low, r.high])]);
    const pad = 0.06 * (high - low || 1);
    const marginLeft = labelWidth(rows.map(r => r.name), width);
    const stroke = colour(family), y = "name";
    const x = value => Math.min(Math.max(value, low - pad), high + pad);
    return Plot.plot({
      width, marginLeft, marginRight: 52, marginTop: 8, marginBottom: 42, height: rows.length * (narrow(width) ? 40 : 28) + 54,
      x: { domain: [low - pad, high + pad], label: "Difference in test accuracy, points", labelAnchor: "center", labelArrow: "none", ticks: ticks(width) },
      y: { domain: rows.map(r => r.name), padding: 0.4 },
      symbol: { type: "identity" },
      marks: [
        Plot.gridX({ ...grid, ticks: ticks(width) }), nameAxis(marginLeft), Plot.ruleX([0], { stroke: INK, strokeWidth: 1.4 }),
        Plot.tickX(seeds, { x: d => x(d.points), y, stroke: INK, strokeOpacity: 0.3 }),
        Plot.link(rows, { x1: "low", x2: "high", y1: y, y2: y, stroke, strokeWidth: 2.4 }),
        Plot.dot(rows, {
          x: "mean", y, stroke, strokeWidth: 1.8, fill: r => r.clear ? stroke : PAGE, symbol: symbol(family), r: 5.5,
          title: r => `${r.name} minus ${r.baseline}: ${signed(r.mean)} points, 95 % interval ${signed(r.low)} to ${signed(r.high)}`,
        }),
        Plot.text(rows, { x: high + pad, y, text: r => signed(r.mean), textAnchor: "start", dx: 10, fontWeight: 600, fill: INK }),
      ],
    });
  }

  function heat({ across, down, cells }, width) {
    const students = [...new Set(cells.map(c => c.student))];
    const { facet, scale, titles } = panels(students, width);
    const [xs, ys] = [[...new Set(cells.map(c => c.x))], [...new Set(cells.map(c => c.y))]];
    const range = new Map(d3.rollups(cells, v => d3.extent(v, c => c.test), c => c.student));
    const depth = c => {
      const [low, high] = range.get(c.student);
      return 0.12 + 0.78 * (high > low ? (c.test - low) / (high - low) : 0.5);
    };
    const side = narrow(width) ? 52 : 60;
    const wide = narrow(width) ? width : Math.min(width, students.length * xs.length * side * 1.5 + 100);
    const high = ys.length * side * 0.7 + 40;
    const at = { x: "x", y: "y", [facet]: "student" };
    const text = c => one(100 * c.test) + (c.deviation ? `\n\u00B1 ${one(100 * c.deviation)}` : "");
    return Plot.plot({
      width: wide, height: narrow(width) ? high * students.length + 60 : high + 60, marginLeft: 64, marginRight: 12, marginTop: 34, marginBottom: 42,
      x: { domain: xs, type: "band", label: across, labelAnchor: "center", labelArrow: "none", tickSize: 0, padding: 0 },
      y: { domain: ys, type: "band", label: down, labelArrow: "none", tickSize: 0, padding: 0, reverse: true },
      ...scale,
      opacity: { type: "identity" },
      marks: [
        titles,
        Plot.cell(cells, {
          ...at, inset: 1, fill: c => colour(c.student.toLowerCase()), fillOpacity: depth,
          title: c => `${c.student}, ${down} ${c.y}, ${across} ${c.x}: ${one(100 * c.test)} %`,
        }),
        Plot.text(cells, { ...at, text, fontSize: 11, fill: c => depth(c) > 0.6 ? "var(--on-fill)" : INK }),
      ],
    });
  }

  const draw = { forest, heat, ladder, paired, curve, elbo, flow, bins, confusion, classes, reliability, cost };
  const figures = JSON.parse(document.getElementById("figures").textContent);

  // The figure's rows, with a column for each of their fields; lists within a row are joined.
  const csv = data => {
    const rows = Object.values(data).find(value => Array.isArray(value) && value.some(row => typeof row === "object")) ?? [];
    const flat = rows.flatMap(({ points, ...row }) =>
      Array.isArray(points) ? points.map(point => ({ ...row, ...point })) : [row]);
    const columns = [...new Set(flat.flatMap(Object.keys))];
    const field = value => {
      const text = value === undefined || value === null ? "" : Array.isArray(value) ? value.join(" ") : String(value);
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...flat.map(row => columns.map(name => row[name]))].map(row => row.map(field).join(",")).join("\r\n") + "\r\n";
  };

  for (const figure of figures) {
    const link = document.createElement("a");
    link.className = "data";
    link.textContent = "Data as CSV";
    link.download = `${figure.id}.csv`;
    link.href = URL.createObjectURL(new Blob([csv(figure.data)], { type: "text/csv" }));
    document.getElementById(figure.id).parentElement.querySelector("figcaption").append(" ", link);
  }

  function render() {
    for (const figure of figures) {
      const host = document.getElementById(figure.id);
      const width = host.clientWidth;
      if (host.dataset.width === String(width)) continue;
      host.dataset.width = String(width);
      const chart = draw[figure.kind](figure.data, width);
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", figure.description);
      host.replaceChildren(chart);
    }
  }

  // Paper has no clicks.
  window.addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach(d => { d.open = true; }));
  render();
  new ResizeObserver(() => requestAnimationFrame(render)).observe(document.body);
})();
