/** Whether programs in this shell send HTTPS through a proxy. */
export function usesProxy(environment: NodeJS.ProcessEnv): boolean {
  return ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].some(
    (name) => (environment[name] ?? '') !== '',
  )
}

/** The hosts that are reached without it, as they stand there. */
export function exceptions(environment: NodeJS.ProcessEnv): ReadonlySet<string> {
  const listed = [environment['no_proxy'], environment['NO_PROXY']].join(',').split(',')
  return new Set(listed.map((host) => host.trim()).filter((host) => host !== ''))
}
