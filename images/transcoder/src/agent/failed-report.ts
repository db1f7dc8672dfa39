import type { AgentReport } from '@sluice/common/work/contract.ts';

/** What an agent says that could not even begin. */
export function failedReport(message: string): AgentReport {
  return {
    state: 'Failed',
    encoder: '',
    fallback: '',
    speed: null,
    outTimeSeconds: null,
    fedMsn: null,
    droppedRungs: [],
    cpuPercent: null,
    memoryBytes: null,
    message,
  };
}
