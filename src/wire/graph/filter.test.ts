import { describe, expect, it } from 'vitest'
import { parseFilter } from './filter.ts'

const object = {
  id: '11111111-0000-0000-0000-000000000000',
  appId: '22222222-0000-0000-0000-000000000000',
  displayName: "O'Brien and sons",
  servicePrincipalNames: ['22222222-0000-0000-0000-000000000000'],
}

describe('parseFilter()', () => {
  it.each([
    [`servicePrincipalNames/any(c:c eq '${object.appId}')`, true],
    [`servicePrincipalNames/any(c:c eq '${object.id}')`, false],
    [`servicePrincipalNames/any( x : x eq '${object.appId}' )`, true],
    [`identifierUris/any(s:s eq 'api://x')`, false],
    [`appId eq '${object.appId}'`, true],
    [`appId eq '${object.id}'`, false],
    [`id eq '${object.id.toUpperCase()}'`, true],
    [`displayName eq 'O''Brien and sons'`, true],
    [`displayName eq 'o''brien AND sons'`, true],
    [`displayName eq 'O''Brien'`, false],
    [`startswith(displayName,'O''Br')`, true],
    [`startswith(displayName, 'x')`, false],
    [`startswith(displayName,'')`, true],
    [`appId eq '${object.appId}' and startswith(displayName,'O')`, true],
    [`appId eq '${object.appId}' and startswith(displayName,'P')`, false],
    [`displayName eq 'x' and appId eq '${object.appId}'`, false],
  ])('%s: %s', (filter, expected) => {
    expect(parseFilter(filter)(object)).toBe(expected)
  })

  it.each([
    '',
    "displayName ne 'x'",
    "displayName eq 'x",
    "displayName eq 'x' or displayName eq 'y'",
    "displayName eq 'x' and",
    "displayName eq 'x'and appId eq 'y'",
    "displayName eq 'x'' and appId eq 'y'",
    'displayName eq x',
    "servicePrincipalNames/any(c:d eq 'x')",
    "passwordCredentials/any(c:c eq 'x')",
    `displayName eq '${'x'.repeat(3_000)}'`,
  ])('refuses %j rather than list too much', (filter) => {
    expect(() => parseFilter(filter)).toThrow('filter-unsupported')
  })

  it('lets everything through when there is none', () => {
    expect(parseFilter(undefined)(object)).toBe(true)
  })
})
