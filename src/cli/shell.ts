/** One word for a POSIX shell, whatever is in it. */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** A command line that can be pasted. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellQuote).join(' ')
}
