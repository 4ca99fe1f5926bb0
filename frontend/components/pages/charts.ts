/** Charts as SVG, each with a name and a table of the same numbers for those who cannot see it. */
import { html, svg, type TemplateResult } from "lit";
import { say } from "../../sentences";
import { axisLabel, extent, linear, linePath, thinned, ticks } from "./chart_scale";
import { cssVars } from "./css_vars";
import { count } from "./format";

const WIDTH = 440;
const HEIGHT = 190;
const MARGIN = { top: 10, right: 12, bottom: 26, left: 46 };
const DAYS_WIDTH = 900;
const TABLE_ROWS = 12;

export interface LineChart {
  name: string;
  /** What x counts, such as "step". */
  unit: string;
  points: readonly (readonly [number, number])[];
  /** Lowest and highest value of y that are always shown. */
  floor?: number;
  ceiling?: number;
  format?: (value: number) => string;
}

/** One series over x. */
export function lineChart(chart: LineChart): TemplateResult {
  const format = chart.format ?? axisLabel;
  const xs = extent(chart.points.map(([x]) => x)) ?? [0, 1];
  const ys = extent([
    ...chart.points.map(([, y]) => y),
    ...(chart.floor === undefined ? [] : [chart.floor]),
    ...(chart.ceiling === undefined ? [] : [chart.ceiling]),
  ]) ?? [0, 1];
  const yTicks = ticks(ys[0], ys[1]);
  const x = linear(xs, [MARGIN.left, WIDTH - MARGIN.right]);
  const y = linear([yTicks[0]!, yTicks.at(-1)!], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const xTicks = ticks(xs[0], xs[1], 6).filter((tick) => tick >= xs[0] && tick <= xs[1]);
  const last = chart.points.at(-1);
  const label = last ? say("{name}: {value} at {unit} {place}", { name: chart.name, value: format(last[1]), unit: chart.unit, place: count(last[0]) }) : say("{name}: no values yet", { name: chart.name });
  return html`<figure class="chart-box">
    <svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${label}>
      ${yTicks.map(
        (tick) => svg`<line class="grid" x1=${MARGIN.left} x2=${WIDTH - MARGIN.right} y1=${y(tick)} y2=${y(tick)} />
          <text x=${MARGIN.left - 8} y=${y(tick) + 4} text-anchor="end">${format(tick)}</text>`,
      )}
      ${xTicks.map((tick) => svg`<text x=${x(tick)} y=${HEIGHT - 6} text-anchor="middle">${axisLabel(tick)}</text>`)}
      <path class="series" d=${linePath(chart.points.map(([a, b]) => [x(a), y(b)] as const))} />
      ${last ? svg`<circle class="dot" cx=${x(last[0])} cy=${y(last[1])} r="3.5" />` : ""}
    </svg>
    ${pointTable(chart, format)}
  </figure>`;
}

function pointTable(chart: LineChart, format: (value: number) => string): TemplateResult {
  return html`<details class="more small">
    <summary>${say("As a table")}</summary>
    <table class="table">
      <thead><tr><th>${chart.unit}</th><th>${chart.name}</th></tr></thead>
      <tbody class="num">
        ${thinned(chart.points, TABLE_ROWS).map(([a, b]) => html`<tr><td>${count(a)}</td><td>${format(b)}</td></tr>`)}
      </tbody>
    </table>
  </details>`;
}

export interface Bar {
  name: string;
  value: number;
  /** Text beside the bar. */
  text: string;
  color?: string;
}

/** Horizontal bars, longest = full width. A definition list, so that it reads as one. */
export function barList(bars: readonly Bar[], most?: number): TemplateResult {
  const full = most ?? Math.max(1e-9, ...bars.map((bar) => bar.value));
  return html`<dl class="bars">
    ${bars.map((bar) => {
      const look = { "--share": `${(100 * bar.value) / full}%`, ...(bar.color ? { "--swatch": bar.color } : {}) };
      return html`<dt>
          ${bar.color ? html`<i class="swatch" ${cssVars({ "--swatch": bar.color })}></i>` : ""}
          <span class="ellipsis" title=${bar.name}>${bar.name}</span>
        </dt>
        <dd class="track" aria-hidden="true"><i ${cssVars(look)}></i></dd>
        <dd class="num">${bar.text}</dd>`;
    })}
  </dl>`;
}

/** Vertical bars over days. */
export function dayBars(days: readonly { day: string; value: number }[], name: string): TemplateResult {
  const yTicks = ticks(0, Math.max(1, ...days.map((day) => day.value)), 4);
  const y = linear([0, yTicks.at(-1)!], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const slot = (DAYS_WIDTH - MARGIN.left - MARGIN.right) / Math.max(1, days.length);
  const width = Math.min(36, slot * 0.7);
  const every = Math.ceil(days.length / 6);
  const sum = days.reduce((total, day) => total + day.value, 0);
  return html`<svg class="chart" viewBox="0 0 ${DAYS_WIDTH} ${HEIGHT}" role="img" aria-label=${say("{name}: {sum} in {days} days", { name, sum: count(sum), days: days.length })}>
    ${yTicks.map(
      (tick) => svg`<line class="grid" x1=${MARGIN.left} x2=${DAYS_WIDTH - MARGIN.right} y1=${y(tick)} y2=${y(tick)} />
        <text x=${MARGIN.left - 8} y=${y(tick) + 4} text-anchor="end">${axisLabel(tick)}</text>`,
    )}
    ${days.map((day, i) => {
      const middle = MARGIN.left + slot * (i + 0.5);
      return svg`<rect class="bar" x=${middle - width / 2} width=${width} y=${y(day.value)} height=${y(0) - y(day.value)} rx="2">
          <title>${day.day}: ${day.value}</title></rect>
        ${i % every === 0 ? svg`<text x=${middle} y=${HEIGHT - 6} text-anchor="middle">${day.day.slice(5)}</text>` : ""}`;
    })}
  </svg>`;
}
