"use strict";
// Spells the charts of the document with uPlot. Positions and labels come ready made; nothing here
// computes or formats a figure.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = read("charts");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const PALETTE = 7;
  const colour = (number) => css(`--series-${number % PALETTE}`);
  const FONT = "12px system-ui, sans-serif";
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = FONT;
  const textWidth = (text) => Math.max(...text.split("\n").map((line) => ruler.measureText(line).width));

  // A name may be as long as its author likes; the hover line and the tables have it in full.
  const cut = (text, width) => text.split("\n").map((line) => {
    let end = line.length;
    while (end > 1 && ruler.measureText(`${line.slice(0, end)}…`).width > width) end -= 1;
    return ruler.measureText(line).width <= width ? line : `${line.slice(0, end)}…`;
  }).join("\n");

  // Leaves out labels that would touch the one before.
  const thinned = (plot, scale, ticks) => {
    let free = -Infinity;
    return ticks.map(([at, text]) => {
      const middle = plot.valToPos(at, scale);
      const half = textWidth(text) / 2 + 5;
      if (middle - half < free) return "";
      free = middle + half;
      return text;
    });
  };

  const axisStyle = () => ({
    stroke: css("--faint"), font: FONT, labelFont: FONT, labelSize: 20,
    grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 },
  });

  const LONGEST_NAME = 110;
  const xAxis = (chart, width) => {
    const isNamed = chart.style === "bar" && chart.x.label === "";
    const ticks = chart.x.ticks.map(([at, text]) => [at, isNamed ? cut(text, LONGEST_NAME) : text]);
    // Names of categories must all be seen: where they do not fit they are turned.
    const longest = Math.max(0, ...ticks.map(([, text]) => textWidth(text)));
    const lines = Math.max(1, ...ticks.map(([, text]) => text.split("\n").length));
    const turn = isNamed && (longest + 10) * ticks.length > width;
    return {
      ...axisStyle(), label: chart.x.label || undefined,
      splits: () => ticks.map(([at]) => at),
      values: (plot) => (isNamed ? ticks.map(([, text]) => text) : thinned(plot, "x", ticks)),
      rotate: turn ? -55 : 0,
      size: turn ? 24 + longest * 0.85 + lines * 6 : 16 + lines * 18,
    };
  };

  const yAxis = (chart, width) => {
    const ticks = chart.y.ticks.map(([at, text]) => [at, cut(text, width * 0.4)]);
    return {
      ...axisStyle(), label: chart.y.label || undefined,
      splits: () => ticks.map(([at]) => at),
      values: () => ticks.map(([, text]) => text),
      size: 18 + Math.max(0, ...ticks.map(([, text]) => textWidth(text))),
    };
  };

  const bars = (chart, index) => {
    const width = 0.8 / chart.series.length;
    const left = chart.places.map(([at]) => at - 0.4 + width * index);
    return uPlot.paths.bars({ disp: {
      x0: { unit: 1, values: () => left },
      size: { unit: 1, values: () => [width * 0.92] },
    } });
  };

  const seriesOf = (chart, series, index) => {
    const paint = colour(series.colour);
    const common = {
      label: series.name, stroke: paint,
      value: (_plot, _value, _series, at) => (at == null ? "" : series.text[at] ?? "–"),
    };
    if (chart.style === "bar") {
      return { ...common, width: 0, fill: paint, paths: bars(chart, index), points: { show: false },
        fillTo: () => chart.base };
    }
    if (chart.style === "interval") {
      // The line is the interval; the point is the estimate in its middle.
      const known = series.at.flatMap((at, index) => (at == null ? [] : [index]));
      const middle = known[Math.floor(known.length / 2)];
      return { ...common, width: 3, spanGaps: true,
        points: { show: true, size: 7, fill: paint, filter: () => [middle] } };
    }
    // A value that stands alone would not be seen as a line.
    const alone = series.at.filter((at) => at != null).length === 1;
    return { ...common, width: 2, points: { show: alone, size: 6 } };
  };

  const unity = (chart) => ({ hooks: { draw: [(plot) => {
    if (chart.style !== "interval") return;
    const x = plot.valToPos(0, "x", true);
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = css("--ink");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }] } });

  const draw = (chart) => {
    const place = document.getElementById(`plot-${chart.id}`);
    place.replaceChildren();
    const width = Math.floor(place.clientWidth);
    if (width === 0) return;
    const rows = chart.style === "interval" ? chart.series.length : 0;
    const plot = new uPlot({
      width,
      height: rows > 0 ? 90 + rows * 40 : 320,
      scales: {
        x: { time: false, range: [chart.x.min, chart.x.max] },
        y: { range: [chart.y.min, chart.y.max] },
      },
      axes: [xAxis(chart, width - 90), yAxis(chart, width)],
      series: [
        { label: chart.x.label || " ", value: (_plot, _value, _series, at) => (at == null ? "" : chart.places[at][1]) },
        ...chart.series.map((series, index) => seriesOf(chart, series, index)),
      ],
      cursor: { drag: { x: false, y: false } },
      // Rows of a forest plot are named on the axis.
      legend: { show: chart.style !== "interval" },
      plugins: [unity(chart), hover(chart, place)],
    }, [chart.places.map(([at]) => at), ...chart.series.map((series) => series.at)], place);
    place.dataset.drawn = String(plot.ctx.canvas.width > 0);
  };

  // A forest plot has no legend: what the cursor is on stands under it.
  const hover = (chart, place) => {
    if (chart.style !== "interval") return {};
    const line = document.createElement("p");
    line.className = "note";
    line.textContent = "\u00a0";
    return { hooks: {
      ready: [() => place.append(line)],
      setCursor: [(plot) => {
        const row = Math.round(plot.posToVal(plot.cursor.top, "y"));
        const series = chart.series.find((candidate) => candidate.at.some((at) => at === row));
        line.textContent = series && plot.cursor.top >= 0
          ? `${series.name}: ${series.text.find((text) => text != null)}` : "\u00a0";
      }],
    } };
  };

  const drawAll = () => charts.forEach(draw);
  drawAll();
  let width = document.body.clientWidth;
  addEventListener("resize", () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", () => {
    if (details.open) charts.filter((chart) => details.contains(document.getElementById(`plot-${chart.id}`))).forEach(draw);
  }));

  // Tables that sort by a click on a heading: by value where there is one, else by text.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  document.querySelectorAll("table.sortable").forEach((table) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(key(a, column), key(b, column)) * (ascending ? 1 : -1));
      table.tBodies[0].append(...rows);
    }));
  });

  document.querySelector(".download").addEventListener("click", (event) => {
    const text = document.getElementById("record").textContent;
    event.currentTarget.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  });
})();
