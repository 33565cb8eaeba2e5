import type { CorsRule } from '../../services/storage/cors.ts'
import type {
  AnalyticsLogging,
  AnalyticsMetrics,
  BlobServiceSettings,
  StaticWebsite,
} from '../../services/storage/storage-account.ts'
import type { XmlElement } from '../shared/xml.ts'

/** https://learn.microsoft.com/rest/api/storageservices/get-blob-service-properties#response-body */
export function servicePropertiesXml(settings: BlobServiceSettings): XmlElement {
  const { defaultServiceVersion, deleteRetentionDays } = settings
  return [
    'StorageServiceProperties',
    [
      ['Logging', logging(settings.logging)],
      ['HourMetrics', metrics(settings.hourMetrics)],
      ['MinuteMetrics', metrics(settings.minuteMetrics)],
      ['Cors', settings.corsRules.map(corsRule)],
      ...optional('DefaultServiceVersion', defaultServiceVersion),
      ['DeleteRetentionPolicy', [...retention(deleteRetentionDays), ['AllowPermanentDelete', false]]],
      ['StaticWebsite', website(settings.staticWebsite)],
    ],
  ]
}

function logging({ version, isRead, isWrite, isDelete, retentionDays }: AnalyticsLogging) {
  return [
    ['Version', version],
    ['Read', isRead],
    ['Write', isWrite],
    ['Delete', isDelete],
    ['RetentionPolicy', retention(retentionDays)],
  ] satisfies XmlElement[]
}

function metrics({ version, isEnabled, includesApis, retentionDays }: AnalyticsMetrics) {
  return [
    ['Version', version],
    ['Enabled', isEnabled],
    ...(isEnabled ? ([['IncludeAPIs', includesApis]] satisfies XmlElement[]) : []),
    ['RetentionPolicy', retention(retentionDays)],
  ] satisfies XmlElement[]
}

function retention(days: number | null): readonly XmlElement[] {
  return [['Enabled', days !== null], ...optional('Days', days)]
}

function corsRule(rule: CorsRule): XmlElement {
  return [
    'CorsRule',
    [
      ['AllowedMethods', rule.allowedMethods.join(',')],
      ['AllowedOrigins', rule.allowedOrigins.join(',')],
      ['AllowedHeaders', rule.allowedHeaders.join(',')],
      ['ExposedHeaders', rule.exposedHeaders.join(',')],
      ['MaxAgeInSeconds', rule.maxAgeSeconds],
    ],
  ]
}

function website(settings: StaticWebsite | null): readonly XmlElement[] {
  return [
    ['Enabled', settings !== null],
    ...optional('IndexDocument', settings?.indexDocument ?? null),
    ...optional('ErrorDocument404Path', settings?.errorDocument404Path ?? null),
    ...optional('DefaultIndexDocumentPath', settings?.defaultIndexDocumentPath ?? null),
  ]
}

function optional(name: string, value: string | number | null): readonly XmlElement[] {
  return value === null ? [] : [[name, value]]
}
