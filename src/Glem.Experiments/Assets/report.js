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
    Plot.axisY({ label: null, tickSize: 0, lineWidth: (margin - 14) / 12, tickFormat: name => name.replace(/,(?=\S)/g, ", ") });
  // Numbers under the pointer, of the nearest mark.
  const hover = (rows, at, title, pointer = Plot.pointer) => Plot.tip(rows, pointer({ ...at, title, maxRadius: 50, fontSize: 12, fill: PAGE }));
  const plusMinus = (mean, deviation, format) => format(mean) + (deviation ? ` \u00B1 ${format(deviation)}` : "");
  const grid = { stroke: INK, strokeOpacity: 0.12 };
  const ticks = width => narrow(width) ? 4 : 8;

  // Two panels side by side, or one above the other where there is no room. Their names stand over the frame.
  const panels = (names, width) => {
    const facet = narrow(width) ? "fy" : "fx";
    return {
      facet,
      scale: { [facet]: { domain: names, axis: null, padding: narrow(width) ? 0.28 : 0.1 } },
      titles: Plot.text(names, { [facet]: name => name, text: name => name, frameAnchor: "top", dy: -18, fontWeight: 600, fill: INK }),
    };
  };

  function ladder({ rungs }, width) {
    const rows = rungs.filter(r => r.points.length).map(r => ({
      ...r,
      label: r.name + (r.selected ? " \u2605" : ""),
      test: 100 * d3.mean(r.points, p => p.test),
      valid: 100 * d3.mean(r.points, p => p.valid),
      deviation: 100 * (d3.deviation(r.points, p => p.test) ?? 0),
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
        Plot.dot(on, { x: "test", y, fill, symbol: shape, r: 6 }),
        Plot.text(on, { x: high, y, text: r => one(r.test), textAnchor: "start", dx: 10, fontWeight: 600, fill: INK }),
        Plot.text(rows.filter(r => r.key === off), { x: low, y, text: r => `\u25C2 ${one(r.test)} (validation ${one(r.valid)})`, textAnchor: "start", fill: INK, dx: 4 }),
        hover(on, { x: "test", y }, r => `${r.name}\ntest ${plusMinus(r.test, r.deviation, one)} %\nvalidation ${one(r.valid)} %`, Plot.pointerY),
      ],
    });
  }

  // Of several seeds' values: their mean, and one standard deviation about it.
  const spread = rows => {
    const value = d3.mean(rows, r => r.value), deviation = d3.deviation(rows, r => r.value) ?? 0;
    return { value, deviation, low: value - deviation, high: value + deviation };
  };

  // Moves labels apart that would lie on each other: at least `gap` between neighbours, in units of the axis.
  const spreadOut = (labels, gap) => {
    const sorted = d3.sort(labels, l => l.value).map(l => ({ ...l, place: l.value }));
    for (let i = 1; i < sorted.length; i++) sorted[i].place = Math.max(sorted[i].place, sorted[i - 1].place + gap);
    return sorted;
  };

  function curve({ label, points }, width) {
    const { facet, scale, titles } = panels(["Validation", "Test"], width);
    const means = d3.flatRollup(points, spread, p => p.model, p => p.split, p => p.round)
      .map(([model, split, round, over]) => ({ model, split, round, ...over }));
    const several = new Set(points.map(p => p.seed)).size > 1;
    const last = d3.max(points, p => p.round);
    const ends = means.filter(p => p.round === d3.max(means.filter(m => m.model === p.model), m => m.round));
    const height = narrow(width) ? 460 : 250, frame = narrow(width) ? 140 : 160; // the latter of one panel, about
    const [low, high] = d3.extent(points, p => p.value);
    const labels = d3.groups(ends, e => e.split).flatMap(([, ends]) => spreadOut(ends, 15 * (high - low || 1) / frame));
    const stroke = p => colour(p.model), shape = p => symbol(p.model);
    const at = { x: "round", y: "value", [facet]: "split" };
    return Plot.plot({
      width, height, marginLeft: 46, marginRight: 44, marginTop: 34, marginBottom: 40, inset: 8,
      x: { label: "EM round", labelAnchor: "center", labelArrow: "none", ticks: d3.range(0, last + 1), tickFormat: "d", domain: [0, Math.max(last, 1)] },
      y: { label, labelArrow: "none", ticks: 5, nice: true, zero: false },
      ...scale,
      symbol: { type: "identity" },
      marks: [
        titles, Plot.gridY(grid), Plot.frame({ stroke: INK, strokeOpacity: 0.15 }),
        several ? Plot.areaY(means, { x: "round", y1: "low", y2: "high", [facet]: "split", z: "model", fill: stroke, fillOpacity: 0.16 }) : null,
        several ? Plot.line(points, { ...at, z: p => p.model + p.seed, stroke, strokeOpacity: 0.35, strokeWidth: 1 }) : null,
        Plot.line(means, { ...at, z: "model", stroke, strokeWidth: 2.4 }),
        Plot.dot(means, { ...at, fill: stroke, symbol: shape, r: 4 }),
        Plot.dot(points.filter(p => p.chosen), { ...at, stroke, r: several ? 4 : 9, strokeWidth: several ? 1 : 1.8 }),
        Plot.text(labels, { ...at, y: "place", text: p => studentName[p.model], fill: stroke, fontWeight: 700, textAnchor: "start", dx: 12 }),
        hover(means, at, p => `${studentName[p.model]}, round ${p.round}, ${p.split.toLowerCase()}\n${plusMinus(p.value, p.deviation, x => x.toPrecision(3))}`),
      ],
    });
  }

  function elbo({ steps, points }, width) {
    const total = Math.min(width, 300 + 90 * steps.length), height = 270, marginRight = narrow(width) ? 104 : 165; // the longest name, in two lines or in one
    const means = d3.flatRollup(points, spread, p => p.name, p => p.family, p => p.step)
      .map(([name, family, step, over]) => ({ name, family, step, ...over }));
    const several = new Set(points.map(p => p.seed)).size > 1;
    const [low, high] = d3.extent([0, ...points.map(p => p.value)]);
    const last = steps[steps.length - 1];
    const labels = spreadOut(means.filter(p => p.step === last), (narrow(width) ? 27 : 16) * (high - low || 1) / (height - 80));
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
        several ? Plot.areaY(means, { x: "step", y1: "low", y2: "high", z: "name", fill: stroke, fillOpacity: 0.16 }) : null,
        several ? Plot.line(points, { ...at, z: p => p.name + p.seed, stroke, strokeOpacity: 0.35, strokeWidth: 1 }) : null,
        Plot.line(means, { ...at, z: "name", stroke, strokeWidth: p => p.family === "elbo" ? 3 : 2 }),
        Plot.dot(means, { ...at, fill: stroke, symbol: shape, r: 4 }),
        Plot.text(labels, { x: "step", y: "place", text: "name", fill: stroke, fontWeight: 700, textAnchor: "start", dx: 18, lineWidth: narrow(width) ? 8 : 20 }),
        hover(means, at, p => `${p.name}, ${p.step}\n${plusMinus(p.value, p.deviation, x => x.toPrecision(3))} nats per node`),
      ],
    });
  }

  function flow({ steps }, width) {
    const nodes = x => d3.format(Number.isInteger(x) ? "," : ",.1f")(x);
    const [up, down] = [d3.max(steps, s => s.corrections), d3.max(steps, s => s.corruptions)];
    const room = 0.12 * Math.max(up + down, 1); // for the numbers above and below the bars
    const x = "step";
    return Plot.plot({
      width: Math.min(width, 140 + 110 * steps.length), height: steps.some(s => s.p) ? 280 : 260, marginLeft: 52, marginRight: 12, marginTop: 26, marginBottom: steps.some(s => s.p) ? 54 : 34,
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
        hover(steps, { x, y: "corrections" }, s => `${s.step}, ${s.student}\n${nodes(s.corrections)} nodes corrected\n${nodes(s.corruptions)} nodes corrupted${s.p ? `\nMcNemar p ${s.p}` : ""}`, Plot.pointerX),
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
      width, height: narrow(width) ? 200 * properties.length + 74 : 294, marginLeft: 44, marginRight: 24, marginTop: 34, marginBottom: 48, inset: 8,
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
        }),
        // In two lines, because neighbours may be too wide for one.
        ...[0, 1].map(odd => Plot.text(ranges.filter(r => r.at % 2 === odd), { x: "at", ...by, frameAnchor: "bottom", text: "bin", dy: 16 + 13 * odd, fontSize: 10.5, fill: INK })),
        hover(rows, at, p => `${p.property} ${p.bin}\n${one(p.accuracy)} % of ${Math.round(p.taught)} labels\nof the ${studentName[p.teacher]} right`),
      ],
    });
  }

  const deepest = 0.75; // of a cell: its number must still be read on it

  function confusion({ classes, cells }, width) {
    const longest = Math.max(...classes.map(name => name.length));
    const margin = Math.min(longest * letter + 14, narrow(width) ? 130 : 220);
    const tickFormat = clip(margin - 14);
    // Slanted names read better, upright ones fit many classes without running out of the frame.
    const slanted = classes.length <= 16;
    const head = slanted ? margin * 0.75 + 22 : margin + 26;
    const tail = slanted ? margin * 0.68 : 16;
    const size = Math.max(13, Math.min(46, (width - margin - tail) / classes.length));
    const grown = margin + size * classes.length + tail;
    const depth = c => deepest * (0.1 + 0.9 * Math.sqrt(c.share)); // a single error in a large class is still seen
    return Plot.plot({
      width: grown, height: size * classes.length + head + 4, marginLeft: margin, marginRight: tail, marginTop: head, marginBottom: 4,
      x: { domain: classes, axis: "top", label: "Predicted", labelAnchor: "center", labelArrow: "none", tickRotate: slanted ? -50 : -90, tickSize: 0, tickFormat, padding: 0 },
      y: { domain: classes, label: null, tickSize: 0, tickFormat, padding: 0 },
      opacity: { type: "identity" },
      marks: [
        Plot.frame({ stroke: INK, strokeOpacity: 0.25 }),
        Plot.cell(cells, {
          x: "predicted", y: "gold", inset: 0.5, fill: c => c.gold === c.predicted ? "var(--cell-lm)" : "var(--cell-gnn)", fillOpacity: depth,
        }),
        size >= 22 ? Plot.text(cells, { x: "predicted", y: "gold", text: c => c.count, fontSize: size >= 30 ? 12 : 9.5, fill: INK }) : null,
        hover(cells, { x: "predicted", y: "gold" }, c => `${c.gold}${c.gold === c.predicted ? ", right" : `,\ncalled ${c.predicted}`}\n${c.count} nodes, ${one(100 * c.share)} % of the class`),
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
        hover(rows, { x: "f1", y: "name" }, r => `${r.name}\nF1 ${one(r.f1)} % on ${r.support} test nodes`, Plot.pointerY),
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
        }),
        hover(rows, { x: b => 100 * b.confidence, y: b => 100 * b.accuracy, ...by },
          b => `${b.student}, ${b.count} guesses\nmean confidence ${one(100 * b.confidence)} %\n${one(100 * b.accuracy)} % right`),
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
        hover(stages, { x: "seconds", y: "stage" }, s => `${s.stage}\n${d3.format(",.1f")(s.seconds)} s`, Plot.pointerY),
      ],
    });
  }

  // Differences with their intervals, as reviews of trials draw them. One seed has no interval.
  function forest({ effects }, width) {
    const rows = effects.map(e => ({
      ...e, mean: 100 * e.mean, low: 100 * (e.low ?? e.mean), high: 100 * (e.high ?? e.mean),
      clear: e.low === undefined || e.low > 0 || e.high < 0,
    }));
    const seeds = effects.flatMap(e => e.points.length > 1 ? e.points.map(p => ({ name: e.name, points: 100 * p.difference })) : []);
    const [low, high] = d3.extent([0, ...rows.flatMap(r => [r.low, r.high]), ...seeds.map(d => d.points)]);
    const pad = 0.06 * (high - low || 1);
    const marginLeft = labelWidth(rows.map(r => r.name), width);
    const stroke = r => colour(r.student), y = "name";
    const bounds = r => r.low < r.high ? `\n95 % interval ${signed(r.low)} to ${signed(r.high)}` : "";
    return Plot.plot({
      width, marginLeft, marginRight: 52, marginTop: 8, marginBottom: 42, height: rows.length * (narrow(width) ? 44 : 30) + 54,
      x: { domain: [low - pad, high + pad], label: "Difference in test accuracy, points", labelAnchor: "center", labelArrow: "none", ticks: ticks(width) },
      y: { domain: rows.map(r => r.name), padding: 0.4 },
      symbol: { type: "identity" },
      marks: [
        Plot.gridX({ ...grid, ticks: ticks(width) }), nameAxis(marginLeft), Plot.ruleX([0], { stroke: INK, strokeWidth: 1.4 }),
        Plot.tickX(seeds, { x: "points", y, stroke: INK, strokeOpacity: 0.45 }),
        Plot.link(rows, { x1: "low", x2: "high", y1: y, y2: y, stroke, strokeWidth: 2.4 }),
        Plot.dot(rows, { x: "mean", y, stroke, strokeWidth: 1.8, fill: r => r.clear ? stroke(r) : PAGE, symbol: r => symbol(r.student), r: 5.5 }),
        Plot.text(rows, { x: high + pad, y, text: r => signed(r.mean), textAnchor: "start", dx: 10, fontWeight: 600, fill: INK }),
        hover(rows, { x: "mean", y }, r => `${r.name}\n${signed(r.mean)} points${bounds(r)}`, Plot.pointerY),
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
      return deepest * (0.15 + 0.85 * (high > low ? (c.test - low) / (high - low) : 0.5));
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
          ...at, inset: 1, fill: c => `var(--cell-${c.student.toLowerCase()})`, fillOpacity: depth,
        }),
        Plot.text(cells, { ...at, text, fontSize: 11, fill: INK }),
        hover(cells, at, c => `${c.student}, ${down} ${c.y}, ${across} ${c.x}\n${plusMinus(100 * c.test, 100 * (c.deviation ?? 0), one)} %`),
      ],
    });
  }

  // A mark and a colour for each class: seven colours and six marks meet again after 42 classes.
  const classColour = at => `var(--class${at % 7})`;
  const classSymbol = at => ["Circle", "Square", "Triangle", "Diamond", "Star", "Cross"][at % 6];
  const mostNames = 20; // on a map

  // Moves names on a map apart, up and down, until none lies on another: boxes of so many pixels.
  const apart = (labels, high) => {
    for (let turn = 0; turn < 60; turn++)
      for (const [a, b] of d3.cross(labels, labels)) {
        if (a === b || a.panel !== b.panel || Math.abs(a.px - b.px) > (a.wide + b.wide) / 2) continue;
        const lack = high - Math.abs(a.py - b.py);
        if (lack <= 0) continue;
        const up = a.py < b.py || (a.py === b.py && labels.indexOf(a) < labels.indexOf(b)) ? -1 : 1;
        a.py += up * lack / 2; b.py -= up * lack / 2;
      }
    return labels;
  };

  function map({ points, classes, titles }, width, chosen) {
    const models = ["lm", "gnn"], names = models.map(model => titles[model]);
    const rows = points.flatMap(p => models.map(model => ({
      id: p.id, class: p.class, at: classes.indexOf(p.class), panel: titles[model], model,
      x: p[model + "X"], y: p[model + "Y"], guess: p[model + "Guess"],
    })));
    const { facet, scale } = panels(names, width);
    // Each cloud fills its panel, whose pixels are alike across and up.
    const across = narrow(width) ? width - 4 : (width - 4) / 2.1;
    const clouds = new Map(d3.groups(rows, r => r.panel).map(([panel, own]) => [panel, [d3.extent(own, r => r.x), d3.extent(own, r => r.y)]]));
    const span = ([low, high]) => high - low || 1;
    const up = across * Math.min(1.05, d3.max([...clouds.values()], ([x, y]) => span(y) / span(x)));
    for (const r of rows) {
      const [x, y] = clouds.get(r.panel);
      const pixel = 0.92 * Math.min(across / span(x), up / span(y));
      [r.px, r.py] = [(r.x - d3.mean(x)) * pixel, (r.y - d3.mean(y)) * pixel];
    }
    const common = d3.sort(d3.rollups(points, v => v.length, p => p.class), ([, count]) => -count).slice(0, mostNames).map(([name]) => name);
    const named = chosen ? [chosen] : common;
    const short = clip(Math.min(130, across / 3));
    const groups = d3.flatRollup(rows.filter(r => named.includes(r.class)), own => own, r => r.panel, r => r.class);
    const labels = apart(groups.map(([panel, name, own]) => ({
      panel, name: short(name), wide: short(name).length * letter + 6, px: d3.median(own, r => r.px), py: d3.median(own, r => r.py),
    })), 14);
    const inside = (edge, value) => Math.min(Math.max(value, -edge), edge);
    for (const l of labels) [l.px, l.py] = [inside((across - l.wide) / 2, l.px), inside(up / 2 - 8, l.py)];
    const faded = r => chosen && r.class !== chosen, wrong = r => r.guess !== undefined && r.guess !== r.class;
    const sorted = d3.sort(rows, r => faded(r) ? 0 : 1);
    const ink = r => classColour(r.at), by = { [facet]: "panel" };
    return Plot.plot({
      width, height: narrow(width) ? 2.18 * up + 60 : up + 40, marginLeft: 2, marginRight: 2, marginTop: 34, marginBottom: 6,
      x: { domain: [-across / 2, across / 2], axis: null }, y: { domain: [-up / 2, up / 2], axis: null },
      ...scale,
      symbol: { type: "identity" }, opacity: { type: "identity" },
      marks: [
        Plot.text(names, { [facet]: name => name, text: name => name, frameAnchor: "top", dy: -18, fontWeight: 600, fill: INK, lineWidth: across / 13 }),
        Plot.frame({ stroke: INK, strokeOpacity: 0.25 }),
        Plot.dot(sorted, {
          x: "px", y: "py", ...by, r: 3, symbol: r => classSymbol(r.at).toLowerCase(), stroke: ink, strokeWidth: 1.1,
          fill: r => wrong(r) ? PAGE : ink(r), opacity: r => faded(r) ? 0.13 : chosen ? 1 : 0.7,
        }),
        Plot.text(labels, { x: "px", y: "py", ...by, text: "name", fill: INK, stroke: PAGE, strokeWidth: 4, fontWeight: 600, fontSize: 11 }),
        hover(rows, { x: "px", y: "py", ...by }, r => `${r.id}\n${r.class}${r.guess === undefined ? "" : wrong(r) ? `\n${studentName[r.model]} says ${r.guess}` : `\n${studentName[r.model]} is right`}`),
      ],
    });
  }

  // The classes with their marks, of which one can be looked at alone.
  function key({ points, classes }, id, choose) {
    const field = document.createElement("fieldset"), counts = d3.rollup(points, v => v.length, p => p.class);
    field.className = "key";
    field.innerHTML = "<legend>Show</legend>";
    const add = (name, value, mark) => {
      const label = document.createElement("label"), radio = document.createElement("input");
      Object.assign(radio, { type: "radio", name: `${id}-class`, checked: value === "" });
      radio.addEventListener("change", () => choose(value));
      label.append(radio, ...mark, name);
      field.append(label);
    };
    add("all classes", "", []);
    classes.forEach((name, at) => {
      const mark = d3.create("svg").attr("width", 14).attr("height", 14).attr("viewBox", "-7 -7 14 14").attr("aria-hidden", "true");
      mark.append("path").attr("d", d3.symbol(d3[`symbol${classSymbol(at)}`], 60)()).attr("fill", classColour(at));
      add(`${name} (${counts.get(name) ?? 0})`, name, [mark.node()]);
    });
    return field;
  }

  const draw = { forest, heat, ladder, curve, elbo, flow, bins, confusion, classes, reliability, map, cost };
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

  const chosen = {}; // by figure: the class that is looked at alone
  const paper = 680; // pixels: what fits across a page with its margins

  function render(fixed) {
    for (const figure of figures) {
      const host = document.getElementById(figure.id);
      const width = fixed ?? host.clientWidth;
      const state = `${width} ${chosen[figure.id] ?? ""}`;
      // Nothing can be measured in a closed fold.
      if (width === 0 || host.dataset.state === state) continue;
      host.dataset.state = state;
      const chart = draw[figure.kind](figure.data, width, chosen[figure.id]);
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", figure.description);
      host.replaceChildren(chart);
    }
    // The keyboard stops at what it can move.
    for (const box of document.querySelectorAll(".scroll, .chart"))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
  }

  for (const figure of figures.filter(figure => figure.kind === "map"))
    document.getElementById(figure.id).after(key(figure.data, figure.id, name => {
      chosen[figure.id] = name;
      render();
    }));

  // Paper has no clicks, and a width of its own.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not([open])")];
    closed.forEach(fold => { fold.open = true; });
    render(paper);
  });
  window.addEventListener("afterprint", () => {
    closed.forEach(fold => { fold.open = false; });
    render();
  });
  render();
  new ResizeObserver(() => requestAnimationFrame(() => { if (!matchMedia("print").matches) render(); })).observe(document.body);
})();
