/** Calls back once, after so many milliseconds. @returns what calls it off */
export type SetTimer = (callback: () => void, milliseconds: number) => () => void;

/** The machine's timers. */
export const setMachineTimer: SetTimer = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};
