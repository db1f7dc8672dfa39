import { EVENTS, type EventDescription } from '@sluice/operator/events.ts';
import { table } from './table.ts';

/** docs/events.md */
export function eventsReference(): string {
  const rows = Object.entries<EventDescription>(EVENTS).map(([reason, { type, on, when }]) => [
    `\`${reason}\``,
    type,
    on.join(', '),
    when,
  ]);
  return `# Events

What \`kubectl describe\` shows under Events of Channels, of StreamSessions and of the edges' Deployment, told by
\`sluice-operator\`. Generated from the code by \`npm run generate\`.

${table(['reason', 'type', 'on', 'when'], rows)}

At most 25 events per object in a burst, then one every five minutes; repetitions are counted in a series. What an event
says is in the conditions, the status and the log as well: the API server forgets events after an hour.
`;
}
