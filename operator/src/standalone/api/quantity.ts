import { SluiceError } from '@sluice/common/errors/error.ts';

/** An amount as Kubernetes writes it, as a number of its unit: `500m` is 0.5, `1Ki` is 1024. */
export interface Quantity {
  readonly number: number;
}

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** Reads a resource.Quantity (k8s.io/apimachinery). @throws SluiceError `QUANTITY_INVALID` */
export function parseQuantity(text: string): Quantity {
  const [, digits = '', suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = BINARY.includes(suffix) ? 1024 ** (BINARY.indexOf(suffix) + 1) : DECIMAL[suffix];
  const number = Number(digits) * (factor ?? Number.NaN);
  if (digits === '' || Number.isNaN(number)) {
    throw new SluiceError(`"${text}" is not a quantity: write for example 2, 500m or 1Gi`, {
      code: 'QUANTITY_INVALID',
      retryable: false,
      status: 422,
    });
  }
  return { number };
}
