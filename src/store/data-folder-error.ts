/** Why a data folder cannot be used, and what to do next: one line, fit to be printed as it is. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}
