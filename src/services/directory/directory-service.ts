import type { Directory } from './directory.ts'
import type { DirectoryObjects } from './directory-objects.ts'
import type { TokenEndpoint } from './token-endpoint.ts'

/** The whole of it, for the composition root and for the protocols that speak to the directory. */
export interface DirectoryService extends Directory, TokenEndpoint, DirectoryObjects {}
