/** Units by their suffix (resource.Quantity of k8s.io/apimachinery). */
const UNITS: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A quantity as Kubernetes writes it as a number of its unit: `500m` is 0.5, `1Ki` is 1024. @throws RangeError */
export function quantityOf(text: string): number {
  const [, digits = '', suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const number = Number(digits) * (Object.hasOwn(UNITS, suffix) ? Number(UNITS[suffix]) : Number.NaN);
  if (digits === '' || Number.isNaN(number)) throw new RangeError(`"${text}" is not a quantity`);
  return number;
}
