/**
 * Says a line to whoever runs this. A line that begins with `warning: ` is one. A status is what goes on at the moment:
 * the next one takes its place where that is possible.
 */
export type Log = (line: string, kind?: "status") => void;
