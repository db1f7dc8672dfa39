import type { Growth } from './growth.ts';

const WIDTH = 720;
const HEIGHT = 300;
const PANEL = { left: 60, top: 46, width: 250, height: 190 };
const GAP = 110;

/** A line of a panel: its values belong to the numbers of viewers. */
interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  /** Highest value that the panel shows, and its lowest; logarithmic between them. */
  readonly range: readonly [lowest: number, highest: number];
  readonly lines: readonly Line[];
}

/** How cost grows with viewers, as SVG: CPU of nginx and sidecar, memory of the sidecar. @param rows those of one channel */
export function growthPicture(rows: readonly Growth[]): string {
  const viewers = rows.map((row) => row.viewers);
  const panels: readonly Panel[] = [
    {
      title: 'CPU of an edge pod, 100 kbit/s per viewer',
      unit: '% of a core',
      range: [0.1, 100],
      lines: [
        { name: 'nginx', colour: '#2563eb', values: rows.map((row) => row.nginxPercent) },
        { name: 'sidecar', colour: '#d97706', values: rows.map((row) => row.sidecarPercent) },
      ],
    },
    {
      title: 'Memory of the sidecar',
      unit: 'MB',
      range: [10, 1000],
      lines: [{ name: 'resident', colour: '#d97706', values: rows.map((row) => row.sidecarMegabytes) }],
    },
  ];
  const drawn = panels.map((panel, index) => drawPanel(panel, viewers, PANEL.left + index * (PANEL.width + GAP)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<title>Cost of an edge as viewers grow</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel({ title, unit, range, lines }: Panel, viewers: readonly number[], left: number): string {
  const { top, width, height } = PANEL;
  const [fewest, most] = [Math.min(...viewers), Math.max(...viewers)];
  const x = (value: number): number => left + width * share(value, fewest, most);
  const y = (value: number): number => top + height * (1 - share(value, ...range));
  const columns = viewers.map(
    (value) => `<text x="${round(x(value))}" y="${top + height + 18}" text-anchor="middle">${value}</text>`,
  );
  const grid = powersOfTen(...range).map(
    (value) => `<path d="M${left} ${round(y(value))}h${width}" stroke="#e5e7eb"/>
<text x="${left - 6}" y="${round(y(value) + 4)}" text-anchor="end">${value}</text>`,
  );
  const curves = lines.map(({ name, colour, values }, index) => {
    const points = values.map((value, at) => `${round(x(viewers[at] ?? fewest))},${round(y(value))}`);
    const dots = points.map((point) => point.split(',')).map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3"/>`);
    return `<g fill="${colour}"><polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>
${dots.join('')}<text x="${left + 8}" y="${top + 14 + index * 15}">${name}</text></g>`;
  });
  return `<text x="${left}" y="${top - 22}" font-weight="bold">${title}</text>
<text x="${left}" y="${top - 8}">${unit}</text>
${[...grid, ...columns, ...curves].join('\n')}
<text x="${left + width / 2}" y="${top + height + 36}" text-anchor="middle">viewers</text>`;
}

/** Where a value lies between two others on a logarithmic scale, 0 to 1. */
function share(value: number, lowest: number, highest: number): number {
  const bounded = Math.min(Math.max(value, lowest), highest);
  return lowest === highest ? 0 : Math.log(bounded / lowest) / Math.log(highest / lowest);
}

function powersOfTen(lowest: number, highest: number): number[] {
  const [first, last] = [Math.round(Math.log10(lowest)), Math.round(Math.log10(highest))];
  return Array.from({ length: last - first + 1 }, (_, index) => Number((10 ** (first + index)).toPrecision(1)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
