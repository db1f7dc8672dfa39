import { styleText } from 'node:util';
import type { Terminal } from '../terminal.ts';
import type { InputFault } from './document.ts';
import type { InputEvents } from './folder-input.ts';

/** Tells people what becomes of their files. */
export function printInput({ write, colour }: Pick<Terminal, 'write' | 'colour'>): InputEvents {
  return {
    refused(faults) {
      for (const fault of faults)
        write(colour ? styleText('red', faultText(fault), { validateStream: false }) : faultText(fault));
      write(`${faults[0]?.file ?? ''} is not taken as long as this is wrong; what it held before goes on`);
    },
    taken(file, labels) {
      write(labels.length === 0 ? `${file} holds nothing any more` : `${file}: ${labels.join(', ')}`);
    },
  };
}

/** `FILE:LINE: FIELD: MESSAGE`, as editors and terminals make links of it. */
export function faultText({ file, line, field, message }: InputFault): string {
  return [line === 0 ? file : `${file}:${line}`, ...(field === '' ? [] : [field]), message].join(': ');
}
