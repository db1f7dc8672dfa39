import { CHANNEL_REASONS, type ReasonDescription } from '@sluice/operator/conditions.ts';
import { STREAM_SESSION_REASONS } from '@sluice/operator/session-conditions.ts';
import { code, table } from './table.ts';

/** docs/conditions.md */
export function conditionsReference(): string {
  return `# Conditions

What \`kubectl describe\` shows under Conditions. A reason is stable and meant for programs, a message for people: it names
the object that is waited for. \`kubectl wait --for=condition=Ready channel/film\` works as usual. Generated from the code by
\`npm run generate\`.

## Channel

${reasons(CHANNEL_REASONS)}

## StreamSession

${reasons(STREAM_SESSION_REASONS)}

Phases: \`Pending\`, \`Starting\`, \`Running\`, then \`Completed\` or \`Failed\` (\`Stored\` is reserved). A session that is not
wanted any more is deleted by the operator; one that a user deletes while it is wanted is made anew under the next number.
`;
}

function reasons(descriptions: readonly ReasonDescription[]): string {
  let last = '';
  const rows = descriptions.map(({ type, status, reasons: words, others = '', meaning }) => {
    const name = type === last ? '' : `\`${type}\``;
    last = type;
    return [name, status.join(', '), [code(words), others].filter((text) => text !== '').join(', '), meaning];
  });
  return table(['type', 'status', 'reason', 'meaning, remedy'], rows);
}
