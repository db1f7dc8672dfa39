/** A condition before it is known since when it holds (API conventions, "Typical status properties"). */
export interface ConditionFinding {
  /** CamelCase adjective or past participle: `Ready`, `Scheduled`. */
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

/** A condition as metav1.Condition has it. */
export interface TimedCondition extends ConditionFinding {
  /** The generation of the object that was looked at. */
  readonly observedGeneration: number;
  /** RFC 3339; when `status` last changed. */
  readonly lastTransitionTime: string;
}

/**
 * Gives each condition its times: one whose status is the same as before keeps the time since when it holds, whatever its
 * reason and message say now.
 * @param previous the object's conditions so far
 * @param nowMilliseconds since the epoch
 */
export function timedConditions<Finding extends ConditionFinding>(
  findings: readonly Finding[],
  previous: readonly Pick<TimedCondition, 'type' | 'status' | 'lastTransitionTime'>[],
  observedGeneration: number,
  nowMilliseconds: number,
): (Finding & TimedCondition)[] {
  return findings.map((finding) => {
    const before = previous.find(({ type }) => type === finding.type);
    const lastTransitionTime =
      before?.status === finding.status ? before.lastTransitionTime : new Date(nowMilliseconds).toISOString();
    return { ...finding, observedGeneration, lastTransitionTime };
  });
}
