/** A command line as it is typed; each value put in stays one word, whatever it holds. */
export function words(parts: TemplateStringsArray, ...values: readonly string[]): readonly string[] {
  const mark = (at: number) => `\u0000${at}\u0000`
  const line = parts.map((part, at) => (at < values.length ? part + mark(at) : part)).join('')
  const put = (word: string) =>
    // eslint-disable-next-line no-control-regex -- the mark that no command line holds
    word.replace(/\u0000(\d+)\u0000/g, (_, at: string) => values[Number(at)] ?? '')
  return line.trim().split(/\s+/).map(put)
}
