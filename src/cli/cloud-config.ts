import { type Endpoints, hostOf, portSuffix, urlOf } from '../kernel/endpoints.ts'

/**
 * What `az cloud register --cloud-config @FILE` reads. The JSON form, because the flags of older versions lack Graph and the
 * managed HSM suffix. `/adfs` keeps MSAL from asking login.microsoftonline.com whether it knows our host; resource ids end
 * in a slash; the storage suffix alone begins without a dot.
 */
export function cloudConfig(endpoints: Endpoints): object {
  const management = `${urlOf(endpoints, 'management')}/`
  const graph = `${urlOf(endpoints, 'graph')}/`
  const suffix = (role: string) => `.${hostOf(endpoints, role)}`
  return {
    endpoints: {
      resourceManager: management,
      management,
      activeDirectory: `${urlOf(endpoints, 'login')}/adfs`,
      activeDirectoryResourceId: management,
      activeDirectoryGraphResourceId: graph,
      microsoftGraphResourceId: graph,
      logAnalyticsResourceId: urlOf(endpoints, 'loganalytics'),
    },
    suffixes: {
      keyvaultDns: suffix('vault'),
      mhsmDns: suffix('managedhsm'),
      storageEndpoint: `core.${endpoints.domain}${portSuffix(endpoints)}`,
      acrLoginServerEndpoint: suffix('azurecr'),
    },
  }
}
