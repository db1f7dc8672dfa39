import type { Growth } from './growth.ts';

const WIDTH = 720;
const HEIGHT = 590;
const PANEL = { left: 60, top: 46, width: 250, height: 190 };
const GAP = { column: 110, row: 100 };
/** What one axis grows by, while the other stays. */
const ONE_CHANNEL = 1;
const MANY_VIEWERS = 1000;

/** A line of a panel: its values belong to those of the axis. */
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

/** What grows from left to right. */
interface Axis {
  readonly title: string;
  readonly values: readonly number[];
}

/**
 * How cost grows with viewers of one channel, and with channels of a thousand viewers, as SVG: CPU of nginx and sidecar,
 * memory of the sidecar.
 */
export function growthPicture(rows: readonly Growth[]): string {
  const byViewers = rows.filter(({ channels }) => channels === ONE_CHANNEL);
  const byChannels = rows.filter(({ viewers }) => viewers === MANY_VIEWERS);
  const viewers = { title: 'viewers of one channel', values: byViewers.map((row) => row.viewers) };
  const channels = { title: 'channels with 1,000 viewers in all', values: byChannels.map((row) => row.channels) };
  const drawn = [
    ...drawRow(panelsOf(byViewers), viewers, PANEL.top),
    ...drawRow(panelsOf(byChannels), channels, PANEL.top + PANEL.height + GAP.row),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<title>Cost of an edge as viewers and channels grow</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function panelsOf(rows: readonly Growth[]): readonly Panel[] {
  return [
    {
      title: 'CPU of an edge pod, 50 kbit/s per viewer',
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
}

function drawRow(panels: readonly Panel[], axis: Axis, top: number): readonly string[] {
  return panels.map((panel, index) => drawPanel(panel, axis, PANEL.left + index * (PANEL.width + GAP.column), top));
}

function drawPanel({ title, unit, range, lines }: Panel, axis: Axis, left: number, top: number): string {
  const { width, height } = PANEL;
  const [fewest, most] = [Math.min(...axis.values), Math.max(...axis.values)];
  const x = (value: number): number => left + width * share(value, fewest, most);
  const y = (value: number): number => top + height * (1 - share(value, ...range));
  const columns = axis.values.map(
    (value) => `<text x="${round(x(value))}" y="${top + height + 18}" text-anchor="middle">${value}</text>`,
  );
  const grid = powersOfTen(...range).map(
    (value) => `<path d="M${left} ${round(y(value))}h${width}" stroke="#e5e7eb"/>
<text x="${left - 6}" y="${round(y(value) + 4)}" text-anchor="end">${value}</text>`,
  );
  const curves = lines.map(({ name, colour, values }, index) => {
    const points = values.map((value, at) => `${round(x(axis.values[at] ?? fewest))},${round(y(value))}`);
    const dots = points.map((point) => point.split(',')).map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3"/>`);
    return `<g fill="${colour}"><polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>
${dots.join('')}<text x="${left + 8}" y="${top + 14 + index * 15}">${name}</text></g>`;
  });
  return `<text x="${left}" y="${top - 22}" font-weight="bold">${title}</text>
<text x="${left}" y="${top - 8}">${unit}</text>
${[...grid, ...columns, ...curves].join('\n')}
<text x="${left + width / 2}" y="${top + height + 36}" text-anchor="middle">${axis.title}</text>`;
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
